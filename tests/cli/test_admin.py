"""`slipway admin`: users, teams and roles, on the data folder of a server."""

import concurrent.futures
import contextlib
import sqlite3
import urllib.error
import urllib.request

import pytest

from harness import KEY, QUEUE_CONFIG


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


def test_lists_of_people(people):
    people("team", "create", "vision", "--admin", "ada")
    people("service", "create", "vision", "agent", "--role", "member")
    people("team", "create", "audio")
    users = people("user", "list")

    assert [(u["username"], u["admin"], u["team"]) for u in users] == [("ada", False, None), ("agent", False, "vision"), ("bob", False, None)]
    assert list(users[0]) == ["username", "email", "admin", "team", "created", "disabled"]
    assert people("team", "list") == [
        {"team": "audio", "members": []},
        {"team": "vision", "members": [{"username": "ada", "role": "admin"}, {"username": "agent", "role": "member"}]}]


def test_the_server_keeps_an_admin(people):
    assert people("user", "role", "ada", "admin") == {"username": "ada", "role": "admin"}
    assert "last admin" in people.fails(7, "user", "role", "ada", "user")
    people("user", "role", "bob", "admin")
    people("user", "role", "ada", "user")
    assert "not 'owner'" in people.fails(2, "user", "role", "ada", "owner")


def test_a_disabled_user_is_shut_out(people, place):
    key = people("key", "create", "bob")["api_key"]
    people("user", "role", "ada", "admin")
    place.use(place.start("server", "--data", "d", "--port", "0").url(), key=key, entity=None)

    assert place.json("queue", "list") == []
    assert people("user", "disable", "bob") == {"username": "bob", "disabled": True}
    place.fails(4, "queue", "list")
    assert [bool(u["disabled"]) for u in people("user", "list")] == [False, True]
    people("user", "enable", "bob")
    assert place.json("queue", "list") == []
    assert "last admin" in people.fails(7, "user", "disable", "ada")
    assert "no user 'eve'" in people.fails(6, "user", "disable", "eve")
    assert [r["what"] for r in people("audit", "list")][-3:] == ["user.role", "user.disable", "user.enable"]


def test_a_users_keys(people):
    made = people("key", "create", "ada", "--name", "laptop", "--expires", "90d")
    keys = people("key", "list", "ada")

    assert list(made) == ["id", "user", "api_key"]
    assert list(keys[1]) == ["id", "user", "name", "prefix", "created", "last_used", "expires", "revoked", "state"]
    assert keys[1]["id"] == made["id"] and made["api_key"].startswith(keys[1]["prefix"]) and keys[1]["name"] == "laptop"
    assert keys[0]["expires"] is None and keys[1]["expires"] > keys[1]["created"]
    assert [k["state"] for k in keys] == ["good", "good"]

    assert people("key", "revoke", made["id"])["user"] == "ada"
    assert [k["state"] for k in people("key", "list", "ada")] == ["good", "revoked"]
    assert "was revoked before" in people.fails(7, "key", "revoke", made["id"])
    assert "key 99" in people.fails(6, "key", "revoke", "99")
    assert "not the number of a key" in people.fails(2, "key", "revoke", "laptop")
    assert "--expires" in people.fails(2, "key", "create", "ada", "--expires", "soon")
    assert "no user 'eve'" in people.fails(6, "key", "create", "eve")


def test_a_running_server_heeds_what_is_changed_beside_it(place):
    data = ("--data", "d")
    first = place.json("admin", "user", "create", "ada", *data)["api_key"]
    url = place.start("server", "--data", "d", "--port", "0").url()
    more = place.json("admin", "key", "create", "ada", *data)
    brought = place.json("admin", "key", "create", "ada", "--api-key", "brought-from-elsewhere-0123456789-0123456789", *data)

    for key in first, more["api_key"], brought["api_key"]:
        place.use(url, key=key, entity=None)
        assert place.json("queue", "list") == []
    for gone in more, brought:
        place.ok("admin", "key", "revoke", gone["id"], *data)
        place.use(url, key=gone["api_key"], entity=None)
        place.fails(4, "queue", "list")

    place.json("admin", "team", "create", "vision", "--admin", "ada", *data)
    agent = place.json("admin", "service", "create", "vision", "agent", *data)["api_key"]
    place.use(url, key=agent, entity=None)
    assert place.json("queue", "list") == []  # of its team, where it names none
    create = ("queue", "create", "q", "--config", QUEUE_CONFIG, "--entity", "vision")
    assert "needs the role admin" in place.fails(5, *create)
    place.ok("admin", "team", "role", "vision", "agent", "none", *data)
    assert "does not exist" in place.fails(6, *create)


def test_the_audit_log_is_whole_until_somebody_changes_it(people, place):
    people("team", "create", "vision", "--admin", "ada")
    rows = people("audit", "list")
    whole = people("audit", "verify")

    assert [(r["what"], r["object"]) for r in rows] == [("user.create", "user ada"), ("user.create", "user bob"), ("team.create", "team vision"),
                                                        ("team.role", "user ada in team vision")]
    assert all(r["who"].startswith("operator uid ") for r in rows)
    assert whole == {"rows": 4, "broken": None, "why": None, "head": f"4:{rows[3]['hash']}"}
    assert people("audit", "verify", "--known", f"2:{rows[1]['hash']}") == whole
    assert "no head" in people.fails(2, "audit", "verify", "--known", "2:ab")
    assert people("audit", "list", "--from", "2", "--count", "1") == rows[1:2]

    with contextlib.closing(sqlite3.connect(place.folder / "d" / "slipway.db")) as db:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute("UPDATE audit SET who = 'somebody else' WHERE seq = 2")
        db.execute("DROP TRIGGER audit_is_not_changed")
        db.execute("UPDATE audit SET who = 'somebody else' WHERE seq = 2")
        db.commit()
    done = place.slipway("admin", "audit", "verify", "--data", "d")
    assert done.returncode == 1 and "row 2 of the audit log was changed" in done.stderr


def test_a_key_that_asks_too_often_is_told_when_to_come_again(place):
    key = place.json("admin", "user", "create", "ada", "--data", "d")["api_key"]
    url = place.start("server", "--data", "d", "--port", "0", "--key-rate", "1").url()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    statuses = []

    while len(statuses) < 100 and 429 not in statuses:  # ten come together, and one a second
        request = urllib.request.Request(f"{url}/graphql", b'{"query":"{viewer{id}}"}', headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                statuses.append(reply.status)
        except urllib.error.HTTPError as e:
            statuses.append(e.code)
            assert e.headers["Retry-After"] == "1" and b"too many requests with this API key" in e.read()
    assert statuses.count(200) >= 10 and statuses[-1] == 429
    place.use(url, key=key, entity=None)
    assert "try again in 1 s" in place.fails(12, "queue", "list")


def test_many_who_come_at_once_with_a_right_key_that_was_chosen_are_let_in(place):
    """Its digest takes its time, and the tries for wrong keys are few."""
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    url = place.start("server", "--data", "server", "--port", "0").url()
    place.use(url)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        done = list(pool.map(lambda _: place.slipway("queue", "list"), range(24)))
    assert {d.returncode for d in done} == {0}, {d.stderr for d in done}
