"""A training script logs ten thousand steps, files and an artifact with the unmodified wandb package, and another process
reads all of it back through wandb.Api()."""

import json

import pytest

import wandb_script

STEPS = 10_000
TRAIN = """
import hashlib, math, pathlib, random
rng = random.Random(1)
rows = []
def row(i):
    values = {"loss": math.exp(-i / 3000) + rng.random() / 10, "acc": i / STEPS, "batch": {"size": i % 7, "text": f"é {i}"}}
    if i % 100 == 0:
        values["val/loss"] = rng.random()
    return values
pathlib.Path("model.bin").write_bytes(bytes(rng.randrange(256) for _ in range(100_000)))
pathlib.Path("notes").mkdir(exist_ok=True)
pathlib.Path("notes/räther odd.txt").write_text("words\\n" * 1000)
with wandb.init(project="training", config={"steps": STEPS}) as run:
    for i in range(STEPS):
        rows.append(row(i))
        run.log(rows[-1])
        if i % 1000 == 0:
            print("step", i)
    run.save("notes/*", policy="end")
    artifact = wandb.Artifact("model", type="model", metadata={"steps": STEPS})
    artifact.add_file("model.bin")
    artifact.add_dir("notes", name="notes")
    logged = run.log_artifact(artifact).wait()
pathlib.Path("rows.json").write_text(json.dumps(rows))
print(json.dumps({"run": run.id, "digest": logged.digest, "sha": hashlib.sha256(pathlib.Path("model.bin").read_bytes()).hexdigest()}))
"""
READ = """
import hashlib, pathlib
run = api.run("admin/training/" + RUN)
rows = json.loads(pathlib.Path("rows.json").read_text())
def mine(found):
    return {k: v for k, v in found.items() if not k.startswith("_") and v is not None}
def wrong(found, key=None):
    "The first row that is not as it was logged."
    for i, (a, b) in enumerate(zip(found, rows)):
        flat = {"loss": b["loss"], "acc": b["acc"], "batch": b["batch"]} | ({"val/loss": b["val/loss"]} if "val/loss" in b else {})
        if mine(a) != flat or a["_step"] != i:
            return [i, a, flat]
scanned = list(run.scan_history())
some = list(run.scan_history(keys=["_step", "val/loss"]))
middle = list(run.scan_history(min_step=5000, max_step=5010))
artifact = api.artifact("admin/training/model:latest")
folder = pathlib.Path(artifact.download(root="model-again"))
print(json.dumps({
    "state": run.state, "scanned": len(scanned), "wrong": wrong(scanned), "last": run.lastHistoryStep, "acc": run.summary["acc"],
    "val": [r["val/loss"] for r in some] == [r["val/loss"] for r in rows if "val/loss" in r], "middle": [r["_step"] for r in middle],
    "sampled": len(run.history(samples=100, pandas=False)), "files": sorted(f.name for f in run.files() if f.name.startswith("notes/")),
    "text": run.file("notes/räther odd.txt").download(root="files-again", replace=True).read() == "words\\n" * 1000,
    "console": "step 9000" in run.file("output.log").download(root="files-again", replace=True).read(),
    "digest": artifact.digest, "sha": hashlib.sha256((folder / "model.bin").read_bytes()).hexdigest(), "verified": artifact.verify(root=str(folder)) is None,
    "note": (folder / "notes/räther odd.txt").read_text() == "words\\n" * 1000}))
"""


def script(system, code, **more):
    done = system.run("python", "-c", wandb_script.PRELUDE + code, timeout=300, **more)
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def trained(system):
    return script(system, f"STEPS = {STEPS}\n{TRAIN}")


@pytest.fixture(scope="module")
def read(system, trained):
    return script(system, f"RUN = {trained['run']!r}\n{READ}")


def test_every_step_is_read_back_as_it_was_logged(read):
    assert read["wrong"] is None
    assert (read["scanned"], read["last"], read["acc"]) == (STEPS, STEPS - 1, (STEPS - 1) / STEPS)


def test_a_part_of_the_steps_is_read_back(read):
    assert read["val"]
    assert read["middle"] == list(range(5000, 5010))
    assert 90 <= read["sampled"] <= 110


def test_files_are_read_back(read):
    assert read["files"] == ["notes/räther odd.txt"]
    assert read["text"] and read["console"]


def test_the_artifact_is_read_back(trained, read):
    assert (read["digest"], read["sha"]) == (trained["digest"], trained["sha"])
    assert read["verified"] and read["note"]
    assert read["state"] == "finished"
