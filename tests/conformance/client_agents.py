"""What each release of the wandb package does at the server with agents: W&B's own launch agent runs an item, then a whole
sweep on Launch; a sweep agent runs one that is not; in the order of STEPS."""

import json
import re

from clients import Steps
from client_commands import plain_text
from conftest import wait_for

STEPS = Steps()
step = STEPS.step
SEND_S = 0.5  # how often a run tells the server; 15 s by itself

# The run with x = 1 is over at once; the other goes on until it is stopped, for it is the worse one.
TRAIN = """
import time
import wandb
with wandb.init() as run:
    x = run.config["x"]
    for step in range(20 if x == 1 else 6000):
        run.log({"loss": x + 1 / (step + 1)})
        if x != 1:
            time.sleep(0.1)
"""
ONCE = """
import wandb
with wandb.init() as run:
    run.log({"loss": run.config["x"] * 2})
"""


def file(c, name, text):
    path = c.home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def sweep_of(done):
    return re.search(r"sweep with ID: \S*?([a-z0-9]{8})\b", plain_text(done.stderr)).group(1)


@step("wandb-job-create-code")
def job_create(c):
    file(c, "code/train.py", TRAIN)
    file(c, "code/requirements.txt", "wandb\n")
    made = c.run("wandb", "job", "create", "-e", "admin", "-p", c.project, "-n", "my-job", "-E", "python train.py", "-r", "3.11", "code",
                 c.home / "code")
    assert f"Created job: admin/{c.project}/my-job:v0" in plain_text(made.stderr)


@step("wandb-launch-agent")
def launch_agent(c):
    """The agent stays for the sweep."""
    c.queue(c.name, "local-process")
    c.found["agent"] = c.start("wandb", "launch-agent", "-q", c.name, "-e", "admin", "-j", "2", log="agent.log",
                               WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL=str(SEND_S))
    spec = {"uri": "placeholder-uri", "resource": "local-process", "overrides": {"entry_point": ["true"]}}
    pushed = c.system.slipway("launch", "-q", c.name, "-p", c.project, "-c", json.dumps(spec), "-o", "json")
    item = json.loads(pushed.stdout)["item"]
    end = wait_for(lambda: (lambda i: i if i["state"] not in ("PENDING", "LEASED") else None)(c.system.item(item)), 120, 0.5)
    assert end["associatedRunId"], end


@step("wandb-launch-sweep")
def launch_sweep(c):
    """Its scheduler is an item of the agent, as are the runs that the scheduler pushes."""
    config = file(c, "launch.yaml", json.dumps({  # which is YAML
        "method": "grid", "metric": {"name": "loss", "goal": "minimize"}, "parameters": {"x": {"values": [1, 2]}},
        "job": f"admin/{c.project}/my-job:latest", "early_terminate": {"type": "hyperband", "min_iter": 4, "eta": 2},
        "scheduler": {"num_workers": 2, "resource": "local-process"}, "launch": {"resource": "local-process"}}))
    done = c.run("wandb", "launch-sweep", "-q", c.name, "-e", "admin", "-p", c.project, config)
    assert f"Scheduler added to launch queue ({c.name})" in plain_text(done.stderr)
    c.found["launched"] = sweep_of(done)


@step("wandb-sweep")
def sweep(c):
    file(c, "once.py", ONCE)
    config = file(c, "sweep.yaml", json.dumps({"program": "once.py", "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
                                               "parameters": {"x": {"values": [3, 4]}}, "name": "by hand"}))
    c.found["sweep"] = sweep_of(c.run("wandb", "sweep", "-e", "admin", "-p", c.project, config))


@step("wandb-agent")
def sweep_agent(c):
    c.run("wandb", "agent", f"admin/{c.project}/{c.found['sweep']}")


# A run that is listed has no config in 0.25.1, so each is asked for.
READ = """
sweep = api.sweep("admin/%s/%s")
runs = sorted((api.run("/".join(r.path)) for r in sweep.runs), key=lambda r: r.config["x"])
print(json.dumps({"state": sweep.state, "runs": [[r.config["x"], r.state] for r in runs], "of": list({r.sweep.id for r in runs}),
                  "best": sweep.best_run().id == runs[0].id, "expected": sweep.expected_run_count, "method": sweep.config["method"],
                  "lines": [len(list(r.scan_history(keys=["loss"]))) for r in runs]}))
"""


@step("api-sweep")
def read_sweep(c):
    got = c.script(READ % (c.project, c.found["sweep"]))
    assert got == {"state": "FINISHED", "runs": [[3, "finished"], [4, "finished"]], "of": [c.found["sweep"]], "best": True,
                   "expected": 2, "method": "grid", "lines": [1, 1]}


@step("api-launch-sweep")
def read_launch_sweep(c):
    """Both runs ended, the worse one because hyperband stopped it; the scheduler saw the end of the sweep and ended well."""
    wait_for(lambda: c.project_has('sweep(sweepName: "%s") { state }' % c.found["launched"])["sweep"]["state"] == "FINISHED", 240, 1)
    got = c.script(READ % (c.project, c.found["launched"]))
    lines = got.pop("lines")
    assert lines[0] == 20 and 4 <= lines[1] < 6000
    assert got == {"state": "FINISHED", "runs": [[1, "finished"], [2, "killed"]], "of": [c.found["launched"]], "best": True,
                   "expected": 2, "method": "grid"}
    wait_for(lambda: c.project_has('run(name: "%s") { state }' % c.found["launched"])["run"]["state"] == "finished", 60, 0.5)
