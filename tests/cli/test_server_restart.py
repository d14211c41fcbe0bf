"""A queue server that is stopped and started again while clients are at work: what it acknowledged is there."""

import http.client
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import b64encode

import pytest

from harness import KEY, QUEUE_CONFIG, wait_for

AUTH = {"Authorization": "Basic " + b64encode(f"api:{KEY}".encode()).decode()}
POP = "mutation { popFromRunQueue(input: {entityName: \"ada\", projectName: \"model-registry\", queueName: \"q\"}) { runQueueItemId } }"
PUSH = ("mutation($s: JSONString!) { pushToRunQueueByName(input: {entityName: \"ada\", projectName: \"model-registry\", queueName: \"q\","
        " runSpec: $s}) { runQueueItemId } }")
FILES = ("mutation { createRunFiles(input: {entityName: \"ada\", projectName: \"p\", runName: \"r\", files: [\"big\"]})"
         " { files { uploadUrl } } }")
RUN = "mutation { upsertBucket(input: {entityName: \"ada\", modelName: \"p\", name: \"r\"}) { bucket { id } } }"
LOG = """
import time, wandb
with wandb.init(project="p", id="steps", settings=wandb.Settings(silent=True)) as run:
    for i in range(120):
        run.log({"i": i})
        time.sleep(0.05)
    open("note.txt", "w").write("written at the end")
    run.save("note.txt", policy="end")
"""


@pytest.fixture
def site(place):
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    place.server = place.start("server", "--data", "server", "--port", "0")
    place.use(place.server.url())
    place.port = int(place.server.url().rpartition(":")[2])
    place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)
    return place


def restart(site):
    site.server = site.start("server", "--data", "server", "--port", str(site.port))
    site.server.url()


def call(site, query, wait=None, **variables):
    c = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    headers = AUTH | {"Content-Type": "application/json"} | ({"Prefer": f"wait={wait}"} if wait else {})
    c.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
    reply = c.getresponse()
    return reply.status, json.loads(reply.read())


def test_a_long_wait_is_told_at_once_and_the_server_ends(site):
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(call(site, POP, wait=20)))
    waiter.start()
    time.sleep(1)
    began = time.monotonic()
    assert site.server.stop() == 0
    assert time.monotonic() - began < 3
    waiter.join(5)
    assert answers and answers[0][0] in (200, 503), "an answer, not a connection that breaks"


def test_an_upload_that_has_begun_comes_to_its_end(site):
    call(site, RUN)
    url = call(site, FILES)[1]["data"]["createRunFiles"]["files"][0]["uploadUrl"]
    c = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    c.putrequest("PUT", url[url.index("/storage"):])
    c.putheader("Content-Length", str(1 << 20))
    c.endheaders(b"x" * (1 << 19))
    time.sleep(0.3)
    site.server.popen.send_signal(signal.SIGTERM)
    time.sleep(1)
    c.send(b"y" * (1 << 19))
    assert c.getresponse().status == 200
    assert site.server.ends() == 0
    restart(site)
    c = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    c.request("GET", "/files/ada/p/r/big", headers=AUTH)
    assert c.getresponse().read() == b"x" * (1 << 19) + b"y" * (1 << 19)


def test_one_that_never_ends_holds_nobody_up(site):
    call(site, RUN)
    url = call(site, FILES)[1]["data"]["createRunFiles"]["files"][0]["uploadUrl"]
    c = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    c.putrequest("PUT", url[url.index("/storage"):])
    c.putheader("Content-Length", str(1 << 20))
    c.endheaders(b"x")
    time.sleep(0.3)
    began = time.monotonic()
    assert site.server.stop(deadline_s=15) == 0
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_a_restart(site, number):
    pushed, popped, stop = [], [], threading.Event()
    spec = json.dumps({"entity": "ada", "project": "p", "docker": {"docker_image": "i:1"}, "resource": "vertex"})

    def work(query, into, field, **variables):
        while not stop.is_set():
            try:
                status, reply = call(site, query, **variables)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
                continue
            if status == 200 and reply["data"][field]:
                into.append(reply["data"][field]["runQueueItemId"])

    workers = [threading.Thread(target=work, args=(PUSH, pushed, "pushToRunQueueByName"), kwargs={"s": spec}) for _ in range(3)]
    workers.append(threading.Thread(target=work, args=(POP, popped, "popFromRunQueue")))
    for w in workers:
        w.start()
    for _ in range(3):
        count = len(pushed)
        wait_for(lambda: len(pushed) > count + 10)
        site.server.popen.send_signal(number)
        site.server.ends()
        restart(site)
    stop.set()
    for w in workers:
        w.join()
    assert site.server.stop() == 0
    with sqlite3.connect(site.folder / "server/slipway.db") as c:
        there = [uid for (uid,) in c.execute("SELECT uid FROM items")]
    assert set(pushed) <= set(there) and len(there) - len(pushed) <= 9, "at most one unanswered push each worker and restart"
    assert len(set(popped)) == len(popped)


def test_the_real_client_logs_on_across_restarts(site):
    more = {"WANDB_ERROR_REPORTING": "false", "WANDB_DIR": str(site.home), "WANDB_CACHE_DIR": str(site.home / "cache"),
            "WANDB_CONFIG_DIR": str(site.home / "config"), "WANDB_DATA_DIR": str(site.home / "data")}
    run = subprocess.Popen([sys.executable, "-c", LOG], env=site.env(**more), cwd=site.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def lines():
        with sqlite3.connect(f"file:{site.folder}/server/slipway.db?mode=ro", uri=True) as c:
            return [json.loads(t)["i"] for (t,) in c.execute("SELECT text FROM run_lines WHERE stream = 0 ORDER BY line")]

    wait_for(lambda: len(lines()) > 5, deadline_s=40)
    site.server.kill()
    restart(site)
    time.sleep(1)
    assert site.server.stop() == 0
    restart(site)
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0, out
    assert lines() == list(range(120)), "each once, in their order"
    c = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    c.request("GET", "/files/ada/p/steps/note.txt", headers=AUTH)
    assert c.getresponse().read() == b"written at the end"
