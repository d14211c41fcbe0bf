"""The unmodified wandb package at our server: its CLI and public API push, our agent takes, the API sees the ends."""

import json
import subprocess

import wandb_script

from conftest import ROOT, TRAIN_IMAGE, wait_for


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


def test_wandb_login_accepts_the_key(system):
    done = system.run("wandb", "login", "--relogin", "--host", system.url, system.key, WANDB_API_KEY="")
    assert "admin" in done.stderr


def test_the_public_api_creates_a_queue_and_reads_it_back(system):
    queue = make_queue(system)
    assert queue["type"] == "gcp-vertex"
    assert queue["access"] == "PROJECT"
    names = [q["name"] for q in json.loads(system.slipway("queue", "list", "-o", "json").stdout)]
    assert "vertex-queue" in names


def test_wandb_launch_pushes_and_our_agent_runs_it_on_vertex(system):
    done = system.run("wandb", "launch", "-q", "vertex-queue", "-d", TRAIN_IMAGE, "-e", "admin", "-p", "demo", "--name", "cli")
    assert "Added run to queue vertex-queue" in done.stderr
    item = wait_for(lambda: json.loads(system.slipway("items", "vertex-queue", "-o", "json").stdout)["edges"])[0]["node"]
    end = system.item_at_end(item["id"])
    assert end["state"] == "FINISHED", end
    assert [h["state"] for h in end["history"]][0] == "PENDING"


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


def test_the_real_launch_agent_takes_an_item_from_our_server(system):
    api(system, """
queue = api.create_run_queue(name="local-queue", type="local-process", entity="admin", config={})
print(json.dumps(queue.id))
""")
    agent = subprocess.Popen(["wandb", "launch-agent", "-q", "local-queue", "-e", "admin"], env=system.env(), cwd=system.folder,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        spec = {"uri": "placeholder-uri", "resource": "local-process", "overrides": {"entry_point": ["true"]}}
        done = system.slipway("launch", "-q", "local-queue", "-p", "demo", "-c", json.dumps(spec), "-o", "json")
        item_id = json.loads(done.stdout)["item"]
        end = wait_for(lambda: (lambda i: i if i["state"] not in ("PENDING", "LEASED") else None)(system.item(item_id)), 60, 0.5)
        assert end["associatedRunId"], end
    finally:
        agent.terminate()
        agent.communicate(timeout=30)
