#!/usr/bin/env python3
"""Measures histories: a run of a million steps is streamed to the server as the W&B client streams it, and read back in buckets and as lines.

Standard library only. The server runs on loopback, in a temporary folder, and is ended by its own process id.
"""

import argparse
import base64
import contextlib
import http.client
import json
import math
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from bench import ROOT
from queues import Slipway, note, postgres

LINES = 5000  # of one post
KEYS = 8
CHART = """query($n: Int!, $from: Float, $to: Float) { project(name: "p", entityName: "admin") { charts(
  runs: ["long"], keys: ["k0"], x: "_step", buckets: $n, from: $from, to: $to) { key xMin xMax count min max mean } } }"""
SAMPLES = """query($n: Int!) { project(name: "p", entityName: "admin") { run(name: "long") { history(samples: $n) } } }"""
PAGE = """query($from: Int64!, $to: Int64!) { project(name: "p", entityName: "admin") { run(name: "long") { history(minStep: $from, maxStep: $to) } } }"""


class Client:
    """One connection, kept."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=300)
        login = base64.b64encode(f"api:{server.key}".encode()).decode()
        self.headers = {"Content-Type": "application/json", "Authorization": "Basic " + login}

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body), self.headers)
        reply = self.connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text[:2000]
        return json.loads(text)

    def ask(self, query, variables):
        answer = self.post("/graphql", {"query": query, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]


def line(step):
    row = {f"k{k}": math.sin(step / 1000 + k) for k in range(KEYS)}
    return json.dumps({**row, "_step": step, "_timestamp": 1.7e9 + step})


def stream(client, steps):
    """Steps a second, as they are posted one after another."""
    bodies = ({"files": {"wandb-history.jsonl": {"offset": at, "content": [line(s) for s in range(at, min(at + LINES, steps))]}}}
              for at in range(0, steps, LINES))
    spent = 0
    for body in bodies:
        began = time.monotonic()
        client.post("/files/admin/p/long/file_stream", body)
        spent += time.monotonic() - began
    return steps / spent


def chart_ms(client, buckets, runs, zoom=(None, None)):
    times, chart = [], None
    for _ in range(runs):
        began = time.monotonic()
        chart = client.ask(CHART, {"n": buckets, "from": zoom[0], "to": zoom[1]})["project"]["charts"][0]
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times), chart


def lines_ms(client, query, lines, runs, variables):
    times = []
    for run in range(runs):
        began = time.monotonic()
        found = client.ask(query, variables(run))["project"]["run"]["history"]
        times.append((time.monotonic() - began) * 1000)
        assert len(found) == lines, f"{len(found)} lines, not {lines}"
    return statistics.median(times)


def settle(server):
    """Until the server has nothing left to do: lines are packed behind the answers."""
    before = -1
    while server.process.cpu_s() - before > 0.02:
        before = server.process.cpu_s()
        time.sleep(1)


def measure(o, folder, url):
    """Rows of (what, value, budget, unit)."""
    server = Slipway(o.slipway, folder / "server", *(["--db", url] if url else []))
    try:
        client = Client(server)
        client.ask('mutation { upsertBucket(input: {name: "long", modelName: "p", entityName: "admin"}) { inserted } }', {})
        speed = stream(client, o.steps)
        note(f"{speed:.0f} steps/s streamed")
        settle(server)
        charts = [(f"chart of {o.steps} steps, {n} buckets", *chart_ms(client, n, o.runs)) for n in (500, 2000, 10000)]
        charts.append((f"zoom into {o.steps // 100} steps, 500 buckets",
                       *chart_ms(client, 500, o.runs, (o.steps * 0.5, o.steps * 0.51))))
        for what, _, chart in charts[:3]:
            assert sum(chart["count"]) == o.steps, f"{what}: {sum(chart['count'])} points"
        page = min(10000, o.steps // 20)
        lines = [("500 samples of all lines", lines_ms(client, SAMPLES, 500, o.runs, lambda run: {"n": 500})),
                 (f"a page of {page} lines", lines_ms(client, PAGE, page, o.runs, lambda run: {"from": run % 20 * page, "to": (run % 20 + 1) * page}))]
        memory = server.process.rss_kb("VmHWM") / 1024
    finally:
        server.process.end()
    rows = [("steps streamed a second", speed, None, "")] + [(w, ms, 100, "ms") for w, ms, _ in charts] + [(w, ms, 100, "ms") for w, ms in lines]
    rows.append(("memory, peak", memory, None, "MB"))
    if not url:
        disk = sum(f.stat().st_size for f in (folder / "server").rglob("*") if f.is_file()) / 1e6
        rows.append(("on the disk", disk, None, "MB"))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slipway", default=ROOT / "build/src/cli/slipway", type=pathlib.Path)
    parser.add_argument("--db", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--steps", type=int, default=1000000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    o = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-bench-", dir="/var/tmp"))
    try:
        with postgres.private_server(durable=True) if o.db == "postgres" else contextlib.nullcontext() as url:
            measured = measure(o, folder, url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if o.output == "json":
        print(json.dumps([{"what": w, "value": v, "budget": b, "unit": u} for w, v, b, u in measured]))
    else:
        for what, value, budget, unit in measured:
            verdict = "" if budget is None else f"budget {budget} {unit}: {'OK' if value <= budget else 'OVER'}"
            print(f"{what:44} {value:10.1f} {unit}  {verdict}")
    return any(b is not None and v > b for _, v, b, _ in measured)


if __name__ == "__main__":
    sys.exit(main())
