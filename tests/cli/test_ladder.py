"""The ladder of regions, strategies and machines, preemption and time-outs, on an emulator that is out of this or that."""

import json
import time
import urllib.request

import pytest

from harness import HeldJob, wait_for

LADDER = """
vertex:
  staging_buckets: {us-central1: gs://central, us-east4: gs://east}
  queues:
    q:
      ladder:
      - {region: [us-central1, us-east4], strategy: SPOT}
      - {region: us-central1, strategy: STANDARD}
"""


class Ladder:
    def __init__(self, world, config=LADDER):
        self.world, self.place = world, world.place
        (self.place.folder / "launch.yaml").write_text(config)

    def start(self, **more):
        return self.world.start_agent("--config", "launch.yaml", **more)

    def capacity(self, *rules):
        (self.place.folder / "rules.json").write_text(json.dumps(rules))
        self.place.ok("emulator", "capacity", "set", "rules.json", "--data", "emulator")

    def jobs(self):
        """(region, strategy, state) of all Vertex jobs, oldest first."""
        found = []
        for region in ("us-central1", "us-east4"):
            url = f"{self.world.emulator_url}/v1/projects/slipway-local/locations/{region}/customJobs"
            with urllib.request.urlopen(url, timeout=10) as reply:
                found += json.load(reply).get("customJobs", [])
        found.sort(key=lambda job: job["createTime"])
        return [(job["name"].split("/")[3], job["jobSpec"]["scheduling"].get("strategy", "STANDARD"),
                 job["state"].removeprefix("JOB_STATE_")) for job in found]


@pytest.fixture
def ladder(world):
    return Ladder(world)


def test_missing_quota_moves_a_launch_along_the_ladder(ladder):
    ladder.capacity({"region": "us-central1", "strategy": "SPOT", "quota": 0})
    ladder.start()
    job = HeldJob(ladder.place)
    job.let_go()

    assert ladder.place.item_at_end(job.item)["state"] == "FINISHED"
    assert ladder.jobs() == [("us-east4", "SPOT", "SUCCEEDED")]
    assert len(job.starts()) == 1


def test_behind_the_last_rung_it_waits_says_why_and_goes_on_when_there_is_quota(ladder):
    ladder.capacity({"quota": 0})
    agent = ladder.start()
    job = HeldJob(ladder.place)
    job.let_go()
    line = agent.wait_log(r"launch\.waiting.*cause=quota.*")

    assert "exceed quota limits" in line.group(0)
    notes = json.dumps(ladder.place.item(job.item))
    assert "waiting to try again" in notes and "exceed quota limits" in notes
    ladder.capacity()
    assert ladder.place.item_at_end(job.item, 60)["state"] == "FINISHED"


def test_a_launch_that_waits_for_quota_holds_no_slot(ladder):
    ladder.capacity({"region": "us-central1", "quota": 1}, {"region": "us-east4", "quota": 0})
    agent = ladder.start()
    first = HeldJob(ladder.place)
    first.wait_started()
    second = HeldJob(ladder.place)
    agent.wait_log(r"launch\.waiting.*cause=quota")
    first.let_go()  # its machine is what the second waits for: it need not wait its time out

    assert ladder.place.item_at_end(first.item)["state"] == "FINISHED"
    began = time.monotonic()
    second.wait_started()
    assert time.monotonic() - began < 10
    second.let_go()
    assert ladder.place.item_at_end(second.item)["state"] == "FINISHED"


def test_a_job_out_of_machines_goes_on_at_the_next_rung(ladder):
    ladder.capacity({"strategy": "SPOT", "stockout": True})
    ladder.start()
    job = HeldJob(ladder.place)
    job.let_go()

    assert ladder.place.item_at_end(job.item, 60)["state"] == "FINISHED"
    assert ladder.jobs() == [("us-central1", "SPOT", "FAILED"), ("us-east4", "SPOT", "FAILED"),
                             ("us-central1", "STANDARD", "SUCCEEDED")]
    assert len(job.starts()) == 1


def test_a_job_that_is_out_of_machines_everywhere_fails_in_vertex_words(ladder):
    ladder.capacity({"stockout": True})
    ladder.start()
    item = ladder.place.item_at_end(HeldJob(ladder.place).item, 60)

    assert item["state"] == "FAILED"
    assert "Resources are insufficient in region: us-central1" in item["error"]["message"]
    assert len(ladder.jobs()) == 3


def test_a_machine_that_a_region_does_not_offer_is_looked_for_in_the_next(ladder):
    ladder.capacity({"region": "us-central1", "refuse": 'Machine type "n1-standard-4" is not supported.'})
    ladder.start()
    job = HeldJob(ladder.place)
    job.let_go()

    assert ladder.place.item_at_end(job.item)["state"] == "FINISHED"
    assert ladder.jobs() == [("us-east4", "SPOT", "SUCCEEDED")]


def test_a_preempted_job_is_submitted_again_with_the_same_run_and_resumes(ladder):
    ladder.capacity({"preempt_after_seconds": 1, "times": 1})
    ladder.start()
    folder = ladder.place.folder / "preempted"
    folder.mkdir()
    program = ("import os, sys, time\n"
               "open(sys.argv[1] + '/runs', 'a').write(os.environ['WANDB_RUN_ID'] + ' ' + os.environ.get('WANDB_RESUME', '-') + '\\n')\n"
               "time.sleep(0 if 'WANDB_RESUME' in os.environ else 60)\n")
    item = ladder.place.item_at_end(ladder.place.launch("q", "-c", program, folder), 60)

    assert item["state"] == "FINISHED", item
    (first, _), (second, resume) = (line.split() for line in (folder / "runs").read_text().splitlines())
    assert first == second and resume == "allow"
    assert [state for _, _, state in ladder.jobs()] == ["FAILED", "SUCCEEDED"]


def test_an_error_that_comes_late_still_moves_the_job_along(ladder):
    ladder.capacity({"strategy": "SPOT", "region": "us-central1", "stockout": True, "error_lag_seconds": 4})
    agent = ladder.start()
    job = HeldJob(ladder.place)
    job.let_go()

    assert ladder.place.item_at_end(job.item, 60)["state"] == "FINISHED"
    assert ladder.jobs()[1] == ("us-east4", "SPOT", "SUCCEEDED")
    assert agent.wait_log("cause=stockout")


def test_a_job_that_does_not_start_in_time_is_ended_and_said_so(world):
    ladder = Ladder(world, "vertex: {region: us-central1}\n")
    world.emulator.stop()
    world.emulator = world.place.start("emulator", "--data", "emulator", "--speed", "1", "--port", world.emulator_port)
    world.emulator.url()
    ladder.start(WANDB_LAUNCH_START_TIMEOUT="1.5")
    item = ladder.place.item_at_end(HeldJob(ladder.place).item, 60)

    assert item["state"] == "FAILED"
    assert "did not start within 1 s" in item["error"]["message"] and "WANDB_LAUNCH_START_TIMEOUT" in item["error"]["message"]
    wait_for(lambda: ladder.jobs()[0][2] == "CANCELLED")


def test_a_launch_whose_time_is_over_is_ended_and_said_so(world):
    ladder = Ladder(world, "vertex: {queues: {q: {deadline_seconds: 2}}}\n")
    ladder.start()
    job = HeldJob(ladder.place)
    job.wait_started()
    item = ladder.place.item_at_end(job.item, 60)

    assert item["state"] == "FAILED"
    assert "did not end within 2 s of being taken" in item["error"]["message"]
    assert ladder.jobs()[0][2] == "CANCELLED"


def test_an_agent_killed_on_the_ladder_takes_it_up_where_it_was(ladder):
    ladder.capacity({"region": "us-central1", "strategy": "SPOT", "quota": 0})
    agent = ladder.start()
    job = HeldJob(ladder.place)
    job.wait_started()
    agent.kill()
    ladder.start()
    job.let_go()

    assert ladder.place.item_at_end(job.item)["state"] == "FINISHED"
    assert ladder.jobs() == [("us-east4", "SPOT", "SUCCEEDED")]


@pytest.mark.parametrize("config, said", [
    ("vertex: {ladder: [{strategy: CHEAP}]}", "none of STANDARD, SPOT, FLEX_START"),
    ("vertex: {queues: {q: {lader: []}}}", 'did you mean "ladder"'),
    ("vertex: {regions: [us-central1], staging_bucket: gs://b}", 'did you mean "staging_buckets"'),
])
def test_a_wrong_ladder_is_said_with_its_place(world, config, said):
    ladder = Ladder(world, config + "\n")

    assert said in ladder.place.fails(3, "agent", "-q", "q", "--config", "launch.yaml")


def test_rules_that_make_no_sense_change_nothing(ladder):
    ladder.capacity({"quota": 3})
    (ladder.place.folder / "rules.json").write_text('[{"qouta": 1}]')

    line = ladder.place.fails(8, "emulator", "capacity", "set", "rules.json", "--data", "emulator")
    assert "qouta" in line and "quota" in line
    assert ladder.place.json("emulator", "capacity", "show", "--data", "emulator")["rules"] == [{"quota": 3}]
