"""W&B's own launch agent works through fifty items that it runs itself, ours at the same time through fifty Vertex jobs, from
one server, which is killed and started again meanwhile: each item runs once and ends once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from conftest import BINARY, ROOT, TRAIN_IMAGE, System, wait_for
from test_wandb import api

ITEMS = 50
KILLS = 3

# What an item of W&B's agent runs: says that it ran, makes its run and ends it.
JOB = """
import base64, json, os, sys, time, urllib.request
name, ran = sys.argv[1:]
with open(ran, "a") as f:
    f.write(name + "\\n")

def post(path, body):
    login = base64.b64encode(("api:" + os.environ["WANDB_API_KEY"]).encode()).decode()
    for attempt in range(100):
        try:
            request = urllib.request.Request(os.environ["WANDB_BASE_URL"] + path, json.dumps(body).encode(),
                                             {"Content-Type": "application/json", "Authorization": "Basic " + login})
            return urllib.request.urlopen(request, timeout=20).read()
        except OSError:
            time.sleep(0.2)
    sys.exit("the server does not answer")

run = os.environ["WANDB_RUN_ID"]
text = 'mutation M($n: String) { upsertBucket(input: {name: $n, modelName: "demo", entityName: "admin"}) { inserted } }'
post("/graphql", {"query": text, "variables": {"n": run}})
post(f"/files/admin/demo/{run}/file_stream", {"complete": True, "exitcode": 0})
"""


class Split(System):
    """Server and emulator as processes of their own; the server always at the same address."""

    def __init__(self, folder):
        self.folder, self.port, self.restarts = folder, "0", 0
        self.log = open(folder / "roles.log", "wb")
        self.bare = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        text = self.start_server(5)
        self.url = re.search(r"http://\S+", text).group()
        self.port = self.url.rpartition(":")[2]
        self.key = re.search(r"\b([a-z0-9]{40})\b", text).group(1)
        self.google = self.start("emulator", "--data", "emulator", "--port", "0", "--speed", "1000", "--images", ROOT / "examples/images.yaml")
        self.emulator = re.search(r"http://\S+", self.google.stdout.readline()).group()
        self.agents = []

    def start(self, *argv):
        return subprocess.Popen([str(a) for a in (BINARY, *argv)], stdout=subprocess.PIPE, stderr=self.log, env=self.bare, cwd=self.folder,
                                text=True)

    def start_server(self, lines):
        self.process = self.start("server", "--data", "server", "--port", self.port)
        return "".join(self.process.stdout.readline() for _ in range(lines))

    def kill_server(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        time.sleep(1)
        assert self.url in self.start_server(1)
        self.restarts += 1

    def start_agent(self, name, argv, **env):
        log = open(self.folder / f"{name}.log", "wb")
        self.agents.append((subprocess.Popen([str(a) for a in argv], env=self.env(**env), cwd=self.folder, stdout=log, stderr=log), log))

    def items(self, queue):
        listed = json.loads(self.slipway("items", queue, "--limit", "200", "-o", "json").stdout)
        return [edge["node"] for edge in listed["edges"]]

    def states(self):
        return [i["state"] for q in ("local", "vertex") for i in self.items(q)]

    def close(self):
        for process, log in [*self.agents, (self.google, None), (self.process, None)]:
            process.send_signal(signal.SIGINT if log else signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            (log or process.stdout).close()
        self.log.close()


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    s = Split(tmp_path_factory.mktemp("fifty"))
    try:
        work(s)
        yield s
    finally:
        s.close()


def push(s, queue, run_id, **spec):
    spec = {"run_id": run_id, "entity": "admin", "project": "demo", **spec}
    return json.loads(s.slipway("launch", "-q", queue, "-p", "demo", "-c", json.dumps(spec), "-o", "json").stdout)["item"]


def work(s):
    (s.folder / "job.py").write_text(JOB)
    api(s, """print(json.dumps(api.create_run_queue(name="local", type="local-process", entity="admin", config={}).name))""")
    s.slipway("queue", "create", "vertex", "--config", ROOT / "examples/queues/minimal.yaml")
    s.local = {push(s, "local", f"local{n}", uri="placeholder-uri", resource="local-process",
                    overrides={"entry_point": [sys.executable, str(s.folder / "job.py"), f"local{n}", str(s.folder / "ran")]}): f"local{n}"
               for n in range(ITEMS)}
    s.vertex = [push(s, "vertex", f"vertex{n}", docker={"docker_image": TRAIN_IMAGE},
                     overrides={"args": ["--epochs", "1", "--pause", "0", "--rows", "10"]}) for n in range(ITEMS)]
    s.start_agent("theirs", ["wandb", "launch-agent", "-q", "local", "-e", "admin", "-j", "4"])
    s.start_agent("ours", [BINARY, "agent", "-q", "vertex", "-e", "admin", "--state-dir", "ours", "-j", "8"],
                  SLIPWAY_GCP_PROJECT="slipway-local")
    for kill in range(KILLS):
        wait_for(lambda: s.states().count("FINISHED") > kill * ITEMS // 2 + 5, 120, 0.5)
        s.kill_server()
    wait_for(lambda: not {"PENDING", "LEASED", "CLAIMED", "RUNNING"} & set(s.states()), 240, 1)


def test_every_item_of_the_wandb_agent_ends_well(worked):
    assert {i["state"] for i in worked.items("local")} == {"FINISHED"}
    assert len(worked.items("local")) == ITEMS


def test_every_item_of_the_wandb_agent_ran_once(worked):
    ran = (worked.folder / "ran").read_text().split()
    assert sorted(ran) == sorted(worked.local.values())


def test_every_item_of_our_agent_ends_well(worked):
    assert {i["state"] for i in worked.items("vertex")} == {"FINISHED"}
    assert len(worked.items("vertex")) == ITEMS


def test_every_item_of_our_agent_had_one_job(worked):
    path = f"{worked.emulator}/v1/projects/slipway-local/locations/us-central1/customJobs?pageSize=100"
    with urllib.request.urlopen(path, timeout=20) as reply:
        jobs = json.load(reply)["customJobs"]
    assert sorted(j["labels"]["slipway-item"] for j in jobs) == sorted(i.lower() for i in worked.vertex)
    assert {j["state"] for j in jobs} == {"JOB_STATE_SUCCEEDED"}


def test_the_server_was_killed_meanwhile(worked):
    assert worked.restarts == KILLS
