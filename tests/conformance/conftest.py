"""Fixtures: real processes on loopback, each test session with folders and ports of its own."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from scratch import pytest_configure, pytest_unconfigure  # noqa: E402,F401

pytest.register_assert_rewrite("client_commands", "client_agents")
# Where a shell started us in the background, interrupts are ignored, and so they would be by runs that are to be stopped.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLIPWAY", ROOT / os.environ.get("SLIPWAY_BUILD", "build") / "src/cli/slipway"))
TRAIN_IMAGE = "us-docker.pkg.dev/slipway/demo/train:1"


def wait_for(what, deadline_s=30, every_s=0.1):
    """Poll what() until it is truthy; its value, or a failure that says what was last seen."""
    end = time.monotonic() + deadline_s
    value = None
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(every_s)
    raise AssertionError(f"nothing after {deadline_s} s; last seen: {value!r}")


class System:
    """`slipway up` in a folder of its own."""

    def __init__(self, folder, *extra):
        self.folder = folder
        self.log = open(folder / "up.log", "wb")
        self.process = subprocess.Popen(
            [BINARY, "up", "--data", folder / "state", "--speed", "1000", "--images", ROOT / "examples/images.yaml", *extra],
            stdout=subprocess.PIPE, stderr=self.log, env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        lines = [self.process.stdout.readline().decode() for _ in range(2)]
        assert self.process.poll() is None, (folder / "up.log").read_text()
        self.url = re.search(r"http://\S+", lines[0]).group()
        self.emulator = re.search(r"http://\S+", lines[1]).group()
        wait_for(lambda: (folder / "state/env").exists())
        self.key = re.search(r"WANDB_API_KEY=(\S+)", (folder / "state/env").read_text()).group(1)

    def env(self, **more):
        """The environment of a user who is logged in; nothing else of this machine's configuration."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home), "TMPDIR": os.environ["TMPDIR"],
                "WANDB_BASE_URL": self.url, "WANDB_API_KEY": self.key, "WANDB_ENTITY": "admin",
                "WANDB_ERROR_REPORTING": "false", "WANDB_CONFIG_DIR": str(home / "config"), "WANDB_DIR": str(home),
                "WANDB_CACHE_DIR": str(home / "cache"), "WANDB_SILENT": "false",
                "SLIPWAY_GOOGLE_ENDPOINT": self.emulator, **more}

    def run(self, *argv, check=True, timeout=120, **more):
        done = subprocess.run([str(a) for a in argv], env=self.env(**more), capture_output=True, text=True, timeout=timeout,
                              cwd=self.folder)
        if check and done.returncode != 0:
            raise AssertionError(f"{argv} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def slipway(self, *argv, **options):
        return self.run(BINARY, *argv, **options)

    def item(self, item_id):
        return json.loads(self.slipway("items", "show", item_id, "-o", "json").stdout)

    def item_at_end(self, item_id, deadline_s=60):
        return wait_for(lambda: (lambda i: i if i["state"] in ("FINISHED", "FAILED", "STOPPED") else None)(self.item(item_id)),
                        deadline_s, 0.3)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.log.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slipway")
    s = System(folder, "--queue", "vertex-queue")
    yield s
    s.close()
    assert s.process.returncode == 0, (folder / "up.log").read_text()[-4000:]
    shutil.rmtree(folder, ignore_errors=True)
