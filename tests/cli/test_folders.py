"""One process a folder: who is refused, who is not, and what a first start makes."""

import pytest

from harness import KEY

ROLES = [("server", "--data"), ("emulator", "--data")]


@pytest.mark.parametrize("role, flag", ROLES)
def test_a_second_one_on_a_folder_is_refused_and_told_who_has_it(place, role, flag):
    first = place.start(role, flag, "data", "--port", "0")
    first.url()

    line = place.fails(7, role, flag, "data", "--port", "0")

    assert f"data is in use by another {role}" in line
    assert f"process {first.pid}" in line
    assert "a folder of its own" in line
    assert first.stop() == 0


@pytest.mark.parametrize("role, flag", ROLES)
def test_a_lock_left_by_a_killed_process_does_not_block(place, role, flag):
    first = place.start(role, flag, "data", "--port", "0")
    first.url()
    first.kill()

    second = place.start(role, flag, "data", "--port", "0")

    assert second.url()
    assert second.stop() == 0


def test_a_second_up_on_a_folder_is_refused(place):
    first = place.start("up", "--data", "data")
    first.wait_out("/env\n")

    line = place.fails(7, "up", "--data", "data")

    assert "data/server is in use by another server" in line and f"process {first.pid}" in line
    assert first.stop() == 0


def test_admin_works_beside_a_live_server(place):
    server = place.start("server", "--data", "data", "--port", "0")
    url = server.url()

    place.ok("admin", "user", "create", "ada", "--data", "data", "--api-key", KEY)
    place.use(url)

    assert place.json("queue", "list") == []
    assert server.stop() == 0
