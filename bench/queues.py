#!/usr/bin/env python3
"""Measures the queue server: pushes, leases, recovery, beside beanstalkd and Redis, all with every write on the disk.

Fifty clients over HTTP (bench/load, a C program that costs little itself), items of 1 KB. The servers run on loopback, in a
temporary folder, one after another, and are ended by their own process id. Standard library only.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from bench import ROOT, Process, graphql

sys.path.insert(0, str(ROOT / "tests"))
import postgres  # noqa: E402

CLIENTS, BYTES = 50, 1024
MAKE_QUEUE = ("mutation($c: JSONString!) { upsertRunQueue(input: {entityName: \"admin\", projectName: \"model-registry\", "
              "queueName: \"q\", resourceType: \"vertex\", resourceConfig: $c}) { success } }")
QUEUE_ID = "{ project(name: \"model-registry\", entityName: \"admin\") { runQueue(name: \"q\") { id } } }"
MAKE_AGENT = ("mutation($q: [ID!]!) { createLaunchAgent(input: {entityName: \"admin\", projectName: \"model-registry\", "
              "runQueues: $q, hostname: \"bench\"}) { launchAgentId } }")


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Load:
    """What drives one queue: bench/load with all but the operation and the count."""

    def __init__(self, program, protocol, port, *login):
        self.program, self.protocol, self.port, self.login = program, protocol, port, login

    def run(self, operation, count):
        argv = [self.program, self.protocol, operation, self.port, CLIENTS, count, BYTES, *self.login]
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{self.protocol}: {done.stderr}")
        return json.loads(done.stdout)


class Slipway:
    def __init__(self, program, folder, *more):
        self.argv = [program, "server", "--data", folder, "--port", "0", "--key-rate", "0", "--address-rate", "0", *more]
        self.home = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.process = Process(self.argv, self.home, 5)
        self.key = re.search(r"\b([a-z0-9]{40})\b", self.process.out).group(1)
        self.url = re.search(r"http://\S+", self.process.out).group()

    def load(self, program):
        graphql(self.url, self.key, MAKE_QUEUE, {"c": json.dumps({"resource_args": {"vertex": {"spec": {}, "run": {}}}})})
        queue = graphql(self.url, self.key, QUEUE_ID, {})["project"]["runQueue"]["id"]
        agent = graphql(self.url, self.key, MAKE_AGENT, {"q": [queue]})["createLaunchAgent"]["launchAgentId"]
        return Load(program, "graphql", self.url.rpartition(":")[2], self.key, "admin", "q", agent)

    def recovery_s(self):
        """Killed, and started again: until an item is given out."""
        self.process.p.kill()
        self.process.p.wait()
        self.process.p.stdout.close()
        began = time.monotonic()
        self.process = Process(self.argv, self.home, 1)
        self.url = re.search(r"http://\S+", self.process.out).group()
        graphql(self.url, self.key, QUEUE_ID, {})
        return time.monotonic() - began


@contextlib.contextmanager
def waiting_for(port, argv, log):
    server = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait()


def measure_slipway(name, program, load_program, folder, counts, rows, *more):
    server = Slipway(program, folder, *more)
    try:
        load = server.load(load_program)
        load.run("push", counts["warm"])
        rows[f"{name}: pushes/s"] = load.run("push", counts["push"])
        note(f"{name}: {rows[f'{name}: pushes/s']}")
        have = counts["warm"] + counts["push"]
        if have < counts["queued"]:
            note(f"{name}: filling the queue: {load.run('push', counts['queued'] - have)}")
        rows[f"{name}: leases and acks/s"] = load.run("lease", counts["lease"])
        note(f"{name}: {rows[f'{name}: leases and acks/s']}")
        rows[f"{name}: memory, MB"] = round(server.process.rss_kb("VmHWM") / 1024, 1)
        rows[f"{name}: recovery, s"] = round(server.recovery_s(), 3)
        note(f"{name}: {rows[f'{name}: memory, MB']} MB, recovered in {rows[f'{name}: recovery, s']} s")
    finally:
        server.process.end()


def measure_beanstalkd(load_program, folder, counts, rows):
    port = free_port()
    (folder / "beanstalkd").mkdir()
    with open(folder / "beanstalkd.log", "w") as log, \
            waiting_for(port, ["beanstalkd", "-l", "127.0.0.1", "-p", port, "-b", folder / "beanstalkd", "-f", "0"], log):
        load = Load(load_program, "beanstalkd", port)
        rows["beanstalkd: pushes/s"] = load.run("push", counts["push"])
        rows["beanstalkd: leases and acks/s"] = load.run("lease", min(counts["lease"], counts["push"]))


def measure_redis(load_program, folder, counts, rows):
    port = free_port()
    (folder / "redis").mkdir()
    with open(folder / "redis.log", "w") as log, \
            waiting_for(port, ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder / "redis", "--appendonly", "yes",
                               "--appendfsync", "always", "--save", ""], log):
        subprocess.run(["redis-cli", "-p", str(port), "XGROUP", "CREATE", "q", "g", "$", "MKSTREAM"], check=True, stdout=subprocess.DEVNULL)
        load = Load(load_program, "redis", port)
        rows["Redis: pushes/s"] = load.run("push", counts["push"])
        rows["Redis: leases and acks/s"] = load.run("lease", min(counts["lease"], counts["push"]))


def sync_ms(folder):
    """What one write and fdatasync of a page costs here: the median of a hundred."""
    times = []
    with open(folder / "sync", "wb", buffering=0) as f:
        for _ in range(100):
            f.write(b"x" * 4096)
            began = time.monotonic()
            os.fdatasync(f.fileno())
            times.append((time.monotonic() - began) * 1000)
    return sorted(times)[50]


def verdicts(rows, queued):
    """(what, measured, budget, ok)"""
    push, lease = rows["SQLite: pushes/s"], rows["SQLite: leases and acks/s"]
    return [
        ("SQLite: pushes/s", push["per_second"], ">= 20000", push["per_second"] >= 20000),
        ("SQLite: leases and acks/s", lease["per_second"], ">= 10000", lease["per_second"] >= 10000),
        (f"SQLite: lease p99 with {queued} queued, ms", lease["p99_ms"], "<= 5", lease["p99_ms"] <= 5),
        ("SQLite: recovery, s", rows["SQLite: recovery, s"], "<= 2", rows["SQLite: recovery, s"] <= 2),
        ("SQLite: memory, MB", rows["SQLite: memory, MB"], "<= 1024", rows["SQLite: memory, MB"] <= 1024),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slipway", default=ROOT / "build/src/cli/slipway", type=pathlib.Path)
    parser.add_argument("--load", default=ROOT / "build/bench/load", type=pathlib.Path)
    parser.add_argument("--queued", type=int, default=1000000, help="items that wait while leases are measured")
    parser.add_argument("--only", choices=["sqlite", "postgres", "beanstalkd", "redis"])
    parser.add_argument("-o", choices=["text", "json"], default="text")
    o = parser.parse_args()
    counts = {"warm": 2000, "push": 100000, "lease": 50000, "queued": o.queued}
    if o.queued < counts["push"]:
        counts.update(push=o.queued, lease=o.queued // 2)
    small = dict(counts, push=min(20000, counts["push"]), lease=min(10000, counts["lease"]), queued=0)
    rows = {}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-bench-", dir=os.environ.get("SLIPWAY_BENCH_DIR", "/var/tmp")))
    try:
        rows["fdatasync, ms"] = round(sync_ms(folder), 3)
        if o.only in (None, "sqlite"):
            measure_slipway("SQLite", o.slipway, o.load, folder / "sqlite", counts, rows)
        if o.only in (None, "postgres"):
            with postgres.private_server(durable=True) as url:
                measure_slipway("PostgreSQL", o.slipway, o.load, folder / "postgres", small, rows, "--db", url)
        if o.only in (None, "beanstalkd"):
            measure_beanstalkd(o.load, folder, small, rows)
        if o.only in (None, "redis"):
            measure_redis(o.load, folder, small, rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    checked = verdicts(rows, o.queued) if "SQLite: pushes/s" in rows else []
    if o.o == "json":
        print(json.dumps({"measured": rows, "budgets": [dict(zip(("what", "measured", "budget", "ok"), v)) for v in checked]}, indent=1))
    else:
        for what, value in rows.items():
            print(f"{what:34} {value if not isinstance(value, dict) else value['per_second']:>10}"
                  + (f"   p50 {value['p50_ms']} ms, p99 {value['p99_ms']} ms" if isinstance(value, dict) else ""))
        for what, value, budget, ok in checked:
            print(f"{what:44} {value:>10}  budget {budget:>8}: {'ok' if ok else 'MISSED'}")
    return 0 if all(v[3] for v in checked) else 1


if __name__ == "__main__":
    sys.exit(main())
