#!/usr/bin/env python3
"""Measures an agent that sees ten thousand jobs through: memory, requests, CPU, recovery, and how soon an end is noticed.

Agent, queue server and emulator run as processes of their own, in a temporary folder. Vertex AI takes 60 creates a minute
and region, and so does the agent, so that ten thousand real launches would take hours: one item is launched and runs, all
three are stopped, and its rows in their three SQLite files are copied with ids of their own. The emulator really runs
them all, as programs that need no process (":sleep"). Standard library only.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import random
import re
import signal
import sqlite3
import statistics
import string
import subprocess
import sys
import tempfile
import time

from bench import ROOT, Process, graphql

FAR_S = 86400  # of jobs that do not end here
REGIONS = ["us-central1", "us-east1", "us-east4", "us-west1", "us-west2", "us-west3", "us-west4", "us-south1", "europe-west1", "europe-west2",
           "europe-west3", "europe-west4", "asia-east1", "asia-northeast1", "asia-southeast1", "australia-southeast1"]
ALNUM = string.ascii_lowercase + string.digits


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def wait_until(what, limit_s, why):
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, f"{why}: nothing after {limit_s} s"
        time.sleep(0.02)


def columns(db, table, where="1"):
    cursor = db.execute(f"SELECT * FROM {table} WHERE {where}")
    return [dict(zip([c[0] for c in cursor.description], row)) for row in cursor]


def insert(db, table, rows):
    names = list(rows[0])
    db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", [[r[n] for n in names] for r in rows])


def percentile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


class System:
    """The three roles over one folder, each started and stopped by itself."""

    def __init__(self, slipway, folder):
        self.slipway, self.folder, self.key, self.agents = slipway, folder, None, 0
        self.home = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.server = self.emulator = self.agent = None

    def start_servers(self):
        self.server = Process([self.slipway, "server", "--data", self.folder / "server", "--port", "0"], self.home, 1 if self.key else 5)
        if not self.key:
            self.key = re.search(r"\b([a-z0-9]{40})\b", self.server.out).group(1)
        self.emulator = Process([self.slipway, "emulator", "--data", self.folder / "emulator", "--port", "0", "--speed", "10000",
                                 "--images", ROOT / "examples/images.yaml"], self.home, 1)
        self.url, google = (re.search(r"http://\S+", p.out).group() for p in (self.server, self.emulator))
        self.env = dict(self.home, WANDB_API_KEY=self.key, WANDB_BASE_URL=self.url, WANDB_ENTITY="admin", SLIPWAY_GOOGLE_ENDPOINT=google)

    def start_agent(self, *more):
        self.agents += 1
        self.log = self.folder / f"agent-{self.agents}.log"
        with open(self.log, "w") as log:
            self.agent = Process([self.slipway, "agent", "-q", "q", "--state-dir", self.folder / "agent", *more], self.env, log=log)
        return self.agent

    def kill_agent(self):
        self.agent.p.send_signal(signal.SIGKILL)
        self.agent.end()

    def stop_servers(self):
        for p in (self.emulator, self.server):
            p.end()

    def close(self):
        for p in (self.agent, self.emulator, self.server):
            if p and p.p.poll() is None:
                p.end()

    def db(self, name):
        path = {"journal": "agent/journal.db", "emulator": "emulator/emulator.db", "server": "server/slipway.db"}[name]
        return contextlib.closing(sqlite3.connect(self.folder / path))

    def events(self):
        """(Unix time, event, message) of the agent's log, as far as it is written."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.startswith("{") and line.endswith("\n")]
        return [(datetime.datetime.fromisoformat(v["time"].replace("Z", "+00:00")).timestamp(), v["event"], v["message"]) for v in lines]

    def push(self, count):
        spec = json.dumps({"entity": "admin", "project": "p", "docker": {"docker_image": "example/sleep:1"}, "overrides": {"args": [str(FAR_S)]}})
        for _ in range(count):
            graphql(self.url, self.key, "mutation($s: JSONString!) { pushToRunQueueByName(input: {entityName: \"admin\", "
                    "projectName: \"model-registry\", queueName: \"q\", runSpec: $s}) { runQueueItemId } }", {"s": spec})

    def one_real_launch(self):
        """What the others are copied from; the memory of the agent that has nothing to do."""
        self.start_servers()
        subprocess.run([self.slipway, "queue", "create", "q", "--config", ROOT / "examples/queues/minimal.yaml"], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        idle = self.start_agent("-j", "-1")
        time.sleep(3)
        idle_kb = idle.rss_kb()
        self.push(1)
        with self.db("journal") as journal:
            wait_until(lambda: columns(journal, "launches", "vertex_status = 'JOB_STATE_RUNNING'"), 20, "the launch")
        time.sleep(1)
        idle.end()
        self.stop_servers()
        return idle_kb

    def copy(self, count, regions):
        """count - 1 copies of everything about that launch, spread over the regions."""
        rng = random.Random(1)
        word = lambda n: "".join(rng.choices(ALNUM, k=n))
        with self.db("journal") as journal, self.db("emulator") as emulator, self.db("server") as server:
            launch, job = columns(journal, "launches")[0], columns(emulator, "jobs")[0]
            item, run = columns(server, "items")[0], columns(server, "runs")[0]
            old = [launch["item"], launch["run_id"], launch["attempt_label"], str(job["id"])]
            new_rows = {t: [] for t in ("launches", "history", "jobs", "items", "item_lines", "runs")}
            for n in range(2, count + 1):
                region = regions[n % len(regions)]
                fresh = [word(12), word(8), word(12), str(rng.randrange(10**18, 9 * 10**18))]

                def renamed(row, **more):
                    text = lambda v: self.rename(v, old, fresh).replace(job["location"], region) if isinstance(v, str) else v
                    return {k: text(v) for k, v in row.items()} | more

                new_rows["launches"].append(renamed(launch, id=n))
                new_rows["history"] += [renamed(h, id=None, launch=n) for h in columns(journal, "history", f"launch = {launch['id']}")]
                new_rows["jobs"].append(renamed(job, seq=n, id=int(fresh[3])))
                new_rows["items"].append(renamed(item, seq=n))
                new_rows["item_lines"] += [renamed(i, id=None, item_seq=n) for i in columns(server, "item_lines", f"item_seq = {item['seq']}")]
                new_rows["runs"].append(renamed(run, id=n))
            for db, tables in ((journal, ("launches", "history")), (emulator, ("jobs",)), (server, ("items", "item_lines", "runs"))):
                for table in tables:
                    insert(db, table, new_rows[table])
                db.commit()

    @staticmethod
    def rename(text, old, fresh):
        for a, b in zip(old, fresh):
            text = text.replace(a, b)
        return text

    def let_end(self, count, first_s, last_s):
        """So many jobs, drawn at random, end by themselves some time after the emulator's next start."""
        rng = random.Random(2)
        with self.db("emulator") as db:
            for job in rng.sample(columns(db, "jobs", "state = 3"), count):
                body = json.loads(job["body"])
                body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["args"] = [str(rng.randrange(first_s, last_s))]
                db.execute("UPDATE jobs SET body = ? WHERE seq = ?", (json.dumps(body), job["seq"]))
            db.commit()


def recovery(system, count, regions):
    """Seconds from the start of the process, after a kill: rows in hand; every job of every region seen; every item asked for."""
    agent = system.start_agent("-j", "-1", "--verbose")
    keeps = lambda: sum("operation=keep" in m for _, e, m in system.events() if e == "wandb.call")
    wait_until(lambda: time.sleep(1) or keeps() >= count, 120, "the questions for the items")
    events = system.events()
    recovered = next(t for t, e, m in events if e == "agent.recovered" and f"launches={count}" in m)
    listed = {}
    for t, e, m in events:
        if e == "watch.listed":
            listed.setdefault(m.split()[0], t)
    assert len(listed) == regions, listed
    asked = [t for t, e, m in events if e == "wandb.call" and "operation=keep" in m][count - 1]
    system.kill_agent()
    return [t - agent.began for t in (recovered, max(listed.values()), asked)]


def settle(system, seconds):
    """An agent over all rows, once its questions at the start are over."""
    time.sleep(seconds)
    return system.agent


def steady(system, seconds):
    agent = system.start_agent("-j", "-1")
    settle(system, 40)
    before = agent.cpu_s()
    time.sleep(seconds)
    used = agent.cpu_s() - before
    ret = {"cpu": 100 * used / seconds, "rss_kb": agent.rss_kb(), "peak_kb": agent.rss_kb("VmHWM")}
    system.kill_agent()
    return ret


def requests(system, seconds, regions):
    """A minute's calls, by who is called; those to Vertex for the busiest region too."""
    system.start_agent("-j", "-1", "--verbose")
    settle(system, 40)
    began = time.time()
    time.sleep(seconds)
    calls = [(e, m) for t, e, m in system.events() if began <= t < began + seconds]
    google = [m for e, m in calls if e == "google.call"]
    per_region = [sum(f"/locations/{r}/" in m for m in google) for r in regions]
    system.kill_agent()
    each = 60 / seconds
    return {"google": len(google) * each, "region": max(per_region) * each, "server": sum(e == "wandb.call" for e, _ in calls) * each}


def ends(system, count, ending):
    """Milliseconds from a job's end on Vertex to the row that frees its slot, and to the next item in the slot."""
    system.stop_servers()
    first, last = 45, 285  # so slowly that the creates keep up with the items taken
    system.let_end(ending, first, last)
    system.start_servers()
    system.push(ending)
    system.start_agent("-j", str(count))
    with system.db("emulator") as emulator, system.db("journal") as journal:
        wait_until(lambda: time.sleep(1) or len(columns(journal, "launches", f"ended_at > 0 AND id <= {count}")) >= ending, last + 120, "the ends")
        time.sleep(2)
        ended = {j["id"]: j["end_ms"] for j in columns(emulator, "jobs", "end_ms > 0")}
        noticed = {int(r["vertex_job"].rpartition("/")[2]): r["ended_at"] for r in columns(journal, "launches", f"ended_at > 0 AND id <= {count}")}
        leased = sorted(r["leased_at"] for r in columns(journal, "launches", f"id > {count}"))
    system.agent.end()
    free = [noticed[j] - at for j, at in ended.items() if j in noticed]
    taken = [b - a for a, b in zip(sorted(ended.values()), leased)]
    return free, taken


def backlog(slipway, items):
    """MB that the agent grows by when so many items wait, of which one a second can become a job."""
    note(f"{items} items in a queue")
    with tempfile.TemporaryDirectory(prefix="slipway-scale-") as name:
        system = System(slipway, pathlib.Path(name))
        try:
            idle_kb = system.one_real_launch()
            system.start_servers()
            system.push(items)
            time.sleep(1)
            agent = system.start_agent("-j", "-1")
            time.sleep(20)
            return [(f"memory for {items} items that wait", (agent.rss_kb() - idle_kb) / 1024, 8, "MB")]
        finally:
            system.close()


def measure(slipway, args, regions):
    note(f"{args.jobs} jobs in {len(regions)} region{'s' if len(regions) > 1 else ''}")
    with tempfile.TemporaryDirectory(prefix="slipway-scale-") as name:
        system = System(slipway, pathlib.Path(name))
        try:
            idle_kb = system.one_real_launch()
            system.copy(args.jobs, regions)
            system.start_servers()
            time.sleep(5)
            restarts = [recovery(system, args.jobs, len(regions)) for _ in range(args.restarts)]
            calm = steady(system, args.seconds)
            emulator_kb, server_kb = system.emulator.rss_kb(), system.server.rss_kb()
            asked = requests(system, args.seconds, regions)
            free, taken = ends(system, args.jobs, args.ends)
        finally:
            system.close()
    median = [statistics.median(v) for v in zip(*restarts)]
    return [("memory per job", (calm["rss_kb"] - idle_kb) / args.jobs, 4, "KiB"),
            ("memory per job, at the peak", (calm["peak_kb"] - idle_kb) / args.jobs, 4, "KiB"),
            ("requests to Vertex AI", asked["google"], None, "/min"),
            ("requests to Vertex AI, busiest region", asked["region"], 300, "/min"),
            ("requests to the queue server", asked["server"], None, "/min"),
            ("CPU", calm["cpu"], None, "%"),
            ("restart: every job in hand again", median[0], 2, "s"),
            ("restart: every region listed once", median[1], None, "s"),
            ("restart: the server asked for every item", median[2], None, "s"),
            ("end of a job to its slot free, p50", percentile(free, 0.5) / 1000, None, "s"),
            ("end of a job to its slot free, p99", percentile(free, 0.99) / 1000, None, "s"),
            ("end of a job to the next item taken, p99", percentile(taken, 0.99) / 1000, None, "s"),
            ("emulator: RSS", emulator_kb / 1024, None, "MB"),
            ("server: RSS", server_kb / 1024, None, "MB")]


def show(rows, output):
    """Whether all are within their budgets."""
    if output == "json":
        print(json.dumps([{"what": w, "value": v, "budget": b, "unit": u} for w, v, b, u in rows]))
    for what, value, budget, unit in rows if output == "text" else ():
        verdict = "" if budget is None else f"budget {budget} {unit}: {'OK' if value <= budget else 'OVER'}"
        print(f"{what:42} {value:8.2f} {unit}  {verdict}")
    return all(b is None or v <= b for _, v, b, _ in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slipway", required=True, type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=10000)
    parser.add_argument("--regions", type=int, nargs="+", default=[1, 16], help="how many regions the jobs are in; one round each")
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=60, help="of CPU and requests")
    parser.add_argument("--ends", type=int, default=300, help="jobs that end")
    parser.add_argument("--backlog", type=int, default=1000, help="items that wait for a create")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    args = parser.parse_args()
    slipway = args.slipway.resolve()
    good = show(backlog(slipway, args.backlog), args.output)
    for count in args.regions:
        good = show(measure(slipway, args, REGIONS[:count]), args.output) and good
    return not good


if __name__ == "__main__":
    raise SystemExit(main())
