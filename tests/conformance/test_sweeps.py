"""Sweeps with the unmodified wandb package: made, run by agents to the end, read back, stopped."""

import base64
import json
import re
import subprocess
import urllib.request

import pytest
import wandb_script

from conftest import System, wait_for

FAST = "import wandb.agents.pyagent as pyagent\npyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.2\n"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    s = System(tmp_path_factory.mktemp("sweeps"), "--queue", "vertex-queue")
    yield s
    s.close()
    assert s.process.returncode == 0, (s.folder / "up.log").read_text()[-4000:]


def script(system, code, **more):
    """Run a snippet with the real `wandb`; what it prints last is JSON."""
    done = system.run("python", "-c", wandb_script.PRELUDE + FAST + code, WANDB_CONSOLE="off", **more)
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_sweep_and_agent_run_a_function_to_the_end_by_random_search(system):
    seen = script(system, """
runs = []
def train():
    with wandb.init() as run:
        runs.append([run.id, dict(run.config), run.sweep_id])
        run.log({"loss": (run.config.x - 2) ** 2})
config = {"method": "random", "name": "finding x", "metric": {"name": "loss", "goal": "minimize"}, "run_cap": 3,
          "parameters": {"x": {"min": 0.0, "max": 4.0}, "kind": {"values": ["a", "b"]},
                         "optimizer": {"parameters": {"lr": {"distribution": "log_uniform_values", "min": 0.001, "max": 0.1}}}}}
sweep_id = wandb.sweep(config, entity="admin", project="search")
wandb.agent(sweep_id, function=train, entity="admin", project="search")
sweep = wandb.Api().sweep(f"admin/search/{sweep_id}")
print(json.dumps({"id": sweep_id, "runs": runs, "state": sweep.state, "name": sweep.name, "expected": sweep.expected_run_count,
                  "of_sweep": [[r.id, r.config, r.summary.get("loss"), r.state, r.sweep.id] for r in sweep.runs],
                  "best": sweep.best_run().id, "config": sweep.config,
                  "agents": [[g.state, len(list(g.runs()))] for g in sweep.agents()],
                  "listed": [s.id for s in wandb.Api().project("search", "admin").sweeps()]}))
""")
    assert len(seen["runs"]) == 3
    assert [r[0] for r in seen["runs"]] == [r[0] for r in seen["of_sweep"]]
    for (_, config, sweep_id), (_, stored, loss, state, of) in zip(seen["runs"], seen["of_sweep"]):
        assert sweep_id == of == seen["id"]
        assert 0 <= config["x"] <= 4 and config["kind"] in ("a", "b") and 0.001 <= config["optimizer"]["lr"] <= 0.1
        assert {k: stored[k] for k in config} == config
        assert loss == (config["x"] - 2) ** 2
        assert state == "finished"
    assert len({r[1]["x"] for r in seen["runs"]}) == 3
    assert seen["state"] == "FINISHED"
    assert seen["name"] == "finding x"
    assert seen["expected"] == 3
    assert seen["best"] == min(seen["of_sweep"], key=lambda r: r[2])[0]
    assert seen["config"]["parameters"]["x"] == {"distribution": "uniform", "min": 0.0, "max": 4.0}
    assert seen["agents"] == [["RUNNING", 3]]
    assert seen["listed"] == [seen["id"]]


def ask(system, query):
    """Asked without the client, which takes seconds to start."""
    request = urllib.request.Request(system.url + "/graphql", json.dumps({"query": query}).encode(), {
        "Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(f"api:{system.key}".encode()).decode()})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def state_of(system, sweep_id):
    return ask(system, '{project(entityName:"admin",name:"search"){sweep(sweepName:"%s"){state}}}' % sweep_id)["project"]["sweep"]["state"]


def sweep_file(system, name, config):
    path = system.folder / name
    path.write_text(json.dumps(config))  # which is YAML
    return path


def made(done):
    return re.search(r"sweep with ID: \S*?([a-z0-9]{8})\b", click_free(done.stderr)).group(1)


def click_free(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_the_command_line_makes_pauses_resumes_and_cancels_a_sweep(system):
    config = sweep_file(system, "sweep.yaml", {"method": "grid", "parameters": {"x": {"values": [1, 2]}}, "metrics": {}})
    done = system.run("wandb", "sweep", "-e", "admin", "-p", "search", config)
    sweep_id = made(done)
    assert "did you mean 'metric'?" in done.stderr.replace("\n", " ")
    assert state_of(system, sweep_id) == "PENDING"
    for option, state in (("--resume", "RUNNING"), ("--pause", "PAUSED"), ("--stop", "FINISHED")):
        system.run("wandb", "sweep", option, f"admin/search/{sweep_id}")
        assert state_of(system, sweep_id) == state


def test_a_config_that_cannot_be_searched_is_refused_with_its_key(system):
    config = sweep_file(system, "wrong.yaml", {"method": "grid", "parameters": {"lr": {"min": 0.1, "max": 0.2}}})
    done = system.run("wandb", "sweep", "-e", "admin", "-p", "search", config, check=False)
    assert done.returncode != 0
    assert "parameters.lr has no end of values" in done.stderr


def take(system):
    """The next item of the queue, acknowledged as an agent does; None: it is empty."""
    popped = ask(system, 'mutation{popFromRunQueue(input:{entityName:"admin",projectName:"model-registry",queueName:"sweeps"})'
                         '{runQueueItemId runSpec}}')["popFromRunQueue"]
    if popped:
        assert ask(system, 'mutation{ackRunQueueItem(input:{runQueueItemId:"%s",runName:"%s"}){success}}'
                   % (popped["runQueueItemId"], popped["runSpec"]["run_id"]))["ackRunQueueItem"]["success"]
    return popped and popped["runSpec"]


def start(system, spec, command):
    """What an agent does with an item, as a process of this machine."""
    env = {"WANDB_PROJECT": spec["project"], "WANDB_ENTITY": spec["entity"], "WANDB_LAUNCH": "True", "WANDB_RUN_ID": spec["run_id"],
           "WANDB_CONFIG": json.dumps(spec["overrides"]["run_config"])}
    if "sweep_id" in spec:
        env["WANDB_SWEEP_ID"] = spec["sweep_id"]
    log = system.folder / f"{spec['run_id']}.log"
    with open(log, "wb") as out:
        return subprocess.Popen(command, env=system.env(**env), cwd=system.folder, stdout=out, stderr=subprocess.STDOUT), log


def test_launch_sweep_pushes_its_scheduler_which_pushes_the_runs(system):
    """The scheduler is W&B's own, started as its item says; the test is the agent of the queue."""
    script(system, 'api.create_run_queue(name="sweeps", type="local-process", entity="admin", config={})\nprint("1")')
    train = "import wandb\nwith wandb.init() as run:\n    run.log({'loss': run.config['x']})\n"
    config = sweep_file(system, "launch.yaml", {
        "method": "grid", "metric": {"name": "loss"}, "parameters": {"x": {"values": [1, 2]}}, "image_uri": "train:1",
        "scheduler": {"num_workers": 2}, "launch": {"resource": "local-container"}})
    done = system.run("wandb", "launch-sweep", "-q", "sweeps", "-e", "admin", "-p", "search", config)
    assert "Scheduler added to launch queue (sweeps)" in done.stderr
    sweep_id = made(done)
    spec = take(system)
    assert spec["run_id"] == sweep_id and spec["name"] == f"Scheduler.{sweep_id}"
    scheduler, log = start(system, spec, spec["overrides"]["entry_point"] + spec["overrides"]["args"])
    try:
        runs = []
        while len(runs) < 2:
            runs.append(wait_for(lambda: take(system), 60, 0.3))
            assert runs[-1]["sweep_id"] == sweep_id
        for process, _ in [start(system, run, ["python", "-c", train]) for run in runs]:
            assert process.wait(60) == 0
        assert scheduler.wait(60) == 0, log.read_text()[-4000:]
    finally:
        if scheduler.poll() is None:
            scheduler.kill()
            scheduler.wait()
    assert state_of(system, sweep_id) == "FINISHED"
    assert sorted(run["overrides"]["run_config"]["x"] for run in runs) == [1, 2]
    read = script(system, f"""
sweep = wandb.Api().sweep("admin/search/{sweep_id}")
print(json.dumps([[r.config["x"], r.state, r.summary.get("loss")] for r in sweep.runs]))
""")
    assert sorted(read) == [[1, "finished", 1], [2, "finished", 2]]
