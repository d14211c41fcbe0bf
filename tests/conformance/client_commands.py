"""What each release of the wandb package does at the server as a user: its commands and its API, in the order of STEPS."""

import json
import re

from clients import Steps, ask
from conftest import TRAIN_IMAGE

STEPS = Steps()
step = STEPS.step
# What ssh would do on the machine of the repository: the command is its last argument.
SSH = """#!/bin/sh
for command; do :; done
exec sh -c "$command"
"""


def plain_text(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def repository(c):
    """A git repository with a training script, at an address that clients take for one on another machine."""
    folder, ssh = c.home / "repository.git", c.home / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    folder.mkdir()
    (folder / "train.py").write_text("print('hello')\n")
    env = {"GIT_SSH_COMMAND": str(ssh), "GIT_CONFIG_NOSYSTEM": "1"}
    person = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    for argv in (["init", "-q", "-b", "main"], ["add", "."], [*person, "commit", "-q", "-m", "first"]):
        c.run("git", "-C", folder, *argv, **env)
    return {"url": f"git@example.com:{folder}", "env": env, "commit": c.run("git", "-C", folder, "rev-parse", "HEAD").stdout.strip()}


@step("wandb-login")
def login(c):
    done = c.run("wandb", "login", "--relogin", "--host", c.url, c.system.key, WANDB_API_KEY=None)
    if c.release == "0.25.1":  # writes the key down and asks nobody
        done = c.run("wandb", "login", WANDB_API_KEY=None)
    assert "logged in as: admin" in done.stderr
    assert c.system.key in (c.home / ".netrc").read_text()
    assert c.url in (c.home / "config/settings").read_text()


@step("api-queues")
def queues(c):
    got = c.script(f"""
schema = {{"type": "string", "enum": ["n1-standard-4", "n1-standard-8"], "default": "n1-standard-4"}}
config = {{"spec": {{"worker_pool_specs": [{{"machine_spec": {{"machine_type": "{{{{machine}}}}"}}, "replica_count": 1,
    "container_spec": {{"image_uri": "${{image_uri}}"}}}}], "staging_bucket": "gs://b"}}, "run": {{}}}}
made = api.create_run_queue(name="own-{c.name}", type="gcp-vertex", entity="admin", config=config, prioritization_mode="V0",
                            template_variables={{"machine": {{"schema": schema}}}})
first = {{"type": made.type, "access": made.access, "mode": made.prioritization_mode, "config": made.default_resource_config,
         "variables": [v["name"] for v in made.template_variables]}}
config["run"]["timeout"] = 3600
api.upsert_run_queue(name="own-{c.name}", resource_config=config, resource_type="gcp-vertex", entity="admin",
                     template_variables={{"machine": {{"schema": schema}}}}, external_links={{"docs": "https://example.com"}})
queue = api.run_queue("admin", "own-{c.name}")
second = {{"config": queue.default_resource_config, "links": queue.external_links, "items": len(queue.items), "id": bool(queue.id)}}
queue.delete()
try:
    api.run_queue("admin", "own-{c.name}").id
    second["after"] = "is there"
except Exception as e:
    second["after"] = str(e)
print(json.dumps([first, second]))
""")
    assert (got[0]["type"], got[0]["access"], got[0]["mode"], got[0]["variables"]) == ("gcp-vertex", "PROJECT", "V0", ["machine"])
    assert got[0]["config"]["resource_args"]["gcp-vertex"]["spec"]["staging_bucket"] == "gs://b"
    assert got[1]["config"]["resource_args"]["gcp-vertex"]["run"] == {"timeout": 3600}
    assert got[1]["links"] == {"links": [{"label": "docs", "url": "https://example.com"}]}
    assert got[1]["items"] == 0
    assert got[1]["after"] != "is there"


@step("wandb-launch-image")
def launch_image(c):
    done = c.run("wandb", "launch", "-q", "vertex-queue", "-d", TRAIN_IMAGE, "-e", "admin", "-p", c.project, "--name", f"cli {c.name}")
    assert "Added run to queue vertex-queue" in done.stderr
    items = [e["node"]["id"] for e in json.loads(c.system.slipway("items", "vertex-queue", "-o", "json").stdout)["edges"]]
    c.item = next(i for i in items if c.system.item(i)["runSpec"]["project"] == c.project)
    end = c.system.item_at_end(c.item, 120)
    assert end["state"] == "FINISHED", end
    assert end["history"][0]["state"] == "PENDING"


@step("api-log")
def runs_log(c):
    c.found = c.script("""
pathlib.Path("notes.txt").write_text("some notes")
pathlib.Path("data.txt").write_text("some data")
with wandb.init(config={"lr": 0.1, "deep": {"er": [1, 2]}}, tags=["red"], name="a run", notes="words") as run:
    for i in range(20):
        run.log({"loss": 1 / (i + 1), "i": i})
    run.summary["best"] = 7
    run.save("notes.txt", policy="now")
    artifact = wandb.Artifact("data", type="dataset", metadata={"rows": 1})
    artifact.add_file("data.txt")
    run.log_artifact(artifact, aliases=["latest", "good"]).wait()
with wandb.init() as user:
    folder = user.use_artifact("data:good").download(root="used")
    text = pathlib.Path(folder, "data.txt").read_text()
print(json.dumps({"run": run.id, "user": user.id, "text": text}))
""")
    assert c.found["text"] == "some data"


@step("api-read")
def reads(c):
    run, user = c.found["run"], c.found["user"]
    got = c.script(f"""
run, artifact = api.run("admin/{c.project}/{run}"), api.artifact("admin/{c.project}/data:latest")
print(json.dumps([
    {{"name": run.name, "state": run.state, "config": run.config, "tags": run.tags, "notes": run.notes, "best": run.summary["best"],
     "i": run.summary["i"], "logged": [a.name for a in run.logged_artifacts()], "user": run.user.username,
     "loss": [r["loss"] for r in run.scan_history()], "sampled": len(run.history(samples=10, pandas=False))}},
    {{"runs": sorted(r.id for r in api.runs("admin/{c.project}"))[:9], "viewer": api.viewer.username, "default": api.default_entity,
     "item": api.queued_run("admin", "{c.project}", "vertex-queue", "{c.item}", "model-registry").state}},
    {{"used by": [r.id for r in artifact.used_by()], "by": artifact.logged_by().id, "metadata": artifact.metadata,
     "types": [t.name for t in api.artifact_types("admin/{c.project}")],
     "used": [a.name for a in api.run("admin/{c.project}/{user}").used_artifacts()]}},
    {{"files": [f.name for f in run.files(per_page=2)], "like": [f.name for f in run.files(pattern="note_%")],
     "notes": run.file("notes.txt").download(root="files", replace=True).read(), "size": run.file("notes.txt").size}}]))
""")
    assert got[0] == {"name": "a run", "state": "finished", "config": {"lr": 0.1, "deep": {"er": [1, 2]}}, "tags": ["red"], "notes": "words",
                      "best": 7, "i": 19, "logged": ["data:v0"], "user": "admin", "loss": [1 / (i + 1) for i in range(20)], "sampled": 10}
    assert {run, user} <= set(got[1].pop("runs"))
    assert got[1] == {"viewer": "admin", "default": "admin", "item": "finished"}
    assert {"notes.txt", "config.yaml", "wandb-summary.json"} <= set(got[3]["files"]) and len(set(got[3]["files"])) == len(got[3]["files"])
    assert (got[3]["like"], got[3]["notes"], got[3]["size"]) == (["notes.txt"], "some notes", 10)
    assert got[2] == {"used by": [user], "by": run, "metadata": {"rows": 1}, "types": ["dataset"], "used": ["data:v0"]}


@step("api-history")
def history(c):
    """A page of steps is [min, max) to every release, in whatever way it asks; a line counts when it has all the keys."""
    got = c.script(f"""
with wandb.init() as run:
    for i in [*range(0, 40), *range(100, 140)]:  # with a gap that is longer than a page
        run.log({{"loss": i / 2, **({{"even": i}} if i % 2 == 0 else {{}})}}, step=i)
run = api.run("admin/{c.project}/" + run.id)
steps = lambda **options: [row["_step"] for row in run.scan_history(**options)]
keyed = lambda **options: [[row[key] for key in options["keys"]] for row in run.scan_history(**options)]
print(json.dumps({{
    "last": run.lastHistoryStep, "all": steps(), "pages": steps(page_size=7), "part": steps(min_step=5, max_step=12),
    "one": steps(min_step=39, max_step=40), "none": steps(min_step=12, max_step=12), "gap": steps(min_step=50, max_step=90),
    "over the gap": steps(min_step=38, max_step=102, page_size=30), "from": steps(min_step=136), "beyond": steps(min_step=138, max_step=9000),
    "keys": keyed(keys=["_step", "even"], page_size=11), "some keys": keyed(keys=["even", "loss"], min_step=4, max_step=8),
    "no such key": keyed(keys=["nothing"]),
    "samples": [len(run.history(samples=n, pandas=False)) for n in (10, 80, 500)],
    "sampled": [[row["_step"], row["even"]] for row in run.history(samples=500, keys=["even"], pandas=False)],
    "sampled few": len(run.history(samples=8, keys=["even"], pandas=False))}}))
""")
    logged = [*range(0, 40), *range(100, 140)]
    even = [i for i in logged if i % 2 == 0]
    beyond = [[8, 4.0]] if c.release == "0.25.1" else []  # it asks for the step after its last one too, which W&B's server gives as well
    assert got == {
        "last": 139, "all": logged, "pages": logged, "part": list(range(5, 12)), "one": [39], "none": [], "gap": [],
        "over the gap": [38, 39, 100, 101], "from": [136, 137, 138, 139], "beyond": [138, 139],
        "keys": [[i, i] for i in even], "some keys": [[4, 2.0], [6, 3.0], *beyond], "no such key": [], "samples": [10, 80, 80],
        "sampled": [[i, i] for i in even], "sampled few": 8}


@step("api-artifacts")
def grows(c):
    got = c.script(f"""
with wandb.init() as run:
    more = wandb.Artifact("grows", type="dataset")
    more.add_file("data.txt")
    run.log_artifact(more).wait()
    more = wandb.Artifact("grows", type="dataset", incremental=True)
    with more.new_file("more.txt") as f:
        f.write("more")
    run.log_artifact(more).wait()
    run.link_artifact(more, "admin/{c.project}/chosen", aliases=["best"])
    draft = api.artifact("admin/{c.project}/grows:latest").new_draft()
    draft.remove("data.txt")
    run.log_artifact(draft).wait()
linked = api.artifact("admin/{c.project}/chosen:best")
print(json.dumps({{"linked": [linked.name, linked.source_name], "files": sorted(os.listdir(linked.download(root="linked"))),
                  "draft": sorted(api.artifact("admin/{c.project}/grows:v2").manifest.entries)}}))
""")
    assert got == {"linked": ["chosen:best", "grows:v1"], "files": ["data.txt", "more.txt"], "draft": ["more.txt"]}


@step("wandb-job-create-git")
def job_create_git(c):
    c.found["git"] = repository(c)
    made = c.run("wandb", "job", "create", "-e", "admin", "-p", c.project, "-n", "git-job", "-E", "python train.py", "-r", "3.11", "git",
                 c.found["git"]["url"], **c.found["git"]["env"])
    assert f"Created job: admin/{c.project}/git-job:v0" in plain_text(made.stderr)


def image_job(c):
    argv = ["wandb", "job", "create", "-e", "admin", "-p", c.project, "-n", "image-job", "-a", "good", "image", TRAIN_IMAGE]
    return plain_text(c.run(*argv).stderr)


@step("wandb-job-create-image")
def job_create_image(c):
    assert f"Created job: admin/{c.project}/image-job:v0, with aliases: good, 1, latest" in image_job(c)


@step("wandb-job-create-image-again")
def job_create_image_again(c):
    assert f"No changes detected for job: admin/{c.project}/image-job:v0" in image_job(c)


@step("wandb-job-list")
def job_list(c):
    listed = c.run("wandb", "job", "list", "-e", "admin", "-p", c.project).stderr
    assert "git-job -- versions (" in listed and "image-job -- versions (4): 1,good,latest,v0" in listed


@step("wandb-job-describe")
def job_describe(c):
    described = c.run("wandb", "job", "describe", f"admin/{c.project}/git-job:latest").stderr
    assert "source_type: repo" in described and "train.py" in described and c.found["git"]["commit"] in described


@step("wandb-launch-job")
def launch_job(c):
    queue = f"jobs-{c.name}"
    c.queue(queue, "gcp-vertex")
    done = c.run("wandb", "launch", "-q", queue, "-j", f"admin/{c.project}/git-job:latest", "-e", "admin", "-p", c.project)
    assert f"Added run to queue {queue}" in done.stderr
    item = json.loads(c.system.slipway("items", queue, "-o", "json").stdout)["edges"][0]["node"]["id"]
    assert c.system.item(item)["runSpec"]["job"] == f"admin/{c.project}/git-job:latest"


@step("wandb-launch-uri")
def launch_uri(c):
    """Makes a job of the repository first, then pushes it."""
    queue = f"uris-{c.name}"
    c.queue(queue, "gcp-vertex", has_priorities=True)
    done = c.run("wandb", "launch", "-q", queue, "-u", c.found["git"]["url"], "-E", "python train.py", "-e", "admin", "-p", c.project,
                 "-P", "high", **c.found["git"]["env"])
    assert f"Added run to queue {queue}" in done.stderr
    item = json.loads(c.system.slipway("items", queue, "-o", "json").stdout)["edges"][0]["node"]["id"]
    pushed = c.system.item(item)
    assert pushed["runSpec"]["job"].startswith(f"admin/{c.project}/job-")
    assert ask(c.system, "query($id: ID!) { runQueueItem(id: $id) { priority } }", {"id": item})["runQueueItem"]["priority"] == 1
    assert pushed["runSpec"]["overrides"]["entry_point"] == ["python", "train.py"]
