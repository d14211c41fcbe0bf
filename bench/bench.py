#!/usr/bin/env python3
"""Measures the release binary against its budgets: start to first poll, idle memory, push to create, rendering.

Standard library only. Everything runs on loopback, in a temporary folder, and is ended by its own process id.
"""

import argparse
import base64
import datetime
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEY = "k" * 40
ANSWERS = {  # the first word found in the document decides
    "createLaunchAgent": {"createLaunchAgent": {"launchAgentId": "a1"}},
    "popFromRunQueue": {"popFromRunQueue": None},
    "updateLaunchAgent": {"updateLaunchAgent": {"success": True}},
    "launchAgent": {"launchAgent": {"name": "a", "stopPolling": False}},
    "runQueues": {"project": {"runQueues": [{"id": "q1", "name": "q", "createdBy": None, "access": "PROJECT"}]}},
}


class StandIn(BaseHTTPRequestHandler):
    """Just enough of a W&B server for an agent to come to its first poll."""

    polled = threading.Event()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: the second would wait for an ACK

    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        if "popFromRunQueue" in query:
            StandIn.polled.set()
        data = next((v for k, v in ANSWERS.items() if k in query), {})
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # an agent that is ended resets its connection


class Process:
    def __init__(self, argv, env, lines=0, log=None):
        self.began = time.time()
        self.p = subprocess.Popen([str(a) for a in argv], env=env, stdout=subprocess.PIPE, stderr=log or subprocess.DEVNULL, text=True)
        self.out = "".join(self.p.stdout.readline() for _ in range(lines))

    def rss_kb(self, field="VmRSS"):
        return int(re.search(field + r":\s+(\d+)", pathlib.Path(f"/proc/{self.p.pid}/status").read_text()).group(1))

    def cpu_s(self):
        user, system = pathlib.Path(f"/proc/{self.p.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        self.p.stdout.close()


def first_poll_ms(slipway, folder, runs):
    server = QuietServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {"HOME": str(folder), "WANDB_API_KEY": KEY, "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}"}
    times = []
    for n in range(runs):
        StandIn.polled.clear()
        began = time.monotonic()
        agent = Process([slipway, "agent", "-q", "q", "-e", "ent", "--state-dir", folder / f"poll-{n}"], env)
        assert StandIn.polled.wait(10), "the agent did not poll"
        times.append((time.monotonic() - began) * 1000)
        agent.end()
    server.shutdown()
    return statistics.median(times)


def graphql(url, key, query, variables):
    auth = base64.b64encode(f"api:{key}".encode()).decode()
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(url + "/graphql", body, {"Content-Type": "application/json", "Authorization": "Basic " + auth})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)["data"]


def create_times(emulator):
    """Creation time by item id, from the emulator's own list."""
    url = f"{emulator}/v1/projects/slipway-local/locations/us-central1/customJobs?pageSize=100"
    with urllib.request.urlopen(url, timeout=30) as reply:
        jobs = json.load(reply).get("customJobs", [])
    return {j["labels"]["slipway-item"]: datetime.datetime.fromisoformat(j["createTime"].replace("Z", "+00:00")).timestamp()
            for j in jobs}


def push_to_create(slipway, folder, count):
    home = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    server = Process([slipway, "server", "--data", folder / "server", "--port", "0"], home, 5)
    url, key = re.search(r"http://\S+", server.out).group(), re.search(r"^  (\S{40,})$", server.out, re.M)
    key = (key or re.search(r"\b([a-z0-9]{40})\b", server.out)).group(1)
    emulator = Process([slipway, "emulator", "--data", folder / "emulator", "--port", "0", "--speed", "10000", "--images",
                        ROOT / "examples/images.yaml"], home, 1)
    google = re.search(r"http://\S+", emulator.out).group()
    env = dict(home, WANDB_API_KEY=key, WANDB_BASE_URL=url, WANDB_ENTITY="admin", SLIPWAY_GOOGLE_ENDPOINT=google)
    subprocess.run([slipway, "queue", "create", "q", "--config", ROOT / "examples/queues/minimal.yaml"], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    agent = Process([slipway, "agent", "-q", "q", "-j", "-1", "--state-dir", folder / "agent"], env)
    time.sleep(2)
    memory = {"server": server.rss_kb(), "emulator": emulator.rss_kb(), "agent": agent.rss_kb()}
    spec = json.dumps({"entity": "admin", "project": "p", "docker": {"docker_image": "us-docker.pkg.dev/slipway/demo/train:1"},
                       "overrides": {"args": ["--epochs", "1", "--pause", "0", "--rows", "10"]}})
    pushed = {}
    for _ in range(count):
        began = time.time()
        data = graphql(url, key, "mutation($s: JSONString!) { pushToRunQueueByName(input: {entityName: \"admin\", "
                       "projectName: \"model-registry\", queueName: \"q\", runSpec: $s}) { runQueueItemId } }", {"s": spec})
        pushed[data["pushToRunQueueByName"]["runQueueItemId"]] = began
        time.sleep(1.05)  # the agent creates at most 60 jobs a minute, as Vertex AI allows
    time.sleep(2)
    created = create_times(google)
    for p in (agent, emulator, server):
        p.end()
    waits = sorted((created[i] - at) * 1000 for i, at in pushed.items())
    return memory, waits


def render_us(program, runs):
    """Figures of bench/render.c: NAME MICROSECONDS a line."""
    out = subprocess.run([program, ROOT / "examples/queues/production.yaml", str(runs)], check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slipway", required=True, type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    args = parser.parse_args()
    slipway = args.slipway.resolve()
    render = render_us(slipway.parents[2] / "bench/bench_render", 2000)
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name:
        folder = pathlib.Path(name)
        poll = first_poll_ms(slipway, folder, args.runs)
        memory, waits = push_to_create(slipway, folder, args.items)
    p = lambda q: waits[min(len(waits) - 1, int(q * len(waits)))]
    rows = [("agent: start to first poll, median", poll, 30, "ms"), ("agent: idle RSS", memory["agent"] / 1024, 8, "MB"),
            ("server: idle RSS", memory["server"] / 1024, None, "MB"), ("emulator: idle RSS", memory["emulator"] / 1024, None, "MB"),
            ("push to customJobs.create, p50", p(0.5), None, "ms"), ("push to customJobs.create, p99", p(0.99), 100, "ms"),
            ("config to request, p50", render["render_p50"], 200, "µs"), ("config to request, p99", render["render_p99"], None, "µs"),
            ("1 MB config to request, p50", render["render_1mb_p50"] / 1000, 50, "ms")]
    if args.output == "json":
        print(json.dumps([{"what": w, "value": v, "budget": b, "unit": u} for w, v, b, u in rows]))
    else:
        for what, value, budget, unit in rows:
            verdict = "" if budget is None else f"budget {budget} {unit}: {'OK' if value <= budget else 'OVER'}"
            print(f"{what:40} {value:8.1f} {unit}  {verdict}")
    return any(b is not None and v > b for _, v, b, _ in rows)


if __name__ == "__main__":
    raise SystemExit(main())
