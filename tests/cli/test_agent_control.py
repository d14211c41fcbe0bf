"""An agent's socket: what its operator sees and may ask for."""

import os
import socket
import stat

from harness import HeldJob, wait_for


def status(world):
    return world.place.json("agent", "status", "--state-dir", "agent")


def test_status_says_what_an_agent_does(world):
    agent = world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    wait_for(lambda: status(world)["launches"] == {"active": 1})
    seen = status(world)

    assert seen["pid"] == agent.pid and seen["queues"] == ["q"] and seen["entity"] == "ada"
    assert seen["slots"]["max"] == 4 and seen["ready"] and not seen["paused"]
    text = world.place.ok("agent", "status", "--state-dir", "agent")
    assert "takes items" in text and "1 active" in text and "ada/q" in text
    job.let_go()


def test_a_paused_agent_takes_nothing_and_a_resumed_one_goes_on(world):
    agent = world.start_agent()
    first = HeldJob(world.place)
    first.wait_started()
    assert "paused: takes nothing" in world.place.ok("agent", "pause", "--state-dir", "agent")
    agent.wait_log("agent.paused")
    first.let_go()
    assert world.place.item_at_end(first.item)["state"] == "FINISHED"  # jobs go on

    later = [HeldJob(world.place) for _ in range(3)]
    for job in later:
        job.let_go()
    wait_for(lambda: status(world)["launches"] in ({}, {"active": 1}) or None)
    states = sorted(world.place.item(job.item)["state"] for job in later)
    assert states.count("PENDING") >= 2  # the poll that was under way may have brought one

    assert "takes items" in world.place.ok("agent", "resume", "--state-dir", "agent")
    for job in later:
        assert world.place.item_at_end(job.item)["state"] == "FINISHED"


def test_a_drain_ends_the_agent_and_leaves_its_job(world):
    agent = world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    world.place.ok("agent", "drain", "--state-dir", "agent")

    assert agent.ends() == 0
    os.kill(job.starts()[0], 0)
    assert not (world.place.folder / "agent/agent.sock").exists()
    world.start_agent()
    job.let_go()
    assert world.place.item_at_end(job.item)["state"] == "FINISHED"


def test_without_an_agent_it_says_so_also_after_a_kill(world):
    assert "no agent runs with the state folder agent" in world.place.fails(6, "agent", "status", "--state-dir", "agent")
    agent = world.start_agent()
    agent.kill()
    assert (world.place.folder / "agent/agent.sock").exists()
    assert "nobody answers on its socket" in world.place.fails(10, "agent", "status", "--state-dir", "agent")
    world.start_agent()  # what the dead one left is in nobody's way
    assert status(world)["ready"] is not None


def test_the_socket_is_for_its_user_alone(world):
    world.start_agent()
    path = world.place.folder / "agent/agent.sock"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as s:  # nonsense harms nobody
        s.connect(str(path))
        s.sendall(b"\x00\xff nonsense\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 ")
    assert status(world)["pid"] == world.agent.pid


def test_an_agent_works_in_a_folder_whose_name_is_too_long_for_a_socket(world):
    agent = world.place.start("agent", "-q", "q", "--state-dir", "d" * 120)

    assert "the path of the socket is too long" in agent.wait_log(r"agent\.no_socket.*").group(0)
    agent.wait_log("agent.registered")
