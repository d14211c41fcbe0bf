"""W&B's own launch agents and ours at one server, which is killed and started again meanwhile: fifty items that W&B's agent runs
itself, and one queue with a hundred Vertex items that another of W&B's and ours share. Each item runs once and ends once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from conftest import BINARY, ROOT, System, wait_for
from test_wandb import api

ITEMS = 50  # on the queue of one agent; twice as many on that of both
KILLS = 3
FAIR = 10  # of the items of both, so many fall to each agent

# W&B's agent has no setting for the address of Vertex AI, but keeps what its process has told the SDK before.
SITE = """
import os
from google.cloud import aiplatform
aiplatform.init(api_transport="rest", api_endpoint=os.environ["VERTEX_ENDPOINT"])
"""
GCP = "environment: {type: gcp, region: us-central1}\n"

# What an item runs: says that it ran, makes its run and ends it.
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
        return [i["state"] for q in ("local", "both") for i in self.items(q)]

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


def command(s, name):
    return [sys.executable, str(s.folder / "job.py"), name, str(s.folder / "ran")]


def start_agents(s):
    """W&B's agent never sees a Vertex job end on this Python, so the one of both queues has no limit."""
    (s.folder / "site").mkdir()
    (s.folder / "site/sitecustomize.py").write_text(SITE)
    (s.folder / "gcp.yaml").write_text(GCP)
    host = s.emulator.partition("//")[2]
    s.start_agent("local", ["wandb", "launch-agent", "-q", "local", "-e", "admin", "-j", "4"])
    s.start_agent("theirs", ["wandb", "launch-agent", "-q", "both", "-e", "admin", "-j", "-1", "-c", s.folder / "gcp.yaml"],
                  PYTHONPATH=str(s.folder / "site"), VERTEX_ENDPOINT=s.emulator, GCE_METADATA_HOST=host, GCE_METADATA_IP=host,
                  CLOUDSDK_CONFIG=str(s.folder / "none"))
    s.start_agent("ours", [BINARY, "agent", "-q", "both", "-e", "admin", "--state-dir", "ours", "-j", "8"],
                  SLIPWAY_GCP_PROJECT="slipway-local")


def work(s):
    (s.folder / "job.py").write_text(JOB)
    api(s, """print(json.dumps(api.create_run_queue(name="local", type="local-process", entity="admin", config={}).name))""")
    s.slipway("queue", "create", "both", "--config", ROOT / "examples/queues/minimal.yaml")
    s.local = {push(s, "local", f"local{n}", uri="placeholder-uri", resource="local-process",
                    overrides={"entry_point": command(s, f"local{n}")}): f"local{n}" for n in range(ITEMS)}
    s.both = {push(s, "both", f"both{n}", docker={"docker_image": "example.com/python:1"},
                   overrides={"entry_point": command(s, f"both{n}")}): f"both{n}" for n in range(2 * ITEMS)}
    start_agents(s)
    for kill in range(KILLS):
        wait_for(lambda: s.states().count("FINISHED") > kill * ITEMS // 2 + 5, 120, 0.5)
        s.kill_server()
    wait_for(lambda: not {"PENDING", "LEASED", "CLAIMED", "RUNNING"} & set(s.states()), 240, 1)


def jobs(s):
    path = f"{s.emulator}/v1/projects/slipway-local/locations/us-central1/customJobs?pageSize=100"
    found, token = [], ""
    while True:
        with urllib.request.urlopen(path + "&pageToken=" + token, timeout=20) as reply:
            page = json.load(reply)
        found += page["customJobs"]
        token = page.get("nextPageToken")
        if not token:
            return found


@pytest.mark.parametrize("queue", ["local", "both"])
def test_every_item_ends_well(worked, queue):
    items = worked.items(queue)
    assert {i["state"] for i in items} == {"FINISHED"}
    assert {i["id"] for i in items} == set(getattr(worked, queue))


def test_every_item_ran_once(worked):
    ran = (worked.folder / "ran").read_text().split()
    assert sorted(ran) == sorted([*worked.local.values(), *worked.both.values()])


def test_every_item_of_the_shared_queue_had_one_job(worked):
    found = jobs(worked)
    assert len(found) == len(worked.both)
    assert {j["state"] for j in found} == {"JOB_STATE_SUCCEEDED"}
    assert sorted(j["labels"]["wandb-run-id"] for j in found) == sorted(worked.both.values())


def test_both_agents_had_a_share(worked):
    ours = sum("slipway-item" in j["labels"] for j in jobs(worked))
    assert FAIR <= ours <= len(worked.both) - FAIR


def test_the_server_was_killed_meanwhile(worked):
    assert worked.restarts == KILLS
