"""`slipway admin`: users, teams and roles, on the data folder of a server."""

import pytest


@pytest.fixture
def people(place):
    """A data folder with ada and bob, and a function that runs an admin verb on it."""
    def admin(*words, **options):
        return place.json("admin", *words, "--data", "d", **options)

    admin.fails = lambda status, *words: place.fails(status, "admin", *words, "--data", "d")
    for name in "ada", "bob":
        admin("user", "create", name)
    return admin


def test_a_role_is_given_in_a_team(people):
    people("team", "create", "vision", "--admin", "ada")

    assert people("team", "role", "vision", "bob", "viewer") == {"team": "vision", "user": "bob", "role": "viewer", "queue": None}
    assert people("team", "role", "vision", "bob", "none")["role"] == "none"


def test_a_role_is_refused_with_what_is_wrong(people):
    people("team", "create", "vision", "--admin", "ada")

    assert "no role 'owner'" in people.fails(8, "team", "role", "vision", "bob", "owner")
    assert "no team 'audio'" in people.fails(6, "team", "role", "audio", "bob", "member")
    assert "no user 'eve'" in people.fails(6, "team", "role", "vision", "eve", "member")
    assert "bob is not a member" in people.fails(6, "team", "role", "vision", "bob", "member", "--queue", "gpu")
    assert "no queue 'gpu'" in people.fails(6, "team", "role", "vision", "ada", "viewer", "--queue", "gpu")


def test_a_team_of_people_who_are_not_there_is_not_made(people):
    assert "no user 'eve'" in people.fails(6, "team", "create", "vision", "--member", "eve")
    people("team", "create", "vision", "--member", "ada")
