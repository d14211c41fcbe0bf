"""One process a folder: who is refused, who is not, and what a first start makes."""

import pytest

from harness import BINARY, KEY

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


def keys_printed(text):
    return [line.strip() for line in text.splitlines() if len(line.strip()) >= 40 and " " not in line.strip()]


def test_the_first_start_makes_an_admin_and_prints_its_key_once(place):
    server = place.start("server", "--data", "data", "--port", "0")
    url = server.url()
    server.wait_out("wandb login")
    keys = keys_printed(server.out())
    server.stop()

    again = place.start("server", "--data", "data", "--port", "0")
    place.use(again.url(), key=keys[0], entity="admin")

    assert len(keys) == 1 and url
    assert place.json("queue", "list") == []
    assert again.stop() == 0
    assert keys_printed(again.out()) == []


def test_a_first_start_that_cannot_listen_loses_no_key(place):
    other = place.start("server", "--data", "other", "--port", "0")
    port = other.url().rpartition(":")[2]

    line = place.fails(15, "server", "--data", "data", "--port", port)
    server = place.start("server", "--data", "data", "--port", "0")
    server.wait_out("wandb login")

    assert f"127.0.0.1:{port}" in line
    assert len(keys_printed(server.out())) == 1
    assert server.stop() == 0


def test_admin_on_an_empty_folder_makes_what_was_asked_and_the_server_nothing_more(place):
    made = place.json("admin", "user", "create", "ada", "--admin", "--data", "data")
    server = place.start("server", "--data", "data", "--port", "0")
    place.use(server.url(), key=made["api_key"])

    assert place.json("queue", "list") == []
    assert keys_printed(server.out()) == []
    line = place.fails(7, "admin", "user", "create", "ada", "--data", "data")
    assert "ada" in line
    assert place.json("admin", "user", "create", "admin", "--admin", "--data", "data")["username"] == "admin"
    assert server.stop() == 0


def test_up_after_admin_on_its_folder_has_a_key_of_its_own(place):
    place.ok("admin", "user", "create", "ada", "--data", "data/server")
    up = place.start("up", "--data", "data")
    up.wait_out("/env\n")

    assert place.run("/bin/sh", "-c", '. data/env && exec "$0" queue list', BINARY).returncode == 0
    assert up.stop() == 0


def test_up_without_its_key_says_how_to_get_another(place):
    place.ok("admin", "user", "create", "admin", "--admin", "--data", "data/server")

    line = place.fails(7, "up", "--data", "data")

    assert "data/admin.key is missing" in line and "slipway admin user create NAME --admin --data data/server" in line
