"""`slipway up`: ready, used again and again on one folder, and gone at one Ctrl-C."""

import os
import signal

import pytest

from harness import HeldJob, Up, group_is_empty, wait_for


def test_one_ctrl_c_ends_everything_within_ten_seconds(place):
    up = Up(place)
    job = HeldJob(place)
    program = job.wait_started()[0]

    os.killpg(up.process.pid, signal.SIGINT)  # as a terminal does

    assert up.process.ends(10) == 0
    assert not os.path.exists(f"/proc/{program}")
    assert group_is_empty(up.process.pid)


def test_an_impatient_second_ctrl_c_ends_it_at_once(place):
    up = Up(place)

    up.process.popen.send_signal(signal.SIGINT)
    up.process.popen.send_signal(signal.SIGINT)

    assert up.process.ends(10) in (0, -signal.SIGINT)


def test_a_folder_is_used_again_with_its_queues_items_and_jobs(place):
    up = Up(place)
    done = place.item_at_end(place.launch("q", "-c", "print('once')"))
    running = HeldJob(place)
    running.wait_started()
    assert up.process.stop(signal.SIGINT) == 0

    again = Up(place)

    assert again.key == up.key
    assert place.item(done["id"])["state"] == "FINISHED"
    assert "once" in place.ok("logs", done["id"])
    running.let_go()
    assert place.item_at_end(running.item)["state"] == "FINISHED"
    assert again.process.stop(signal.SIGINT) == 0


def test_what_it_prints_is_enough_to_use_it(place):
    up = Up(place)
    said = up.process.out()

    source = next(line.strip() for line in said.splitlines() if line.strip().startswith(". "))
    done = place.run("/bin/sh", "-c", f"{source} && env", WANDB_API_KEY=None)

    assert f"WANDB_BASE_URL={up.url}" in done.stdout and f"SLIPWAY_GOOGLE_ENDPOINT={up.emulator}" in done.stdout
    assert up.key not in said
    assert (up.data / "env").stat().st_mode & 0o777 == 0o600
    assert (up.data / "admin.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("flag", ["--port", "--emulator-port"])
def test_a_port_that_is_taken_is_named_and_nothing_stays(place, flag):
    first = Up(place)
    port = first.url.rpartition(":")[2]

    line = place.fails(15, "up", "--data", "other", flag, port)

    assert f"cannot listen on 127.0.0.1:{port}" in line and "choose another one" in line
    assert first.process.stop() == 0


def test_a_killed_up_starts_again(place):
    up = Up(place)
    job = HeldJob(place)
    program = job.wait_started()[0]
    up.process.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{program}"))

    again = Up(place)
    job.wait_started(2)
    job.let_go()

    item = place.item_at_end(job.item)
    assert item["state"] == "FINISHED"
    assert [e["state"] for e in item["history"]].count("FINISHED") == 1
    assert again.process.stop() == 0
