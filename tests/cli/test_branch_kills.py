"""Runs that are rewound and forked while their server is killed: whoever asks again has what was asked for, and nothing else."""

import http.client
import itertools
import json
import random
import time
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import KEY

LINES = 30000
PART = 10000  # lines of one question
REWIND = """mutation($step: Float!) { rewindRun(input: {entityName: "ada", projectName: "p", runName: "parent", metricName: "_step", metricValue: $step}) {
    rewoundRun { historyLineCount } } }"""
UPSERT = """mutation($name: String!, $config: JSONString) { upsertBucket(input: {entityName: "ada", modelName: "p", name: $name, config: $config}) {
    bucket { historyLineCount } } }"""
READ = """query($name: String!, $from: Int64, $to: Int64) { project(name: "p", entityName: "ada") { run(name: $name) {
    historyLineCount summaryMetrics some: history(samples: 101) history(minStep: $from, maxStep: $to) } } }"""


class Site:
    """A server that is killed in the middle of what it is asked for, and started again."""

    def __init__(self, place, options):
        self.place, self.options, self.random = place, options, random.Random(5)
        place.ok("admin", "user", "create", "ada", "--admin", *options, "--api-key", KEY)
        self.start()
        self.ask(UPSERT, name="parent")

    def start(self):
        self.server = self.place.start("server", *self.options, "--port", "0")
        self.url = self.server.url()

    def post(self, path, body):
        headers = {"Authorization": "Basic " + b64encode(f"api:{KEY}".encode()).decode(), "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers), timeout=60) as reply:
            return json.load(reply)

    def ask(self, query, **variables):
        reply = self.post("/graphql", {"query": query, "variables": variables})
        assert "errors" not in reply, reply
        return reply["data"]

    def log(self, name, steps, value):
        for start in range(0, len(steps), PART):
            lines = [json.dumps({"_step": s, "a": value(s)}) for s in steps[start:start + PART]]
            self.post(f"/files/ada/p/{name}/file_stream", {"files": {"wandb-history.jsonl": {"offset": steps[start], "content": lines},
                                                                     "wandb-summary.json": {"offset": 0, "content": lines[-1:]}}})

    def whole(self, name):
        """Every line of a run by its step, and its summary."""
        values, parts = {}, range(0, LINES, PART)
        for start in parts:
            run = self.ask(READ, name=name, **{"from": start, "to": start + PART})["project"]["run"]
            for line in map(json.loads, run["history"]):
                assert line["_step"] not in values
                values[line["_step"]] = line["a"]
        assert run["historyLineCount"] == len(values)
        assert [json.loads(line)["_step"] for line in run["some"]] == [int(i * (len(values) - 1) / 100 + 0.5) for i in range(101)]
        return values, json.loads(run["summaryMetrics"])["a"]

    def ask_and_kill(self, delay_s, query, **variables):
        """True when it was answered before the server was killed."""
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.ask, query, **variables)
            time.sleep(delay_s)
            self.server.kill()
            try:
                answered = bool(answer.result())
            except (OSError, http.client.HTTPException):
                answered = False
        self.start()
        return answered

    def ask_until_answered(self, took_s, query, cut_short=lambda: None, **variables):
        """The server lives longer each time. How often it was killed before it answered."""
        for cuts in itertools.count():
            if self.ask_and_kill(took_s * (self.random.uniform(0, 0.4) + 0.3 * cuts), query, **variables):
                return cuts
            cut_short()

    def how_long(self, query, **variables):
        began = time.monotonic()
        self.ask(query, **variables)
        return time.monotonic() - began


@pytest.fixture
def site(place, options):
    return Site(place, options)


def test_a_fork_that_was_cut_short_is_gone_on_with(site):
    site.log("parent", range(LINES), lambda step: step)
    last, cut = LINES - 1001, 0
    config = json.dumps({"_wandb": {"value": {"branch_point": {"run_id": "parent", "step": last}}}})
    took_s = min(site.how_long(UPSERT, name=name, config=config) for name in ("unharmed", "again", "oncemore"))
    for fork in "abcdef":
        cut += site.ask_until_answered(took_s, UPSERT, name=fork, config=config)
        assert site.whole(fork) == site.whole("unharmed") == ({s: s for s in range(last + 1)}, last)
    assert cut > 2
    assert site.whole("parent") == ({s: s for s in range(LINES)}, LINES - 1)


def test_a_rewind_that_was_cut_short_is_done_or_not(site):
    site.log("parent", range(LINES), lambda step: step)
    before, steps, cut = site.whole("parent"), range(LINES - 5000, LINES - 25000, -4000), 0
    took_s = site.how_long(REWIND, step=LINES - 2)
    site.log("parent", range(LINES - 1, LINES), lambda step: step)
    assert site.whole("parent") == before
    for round, step in enumerate(steps, 1):
        after = ({s: v for s, v in before[0].items() if s <= step}, before[0][step])
        def done_or_not(before=before, after=after):
            assert site.whole("parent") in (before, after)
        cut += site.ask_until_answered(took_s, REWIND, done_or_not, step=step)
        assert site.whole("parent") == after
        site.log("parent", range(step + 1, LINES), lambda s: -round * s)
        before = site.whole("parent")
        assert before == (after[0] | {s: -round * s for s in range(step + 1, LINES)}, -round * (LINES - 1))
    assert cut > 2
    audit = site.place.json("admin", "audit", "verify", *site.options)
    assert audit["broken"] is None
