"""`slipway server --db postgres://...`: replicas on one database. A real PostgreSQL server, private to this file."""

import concurrent.futures
import json
import pathlib
import sys
import time
import urllib.request
from base64 import b64encode

import pytest

from harness import IMAGES, KEY, QUEUE_CONFIG, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres import private_server  # noqa: E402


@pytest.fixture(scope="module")
def database():
    with private_server() as url:
        yield url


@pytest.fixture
def replicas(place, database):
    """Two servers on one schema of their own and one folder, and a queue `q`."""
    name = f"t{time.monotonic_ns()}"
    schema = f"{database}&options=-csearch_path%3D{name}"
    place.run("/usr/bin/psql", "-qd", database, "-c", f"CREATE SCHEMA {name}").check_returncode()
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--db", schema, "--api-key", KEY)
    servers = [place.start("server", "--data", "server", "--db", schema, "--port", "0") for _ in range(2)]
    place.use(servers[0].url())
    place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)
    place.schema = schema
    return servers


def test_an_item_pushed_to_one_server_wakes_who_waits_at_the_other(place, replicas):
    emulator = place.start("emulator", "--data", "emulator", "--speed", "1000", "--images", IMAGES, "--port", "0")
    agent = place.start("agent", "-q", "q", "--state-dir", "agent", WANDB_BASE_URL=replicas[1].url(), SLIPWAY_GOOGLE_ENDPOINT=emulator.url())
    agent.wait_log("agent.registered")
    time.sleep(1.5)  # it waits in its long poll now
    began = time.monotonic()
    item = place.launch("q", "-c", "print(1)")
    agent.wait_log("launch.leased")
    assert time.monotonic() - began < 2, "the wait is 20 s long: it was not woken"
    assert place.item_at_end(item)["state"] == "FINISHED"


def test_servers_are_killed_and_nothing_is_lost_or_lent_twice(place, replicas):
    urls = [s.url() for s in replicas]
    items = [place.launch("q", "-c", "print(1)") for _ in range(4)]
    replicas[0].kill()
    place.use(urls[1])
    items += [place.launch("q", "-c", "print(1)") for _ in range(4)]
    emulator = place.start("emulator", "--data", "emulator", "--speed", "1000", "--images", IMAGES, "--port", "0")
    place.use(urls[1], emulator.url())
    again = place.start("server", "--data", "server", "--db", place.schema, "--port", urls[0].rpartition(":")[2])
    again.url()
    for i, url in enumerate(urls):
        place.start("agent", "-q", "q", "-j", "2", "--state-dir", f"agent-{i}", WANDB_BASE_URL=url)
    for item in items:
        end = place.item_at_end(item)
        assert end["state"] == "FINISHED"
        assert sum(line["note"] == "taken" for line in end["history"]) == 1, end["history"]


def test_connections_that_the_database_ends_are_made_anew_and_nobody_notices(place, replicas, database):
    """As when PostgreSQL is restarted, or a proxy before it ends what was idle."""
    end_all = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
               " AND backend_type = 'client backend'")
    for _ in range(3):
        for server in replicas:
            place.use(server.url())
            for _ in range(8):  # more than a server has connections
                place.launch("q", "-c", "print(1)")
        ended = place.run("/usr/bin/psql", "-Atd", database, "-c", end_all)
        assert int(ended.stdout) >= 2  # of each server one that works; the one that listens may be on its way back
    place.use(replicas[0].url())
    assert len(place.json("items", "q", "--limit", "100")["edges"]) == 48
    for server in replicas:
        assert "not_stored" not in server.log() and '"severity":"ERROR"' not in server.log()


def test_pops_at_both_servers_at_once_give_each_item_once(place, replicas):
    def call(url, query, **variables):
        request = urllib.request.Request(url + "/graphql", json.dumps({"query": query, "variables": variables}).encode(),
                                         {"Content-Type": "application/json", "Authorization": "Basic " + b64encode(f"api:{KEY}".encode()).decode()})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)["data"]

    push = ("mutation($s: JSONString!) { pushToRunQueueByName(input: {entityName: \"ada\", projectName: \"model-registry\", queueName: \"q\","
            " runSpec: $s}) { runQueueItemId } }")
    pop = ("mutation { popFromRunQueue(input: {entityName: \"ada\", projectName: \"model-registry\", queueName: \"q\"}) { runQueueItemId } }")
    spec = json.dumps({"entity": "ada", "project": "p", "docker": {"docker_image": "i:1"}, "resource": "vertex"})
    urls = [s.url() for s in replicas]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pushed = [d["pushToRunQueueByName"]["runQueueItemId"] for d in pool.map(lambda i: call(urls[i % 2], push, s=spec), range(60))]
        assert len(set(pushed)) == 60
        popped = [d["popFromRunQueue"] for d in pool.map(lambda i: call(urls[i % 2], pop), range(80))]
    given = [p["runQueueItemId"] for p in popped if p]
    assert sorted(given) == sorted(pushed), "each once, and all of them"


def test_a_database_that_is_away_is_said(place):
    with private_server() as url:
        server = place.start("server", "--data", "server", "--db", url, "--port", "0")
        key = wait_for(lambda: [w for w in server.out().split() if len(w) == 40])[0]
        place.use(server.url(), key=key, entity="admin")
        place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)
    line = place.fails(13, "queue", "list")
    assert "the server's database failed" in line and "postgres" not in line.lower(), "its words are for the log"
    assert "PostgreSQL: connection" in server.log()


@pytest.mark.parametrize("status, url, words", [(2, "mysql://x/y", "not an address of PostgreSQL"),
                                                (14, "postgres://ada@127.0.0.1:1/x", "Connection refused")])
def test_a_wrong_address_is_one_clear_line(place, status, url, words):
    assert words in place.fails(status, "server", "--data", "server", "--db", url, "--port", "0")
