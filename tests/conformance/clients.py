"""The releases of the wandb package that the server is tested with, each behind a recorder of its own."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import wandb

from conftest import ROOT
from recorder import Recorder, operation

RELEASES = [wandb.__version__, "0.28.2", "0.25.1"]
PRELUDE = "import json, os, pathlib\nimport wandb\napi = wandb.Api(overrides={'base_url': os.environ['WANDB_BASE_URL']})\n"


def programs(release):
    """The folder of the programs of this release."""
    if release == wandb.__version__:
        return pathlib.Path(sys.executable).parent
    return ROOT / ".venvs" / f"wandb-{release}" / "bin"


def ask(system, query, variables=None):
    """What the server answers to a GraphQL request of its admin."""
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(system.url + "/graphql", body, {"Content-Type": "application/json"})
    request.add_header("Authorization", "Basic " + base64.b64encode(f"api:{system.key}".encode()).decode())
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer = json.load(reply)
    assert "errors" not in answer, answer
    return answer["data"]


class Client:
    """A user of one release, with a home and a project of its own; one who does @what, beside others of the release."""

    def __init__(self, system, release, what="all"):
        self.system, self.release = system, release
        self.name = f"{what}-{release}".replace(".", "-")
        self.project = f"project-{self.name}"
        self.home = system.folder / f"home-{self.name}"
        self.home.mkdir()
        self.recorder, self.aside = Recorder(system.url), Recorder(system.url)  # aside: of what goes on beside its steps
        self.url = self.recorder.url
        self.found, self.calls, self.processes = {}, {}, []

    def env(self, **more):
        """Of its programs; None takes a variable out."""
        env = {**self.system.env(), "PATH": f"{programs(self.release)}:{os.environ['PATH']}", "HOME": str(self.home),
               "WANDB_BASE_URL": self.url, "WANDB_PROJECT": self.project, "WANDB_CONFIG_DIR": str(self.home / "config"),
               "WANDB_DIR": str(self.home), "WANDB_CACHE_DIR": str(self.home / "cache"),
               "WANDB_DATA_DIR": str(self.home / "data"), **more}
        return {name: value for name, value in env.items() if value is not None}

    def run(self, *argv, check=True, **more):
        """A program of this release to its end."""
        done = subprocess.run([str(a) for a in argv], env=self.env(**more), capture_output=True, text=True, timeout=180, cwd=self.home)
        if check and done.returncode != 0:
            raise AssertionError(f"{argv} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *argv, log, **more):
        """A program of this release that goes on; what it prints is in the file @log."""
        with open(self.home / log, "wb") as out:
            self.processes.append(subprocess.Popen([str(a) for a in argv], env=self.env(WANDB_BASE_URL=self.aside.url, **more),
                                                   cwd=self.home, stdout=out, stderr=subprocess.STDOUT))
        return self.processes[-1]

    def close(self):
        """Also of what it started."""
        for process in self.processes:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.recorder.close()
        self.aside.close()

    def script(self, code, **more):
        """A snippet with the real package; what it prints last is JSON."""
        done = self.run("python", "-c", PRELUDE + code, **more)
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise AssertionError(f"no JSON:\n{done.stdout}\n{done.stderr}") from None

    def queue(self, name, kind, has_priorities=False):
        """A queue of its own, without the package: that takes longer."""
        ask(self.system, """mutation($name: String!, $kind: String!, $mode: RunQueuePrioritizationMode) {
            upsertRunQueue(input: {entityName: "admin", projectName: "model-registry", queueName: $name, resourceType: $kind,
            prioritizationMode: $mode, resourceConfig: "{\\"resource_args\\": {}}"}) { success } }""",
            {"name": name, "kind": kind, "mode": "V0" if has_priorities else "DISABLED"})

    def project_has(self, fields):
        return ask(self.system, 'query($p: String!) { project(entityName: "admin", name: $p) { %s } }' % fields, {"p": self.project})["project"]

    def do(self, name, function):
        """A step; self.calls[name] are the operations that it sent (recorder.operation()), or else what goes on beside it."""
        since = [len(r.seen) for r in (self.recorder, self.aside)]
        try:
            function(self)
        finally:
            sent, aside = ([o for o in map(operation, r.seen[n:]) if o] for r, n in zip((self.recorder, self.aside), since))
            self.calls[name] = sent or aside

    def documents(self):
        """The GraphQL documents that it sent."""
        return {plain(s.body["query"]) for r in (self.recorder, self.aside) for s in r.seen if s.path == "/graphql"}


class Steps(dict):
    """What a client does, by name and in order: functions of it; what one leaves to those after it is in client.found."""

    def step(self, name):
        return lambda function: self.setdefault(name, function)


def plain(document):
    return "\n".join(line.rstrip() for line in document.strip().splitlines())


def recording(release):
    return ROOT / "tests/conformance/operations" / f"wandb-{release}.graphql"


def recorded(release):
    """The documents that `./dev record` saw this release send."""
    return set(recording(release).read_text().removesuffix("\n").split("\n===\n"))


def record(release, documents):
    """Add them to those that are known."""
    known = recorded(release) if recording(release).exists() else set()
    recording(release).parent.mkdir(exist_ok=True)
    recording(release).write_text("\n===\n".join(sorted(known | documents)) + "\n")
