"""One launch in a world where something fails, and what has to hold after it."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import typing
import urllib.parse
import urllib.request

from harness import ENDED, KEY, QUEUE_CONFIG, ROOT, Place, wait_for
from proxy import Proxy

IMAGES = ROOT / "tests/faults/images.yaml"
END_S = 170  # a lease of 60 s, a settling wait of 60 s, and a machine with much to do


@dataclasses.dataclass(frozen=True)
class Case:
    """A test that runs beside the others: run(launch) raises what is wrong."""

    slow: typing.ClassVar = False  # begins first: it waits for a lease to run out or a lost create to settle
    own_backends: typing.ClassVar = False  # it kills them, or wants another emulator
    emulator_options: typing.ClassVar = ()


class Backends:
    """Server and emulator, each a process, with a user who is logged in. `place` is the user's."""

    def __init__(self, place, *emulator_options):
        self.place = place
        self.emulator_options = emulator_options
        place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
        self.start_server()
        self.start_emulator()
        self.log_in()

    def start_server(self):
        self.server = self.place.start("server", "--data", "server", "--port", "0")
        self.server_url = self.server.url()

    def start_emulator(self):
        self.emulator = self.place.start("emulator", "--data", "emulator", "--speed", "1000", "--images", IMAGES, "--port", "0",
                                         *self.emulator_options)
        self.emulator_url = self.emulator.url()

    def log_in(self):
        self.place.use(self.server_url, self.emulator_url)
        self.place.ok("queue", "list")  # a server slows many who come at once with a key that it has not looked up yet

    def jobs_of(self, item):
        """All jobs that were ever made for an item."""
        query = urllib.parse.urlencode({"filter": f'labels.slipway-item="{re.sub("[^a-z0-9_-]", "_", item.lower())}"'})
        path = "/v1/projects/slipway-local/locations/us-central1/customJobs?" + query
        with urllib.request.urlopen(self.emulator_url + path, timeout=30) as reply:
            return json.load(reply).get("customJobs", [])


class Launch:
    """An item on a queue of its own, and the agent that is to run it, which reaches both backends through proxies."""

    def __init__(self, folder, backends):
        folder.mkdir()
        self.place = Place(folder)
        self.backends = backends
        self.queue = folder.name
        self.place.use(backends.server_url, backends.emulator_url)
        self.place.ok("queue", "create", self.queue, "--config", QUEUE_CONFIG)
        self.proxies = {"server": Proxy(backends.server_url), "emulator": Proxy(backends.emulator_url)}
        self.agent = self.item = None

    def close(self):
        self.place.close()
        for proxy in self.proxies.values():
            proxy.close()

    def push(self, command="echo ran >>ran"):
        command = f"cd {self.place.folder} && {command}"
        return self.place.json("launch", "-q", self.queue, "-d", "docker.io/library/sh:1", "--", "-c", command)["item"]

    def start_agent(self, under=()):
        """`under`: a tracer's command line."""
        self.agent = self.place.start("agent", "-q", self.queue, "-j", "1", "--state-dir", "agent", under=under,
                                      WANDB_BASE_URL=self.proxies["server"].url, SLIPWAY_GOOGLE_ENDPOINT=self.proxies["emulator"].url,
                                      UV_THREADPOOL_SIZE="1")  # one thread writes the journal, so that its writes have one order
        return self.agent

    def start_agent_at_rest(self):
        """Registered, with all written that a new journal gets: what it writes from now on is for a launch."""
        self.start_agent().wait_log("agent.registered")
        journal = sqlite3.connect(f"file:{self.place.folder}/agent/journal.db?mode=ro", uri=True)
        with contextlib.closing(journal):
            wait_for(lambda: not journal.execute("SELECT 1 FROM meta WHERE key = 'adoption'").fetchall(), every_s=0.2)

    def start_other_agent(self):
        """A second agent on the queue, with a journal of its own."""
        return self.place.start("agent", "-q", self.queue, "-j", "1", "--state-dir", "other")

    def kill_agent(self):
        self.agent.kill()

    def was_killed(self, deadline_s=60):
        assert self.agent.ends(deadline_s) == -signal.SIGKILL

    def restart(self, backend):
        """What was killed, on its folder, at another address: the old one may be somebody else's by now."""
        getattr(self.backends, f"start_{backend}")()
        self.proxies[backend].backend = getattr(self.backends, f"{backend}_url")
        self.backends.log_in()
        self.place.use(self.backends.server_url, self.backends.emulator_url)

    def is_idle(self):
        return self.place.json("agent", "status", "--state-dir", "agent")["launches"] == {}

    def ran(self):
        """How often the item's program was started."""
        file = self.place.folder / "ran"
        return file.read_text().count("ran") if file.exists() else 0

    def item_at_end(self, item):
        """Asked less and less often: many cases wait at once."""
        wait_s, end = 0.2, time.monotonic() + END_S
        while (seen := self.place.item(item))["state"] not in ENDED:
            assert time.monotonic() < end, f"not at its end after {END_S} s: {seen}"
            time.sleep(wait_s)
            wait_s = min(2, wait_s * 1.3)
        return seen

    def check_exactly_once(self, runs=1):
        """It ended once and well, of one job, that ran once; and the slot is free for the next."""
        self.check_end("FINISHED")
        jobs = self.backends.jobs_of(self.item)
        assert [job["state"] for job in jobs] == ["JOB_STATE_SUCCEEDED"], jobs
        assert 1 <= self.ran() <= runs
        self.check_slot()

    def check_stopped(self):
        """It ended once, as stopped, and so did its job, if there was one; and the slot is free for the next."""
        self.check_end("STOPPED")
        jobs = self.backends.jobs_of(self.item)
        assert [job["state"] for job in jobs] in ([], ["JOB_STATE_CANCELLED"]), jobs
        assert self.ran() <= len(jobs)
        self.check_slot()

    def check_end(self, state):
        item = self.item_at_end(self.item)
        assert item["state"] == state, item
        ends = [event["state"] for event in item["history"] if event["state"] in ENDED]
        assert ends == [state], item["history"]

    def check_slot(self):
        after = self.push("true")
        assert self.item_at_end(after)["state"] == "FINISHED"
        wait_for(self.is_idle, 60, 0.2)
        assert self.agent.stop(deadline_s=30) == 0

    def story(self):
        """What the agents said, for a failure's message."""
        return "\n".join(f"--- {p.log_file.name} (exit {p.popen.poll()}) {p.popen.args[1]}\n{p.log()[-6000:]}" for p in self.place.processes)


def kill_behind_create(launch):
    """The worst moment: a create was answered, and nobody heard it."""
    launch.proxies["emulator"].on("POST customJobs", 1, "after", launch.kill_agent)
    launch.start_agent()
    launch.was_killed()


def opening_tracer(trace, *options):
    """-D: what is started is the agent itself. Without -f: the main thread only."""
    return ("strace", "-D", "-s", "0", "-o", trace, "-e", "trace=pwrite64,fdatasync,ftruncate,unlink", *options)


def calls_in(trace):
    """The names of the calls in a file that strace wrote, in order."""
    return re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)


class Tracer:
    """strace on the thread of an agent that writes its journal."""

    CALLS = "pwrite64,fdatasync,write"  # into the log, to the disk, and telling the loop that it is there

    def __init__(self, launch, *options):
        thread = next(t for t in os.listdir(f"/proc/{launch.agent.pid}/task") if int(t) != launch.agent.pid)
        self.file = launch.place.folder / "trace"
        self.popen = subprocess.Popen(["strace", "-p", thread, "-y", "-s", "0", "-o", self.file, "-e", f"trace={self.CALLS}", *options],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = self.popen.stderr.readline()
        assert "attached" in said, said

    def detach(self):
        with contextlib.suppress(ProcessLookupError):
            self.popen.terminate()
        self.popen.communicate(timeout=20)

    def calls(self):
        return calls_in(self.file)
