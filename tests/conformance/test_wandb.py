"""The unmodified wandb package at our server: its public API makes a queue, and sees the end of an item. What every release does is in
test_clients.py."""

import json

import wandb_script

from conftest import ROOT, TRAIN_IMAGE


def api(system, code):
    """Run a snippet with the real `wandb` in a process of its own; what it prints last is JSON."""
    done = system.run("python", "-c", wandb_script.PRELUDE + code)
    return json.loads(done.stdout.strip().splitlines()[-1])


def make_queue(system):
    return api(system, """
import yaml
config = yaml.safe_load(open(%r))
queue = api.create_run_queue(name="vertex-queue", type="gcp-vertex", entity="admin", config=config)
print(json.dumps({"id": queue.id, "type": queue.type, "access": queue.access}))
""" % str(ROOT / "examples/queues/minimal.yaml"))


def test_the_public_api_creates_a_queue_and_reads_it_back(system):
    queue = make_queue(system)
    assert queue["type"] == "gcp-vertex"
    assert queue["access"] == "PROJECT"
    names = [q["name"] for q in json.loads(system.slipway("queue", "list", "-o", "json").stdout)]
    assert "vertex-queue" in names


def test_the_public_api_sees_the_end_of_an_item_that_fails(system):
    done = system.slipway("launch", "-q", "vertex-queue", "-d", TRAIN_IMAGE, "-p", "demo", "-o", "json", "--", "--fail")
    item_id = json.loads(done.stdout)["item"]
    end = system.item_at_end(item_id)
    assert end["state"] == "FAILED"
    assert "non-zero status of 1" in end["error"]["message"]
    seen = api(system, f"""
print(json.dumps(api.queued_run("admin", "demo", "vertex-queue", {item_id!r}, "model-registry").state))
""")
    assert seen == "failed"


def test_a_wrong_key_is_one_clear_line(system):
    done = system.slipway("queue", "list", check=False, WANDB_API_KEY="x" * 40)
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
