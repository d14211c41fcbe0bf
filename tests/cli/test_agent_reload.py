"""The launch config is read again on SIGHUP and when its file changes, and no job is dropped."""

import os
import signal

import pytest

from harness import QUEUE_CONFIG, HeldJob, wait_for


@pytest.fixture
def config(world):
    """A function that writes the launch config, as an editor does: another file, renamed."""
    def write(text):
        new = world.place.folder / "launch.yaml.new"
        new.write_text(text)
        new.rename(world.place.folder / "launch.yaml")
    write("queues: [q]\nmax_jobs: 1\n")
    return write


def start(world):
    agent = world.place.start("agent", "--config", "launch.yaml", "--state-dir", "agent")
    agent.wait_log("agent.registered")
    return agent


def status(world):
    return world.place.json("agent", "status", "--state-dir", "agent")


def test_more_jobs_and_another_queue_come_without_a_restart(world, config):
    agent = start(world)
    first, second = HeldJob(world.place), HeldJob(world.place)
    first.wait_started()
    world.place.ok("queue", "create", "other", "--config", QUEUE_CONFIG)
    third = HeldJob(world.place, "other")
    assert not second.starts() and not third.starts()

    config("queues: [q, other]\nmax_jobs: 3\n")
    agent.wait_log("config.reloaded")
    second.wait_started()
    third.wait_started()
    assert status(world)["queues"] == ["q", "other"] and status(world)["slots"]["max"] == 3
    for job in (first, second, third):
        job.let_go()
        assert world.place.item_at_end(job.item)["state"] == "FINISHED"
        assert len(job.starts()) == 1


def test_a_queue_that_goes_is_asked_no_more_and_its_job_goes_on(world, config):
    world.place.ok("queue", "create", "other", "--config", QUEUE_CONFIG)
    config("queues: [q, other]\nmax_jobs: 4\n")
    agent = start(world)
    job = HeldJob(world.place, "other")
    job.wait_started()
    config("queues: [q]\nmax_jobs: 4\n")
    agent.wait_log("config.reloaded")
    wait_for(lambda: status(world)["queues"] == ["q"])
    job.let_go()
    assert world.place.item_at_end(job.item)["state"] == "FINISHED"


def test_sighup_reads_it_again_and_a_wrong_one_changes_nothing(world, config):
    agent = start(world)
    config("queues: [q]\nmax_jbos: 5\n")
    line = agent.wait_log(r"config\.not_reloaded.*").group(0)
    assert "launch.yaml:2" in line and "max_jobs" in line
    assert status(world)["slots"]["max"] == 1

    os.kill(agent.pid, signal.SIGHUP)
    wait_for(lambda: len(agent.events("config.not_reloaded")) >= 2)
    config("queues: [q]\nmax_jobs: 2\nwandb: {api_key_secret: projects/p/secrets/key}\n")
    agent.wait_log("config.reloaded")
    assert "key=wandb.api_key_secret" in agent.wait_log(r"config\.needs_restart.*").group(0)
    assert status(world)["slots"]["max"] == 2
    assert agent.stop() == 0
