"""The agent as a service: what it tells systemd, and how it ends."""

import json
import signal
import socket

import pytest

from harness import HeldJob


@pytest.fixture
def systemd(place):
    """The socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(place.folder / "notify"))
        s.settimeout(20)
        yield s


def words(systemd):
    return systemd.recv(4096).decode()


def test_systemd_is_told_of_the_start_of_life_and_of_the_end(world, systemd):
    agent = world.start_agent(NOTIFY_SOCKET=systemd.getsockname(), WATCHDOG_USEC="40000")

    assert words(systemd) == "READY=1"
    assert words(systemd) == "WATCHDOG=1"
    assert words(systemd) == "WATCHDOG=1"
    assert agent.stop() == 0
    said = words(systemd)
    while said == "WATCHDOG=1":
        said = words(systemd)
    assert said == "STOPPING=1"


def test_a_watchdog_that_is_meant_for_another_process_is_left_alone(world, systemd):
    agent = world.start_agent(NOTIFY_SOCKET=systemd.getsockname(), WATCHDOG_USEC="4000", WATCHDOG_PID="1")

    assert agent.stop() == 0
    assert [words(systemd), words(systemd)] == ["READY=1", "STOPPING=1"]


def test_a_queue_server_tells_systemd_too(place, systemd):
    server = place.start("server", "--data", "server", "--port", "0", NOTIFY_SOCKET=systemd.getsockname())

    assert words(systemd) == "READY=1"
    assert server.stop() == 0
    assert words(systemd) == "STOPPING=1"


def test_a_notify_socket_that_is_not_there_stops_nothing(world):
    assert world.start_agent(NOTIFY_SOCKET="/nowhere/notify").stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_an_agent_that_still_drains(world, number):
    agent = world.start_agent()
    world.server.popen.send_signal(signal.SIGSTOP)  # the last word to it takes its time
    try:
        agent.popen.send_signal(number)
        agent.wait_log("agent.draining")
        assert agent.stop(number) == -number
    finally:
        world.server.popen.send_signal(signal.SIGCONT)


def test_on_exit_stop_ends_the_jobs_and_tells_the_queue(world):
    agent = world.start_agent("--on-exit", "stop")
    job = HeldJob(world.place)
    job.wait_started()

    assert agent.stop() == 0

    assert world.place.item(job.item)["state"] == "STOPPED"
    assert [j["state"] for j in world.vertex_jobs()] == ["JOB_STATE_CANCELLED"]


def test_the_form_of_log_lines_can_be_chosen(world):
    agent = world.start_agent("--log-format", "text")
    assert agent.stop() == 0
    assert not any(line.startswith("{") for line in agent.log().splitlines())

    agent = world.start_agent("--log-format", "json")
    assert agent.stop() == 0
    assert all(json.loads(line)["severity"] for line in agent.log().splitlines())


@pytest.mark.parametrize("flag", ["--on-exit", "--log-format"])
def test_a_word_that_a_flag_does_not_know_is_refused(place, flag):
    assert f'{flag}: "kill" is neither' in place.fails(2, "agent", "-q", "q", flag, "kill")
