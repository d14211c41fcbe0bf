"""Running the real binary: each process with folders, HOME and ports of its own, and an end that is checked."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLIPWAY", ROOT / os.environ.get("SLIPWAY_BUILD", "build") / "src/cli/slipway"))
TRAIN_IMAGE = "us-docker.pkg.dev/slipway/demo/train:1"
PYTHON_IMAGE = "docker.io/library/python:3"
IMAGES = ROOT / "examples/images.yaml"
QUEUE_CONFIG = ROOT / "examples/queues/minimal.yaml"
KEY = "0123456789abcdef" * 3  # of a user made for a test
NOISE = re.compile(r'\{"time":|==\d+==WARNING: ASan ')  # log lines; what the address sanitizer says of every fiber
ENDED = ("FINISHED", "FAILED", "STOPPED")


def wait_for(what, deadline_s=20, every_s=0.03):
    """Poll what() until it is truthy; its value, or a failure that says what was last seen."""
    end = time.monotonic() + deadline_s
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"nothing after {deadline_s} s; last seen: {value!r}")
        time.sleep(every_s)


def group_is_empty(group):
    """No process is left of the group (zombies are not processes any more)."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, pgrp = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(pgrp) == group and state != "Z":
                    return False
    return True


class Place:
    """A temporary folder that is a user's whole world: HOME, working folder, environment."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.variables = {}
        self.processes = []

    def env(self, **more):
        e = {"PATH": os.environ["PATH"], "TMPDIR": os.environ["TMPDIR"], "HOME": str(self.home), **self.variables, **more}
        return {k: v for k, v in e.items() if v is not None}

    def run(self, *argv, timeout=20, stdin="", **more):
        """Any program, to its end."""
        return subprocess.run([str(a) for a in argv], env=self.env(**more), cwd=self.folder, input=stdin,
                              capture_output=True, text=True, timeout=timeout)

    def slipway(self, *argv, **options):
        return self.run(BINARY, *argv, **options)

    def ok(self, *argv, **options):
        """slipway ARGV..., which must go well; its standard output."""
        done = self.slipway(*argv, **options)
        assert done.returncode == 0, f"{argv} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *argv, **options):
        end = argv.index("--") if "--" in argv else len(argv)
        return json.loads(self.ok(*argv[:end], "-o", "json", *argv[end:], **options))

    def fails(self, status, *argv, **options):
        """slipway ARGV..., which must fail with one line on standard error (log lines apart); that line."""
        done = self.slipway(*argv, **options)
        assert done.returncode == status, f"{argv} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.stdout == ""
        lines = [line for line in done.stderr.splitlines() if not NOISE.match(line)]
        assert len(lines) == 1 and lines[0].startswith("slipway: "), done.stderr
        return lines[0]

    def start(self, *argv, under=(), **more):
        """slipway ARGV..., which stays up; under: a program and options that run it, as a tracer does."""
        p = Process(self, (*under, BINARY, *argv), more)
        self.processes.append(p)
        return p

    def close(self):
        for p in self.processes:
            p.close()

    # a queue, its items

    def use(self, url=None, emulator=None, key=KEY, entity="ada"):
        """Log the user in."""
        self.variables = {"WANDB_BASE_URL": url, "WANDB_API_KEY": key, "WANDB_ENTITY": entity,
                          "SLIPWAY_GOOGLE_ENDPOINT": emulator}

    def item(self, item_id):
        return self.json("items", "show", item_id)

    def launch(self, queue, *argv):
        return self.json("launch", "-q", queue, "-d", PYTHON_IMAGE, "--", *argv)["item"]

    def item_at_end(self, item_id, deadline_s=30):
        return wait_for(lambda: (lambda i: i if i["state"] in ENDED else None)(self.item(item_id)), deadline_s, 0.1)


def make_place(factory, name):
    """A generator of one place, for fixtures: it closes the place and removes its folder."""
    folder = factory.mktemp(name)
    p = Place(folder)
    try:
        yield p
    finally:
        p.close()
        shutil.rmtree(folder, ignore_errors=True)


class Process:
    """A slipway that stays up; what it prints is in files. A process group of its own, as under a shell."""

    def __init__(self, place, argv, more):
        n = len(place.processes)
        self.out_file = place.folder / f"out-{n}"
        self.log_file = place.folder / f"log-{n}"
        with open(self.out_file, "wb") as out, open(self.log_file, "wb") as log:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                          env=place.env(**more), cwd=place.folder, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def out(self):
        return self.out_file.read_text()

    def log(self):
        return self.log_file.read_text()

    def events(self, name):
        """The log lines of one event: their key=value pairs, as text."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if line["event"] == name]

    def wait_out(self, pattern, deadline_s=20):
        """The first match in standard output, of a process that is still there."""

        def look():
            assert self.popen.poll() is None, f"it ended with {self.popen.returncode}\n{self.out()}\n{self.log()}"
            return re.search(pattern, self.out())

        return wait_for(look, deadline_s)

    def wait_log(self, pattern, deadline_s=20):
        return wait_for(lambda: re.search(pattern, self.log()), deadline_s)

    def url(self):
        return self.wait_out(r"(http://\S+)\n").group(1)

    def ends(self, deadline_s=10):
        """Its exit status, within the deadline."""
        return self.popen.wait(deadline_s)

    def stop(self, number=signal.SIGTERM, deadline_s=10):
        self.popen.send_signal(number)
        return self.ends(deadline_s)

    def kill(self):
        self.popen.kill()
        self.popen.wait(10)

    def close(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)


class FakeServer:
    """An HTTP server with one answer to everything: what a proxy, a wrong address or a broken server might say."""

    def __init__(self, status, body, content_type="application/json"):
        data = body if isinstance(body, bytes) else body.encode()
        self.requests = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                fake.requests.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Up:
    """`slipway up` with one queue `q`, and a place whose user is logged in to it."""

    def __init__(self, place, *options):
        self.place = place
        self.data = place.folder / "state"
        self.process = place.start("up", "--data", self.data, "--speed", "1000", "--queue", "q", "--images", IMAGES, *options)
        self.url = self.process.wait_out(r"Queue server +(http://\S+)\n").group(1)
        self.emulator = self.process.wait_out(r"Emulator +(http://\S+)\n").group(1)
        self.process.wait_out(r"/env\n")
        self.key = re.search(r"WANDB_API_KEY=(\S+)", (self.data / "env").read_text()).group(1)
        place.use(self.url, self.emulator, self.key, "admin")
        place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)


class World:
    """Server, emulator and agent, each a process of its own that can be killed and comes back where it was."""

    def __init__(self, place):
        self.place = place
        self.server_port = self.emulator_port = "0"
        place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
        self.start_server()
        self.start_emulator()
        place.use(self.server_url, self.emulator_url)
        place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)

    def start_server(self):
        self.server = self.place.start("server", "--data", "server", "--port", self.server_port)
        self.server_url = self.server.url()
        self.server_port = self.server_url.rpartition(":")[2]

    def start_emulator(self):
        self.emulator = self.place.start("emulator", "--data", "emulator", "--speed", "1000", "--images", IMAGES,
                                         "--port", self.emulator_port)
        self.emulator_url = self.emulator.url()
        self.emulator_port = self.emulator_url.rpartition(":")[2]

    def start_agent(self, *options, **more):
        self.agent = self.place.start("agent", "-q", "q", "-j", "4", "--state-dir", "agent", *options, **more)
        self.agent.wait_log("agent.registered")
        return self.agent

    def vertex_jobs(self):
        path = "/v1/projects/slipway-local/locations/us-central1/customJobs"
        with urllib.request.urlopen(self.emulator_url + path, timeout=10) as reply:
            return json.load(reply).get("customJobs", [])


class HeldJob:
    """An item whose program says that it has started, and goes on until it is let go."""

    PROGRAM = ("import os, sys, time\n"
               "open(sys.argv[1] + '/started', 'a').write(f'{os.getpid()}\\n')\n"
               "while not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.02)\n")

    def __init__(self, place, queue="q", program=PROGRAM):
        self.folder = place.folder / f"job-{time.monotonic_ns()}"
        self.folder.mkdir()
        self.item = place.launch(queue, "-c", program, self.folder)

    def starts(self):
        """The process ids of its programs, one for each time it was started."""
        file = self.folder / "started"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def wait_started(self, times=1):
        return wait_for(lambda: len(self.starts()) >= times and self.starts())

    def let_go(self):
        (self.folder / "go").touch()
