"""The agent as an operator meets it: its flags, one a folder, stopping, and every role killed in the middle of a job."""

import os
import signal

import pytest

from harness import BINARY, QUEUE_CONFIG, HeldJob, World, wait_for


def ends(item):
    return [event["state"] for event in item["history"] if event["state"] in ("FINISHED", "FAILED", "STOPPED")]


def finished_once(world, job, vertex_jobs=1):
    item = world.place.item_at_end(job.item)
    assert item["state"] == "FINISHED", item
    assert ends(item) == ["FINISHED"]
    assert len(world.vertex_jobs()) == vertex_jobs


# --- one a folder, stopping, restarting

def test_a_second_agent_on_a_state_folder_is_refused(world):
    agent = world.start_agent()

    line = world.place.fails(7, "agent", "-q", "q", "--state-dir", "agent")

    assert "agent is in use by another agent" in line and f"process {agent.pid}" in line
    assert agent.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_agent_takes_nothing_leaves_jobs_running_and_carries_on_later(world, number):
    agent = world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    wait_for(lambda: world.place.item(job.item)["state"] == "RUNNING")

    assert agent.stop(number) == 0
    later = HeldJob(world.place)
    assert world.place.item(later.item)["state"] == "PENDING"
    assert len(world.vertex_jobs()) == 1
    os.kill(job.starts()[0], 0)  # it still runs

    world.start_agent()
    job.let_go()
    later.let_go()
    finished_once(world, job, 2)
    assert world.place.item_at_end(later.item)["state"] == "FINISHED"
    assert len(job.starts()) == 1
    assert len(world.vertex_jobs()) == 2


# --- killed

def test_an_agent_killed_during_a_job_takes_it_up_and_creates_nothing_twice(world):
    agent = world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    agent.kill()

    assert len(job.starts()) == 1
    world.start_agent()
    job.let_go()

    finished_once(world, job)
    assert len(job.starts()) == 1


def test_a_server_killed_during_a_job_loses_nothing(world):
    world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    world.server.kill()
    job.let_go()  # the end comes while there is nobody to tell it to
    wait_for(lambda: world.vertex_jobs()[0]["state"] == "JOB_STATE_SUCCEEDED")

    world.start_server()

    finished_once(world, job)


def test_an_emulator_killed_during_a_job_runs_its_program_again_and_says_so(world):
    world.start_agent()
    job = HeldJob(world.place)
    first = job.wait_started()[0]
    world.emulator.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{first}"))  # its programs die with it

    world.start_emulator()
    job.wait_started(2)
    job.let_go()

    finished_once(world, job)
    assert len(job.starts()) == 2
    assert "The emulator was restarted" in world.place.ok("logs", job.item)
    assert world.emulator.events("emulator.resumed") == ["jobs=1"]


def test_all_three_killed_at_once(world):
    agent = world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    for process in (agent, world.server, world.emulator):
        process.kill()

    world.start_server()
    world.start_emulator()
    world.start_agent()
    job.let_go()

    finished_once(world, job)


def test_a_vertex_that_cannot_be_reached_is_waited_for_and_the_reason_shown(world):
    world.emulator.stop()
    agent = world.start_agent()
    job = HeldJob(world.place)
    job.let_go()
    agent.wait_log("launch.waiting")

    item = world.place.item(job.item)
    assert ends(item) == []
    assert "waiting to try again: " in item["history"][-1]["note"] and "connect" in item["history"][-1]["note"]

    world.start_emulator()
    finished_once(world, job)


def test_a_server_that_is_down_at_the_start_is_waited_for(world):
    world.server.stop()
    agent = world.place.start("agent", "-q", "q", "--state-dir", "agent")
    agent.wait_log("agent.not_registered")

    world.start_server()

    agent.wait_log("agent.registered")
    assert agent.stop() == 0


def test_without_an_entity_too(world):
    world.server.stop()
    agent = world.place.start("agent", "-q", "q", "--state-dir", "agent", WANDB_ENTITY=None)
    agent.wait_log("agent.not_registered")
    world.start_server()
    agent.wait_log("agent.registered")
    assert agent.stop() == 0

    world.server.stop()
    agent = world.place.start("agent", "-q", "q", "--state-dir", "agent", WANDB_ENTITY=None)
    agent.wait_log("agent.not_registered")
    assert agent.stop() == 0  # also while it waits


def test_a_queue_that_is_made_later_is_taken_from_and_the_others_meanwhile(world):
    agent = world.place.start("agent", "-q", "later", "-q", "q", "-j", "4", "--state-dir", "agent")
    agent.wait_log("agent.no_queue.*later.*there=")
    assert world.place.item_at_end(world.place.launch("q"))["state"] == "FINISHED"

    world.place.ok("queue", "create", "later", "--config", QUEUE_CONFIG)
    item = world.place.launch("later")
    assert world.place.item_at_end(item)["state"] == "FINISHED"
    assert len(agent.events("agent.registered")) == 2 and len(agent.events("agent.no_queue")) == 1
    assert agent.stop() == 0


# --- flags

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    from conftest import make_place

    for p in make_place(tmp_path_factory, "flags"):
        yield World(p)


def run_agent(world, *options, word="agent", **more):
    agent = world.place.start(word, "--state-dir", f"agent-{len(world.place.processes)}", *options, **more)
    agent.wait_log("agent.registered")
    return agent


def test_several_queues_and_no_limit(shared):
    shared.place.ok("queue", "create", "r", "--config", QUEUE_CONFIG)
    agent = run_agent(shared, "-q", "q", "--queue=r", "-j", "-1")
    jobs = [HeldJob(shared.place, queue) for queue in ("q", "r", "q")]

    for job in jobs:
        job.wait_started()  # all at once
    for job in jobs:
        job.let_go()
        assert shared.place.item_at_end(job.item)["state"] == "FINISHED"
    assert agent.stop() == 0


def test_url_wins_over_the_environment(shared):
    agent = run_agent(shared, "-q", "q", "--url", shared.server_url, WANDB_BASE_URL="http://127.0.0.1:1")

    assert f"server={shared.server_url}" in agent.events("agent.registered")[0]
    assert agent.stop() == 0


def test_verbose_says_more(shared):
    quiet = run_agent(shared, "-q", "q")
    loud = run_agent(shared, "-q", "q", "--verbose")

    assert quiet.stop() == 0 and loud.stop() == 0
    assert '"DEBUG"' not in quiet.log()
    assert '"DEBUG"' in loud.log()


def test_a_log_file_gets_the_same_lines_and_is_private(shared):
    agent = run_agent(shared, "-q", "q", "--log-file", "agent.log")
    assert agent.stop() == 0

    file = shared.place.folder / "agent.log"
    assert "agent.registered" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    again = run_agent(shared, "-q", "q", "-l", "agent.log")  # appends
    assert again.stop() == 0
    assert file.read_text().count("agent.registered") == 2


def test_a_log_file_called_minus_is_standard_output(shared):
    agent = run_agent(shared, "-q", "q", "-l", "-")

    assert agent.stop() == 0
    assert "agent.registered" in agent.out()


def test_a_launch_config_file_is_read_from_home_and_flags_win(shared):
    folder = shared.place.home / ".config/wandb"
    folder.mkdir(parents=True)
    (folder / "launch-config.yaml").write_text("entity: ada\nqueues: [nix]\nmax_jobs: 2\n")
    try:
        agent = shared.place.start("agent", "--state-dir", "x")
        agent.wait_log('agent.no_queue.*nix')
        assert agent.stop() == 0
        agent = run_agent(shared, "-q", "q")
        assert agent.stop() == 0
    finally:
        (folder / "launch-config.yaml").unlink()


def test_a_link_named_wandb_answers_launch_agent_and_nothing_else(shared):
    link = shared.place.folder / "wandb"
    link.symlink_to(BINARY)

    assert "usage: slipway launch-agent" in shared.place.run(link, "launch-agent", "--help").stdout
    assert shared.place.run(link, "--version").stdout.startswith("slipway ")
    refused = shared.place.run(link, "launch", "-q", "q")
    assert refused.returncode == 2 and "`wandb launch-agent` only" in refused.stderr
    agent = run_agent(shared, "-q", "q", "-e", "ada", word="launch-agent")
    assert agent.stop() == 0


def test_version(place):
    assert place.ok("--version") == place.ok("version")
    assert place.json("version")["version"] == place.ok("--version").split()[1]
