"""Every config of examples/queues: its exact request, Google's description of such a request, and a run on the emulator."""

import json
import os
import re
import subprocess

import pytest

import discovery
from conftest import BINARY, ROOT, System

EXAMPLES = sorted(p for p in (ROOT / "examples/queues").glob("*.yaml") if ".variables" not in p.name)
GOLDEN = ROOT / "tests/conformance/golden/queues"
JOB = ("aiplatform.v1", "GoogleCloudAiplatformV1CustomJob")
PROGRAM = """import json, os, sys
assert os.environ["WANDB_RUN_ID"] and os.environ["WANDB_PROJECT"] == "examples", os.environ
if "HF_TOKEN" in os.environ:
    assert [os.environ[n] for n in ("HF_TOKEN", "DB_PASSWORD", "REGISTRY_USER")] == ["hf", "third", "ann"], os.environ
print(json.dumps(sys.argv[1:]), os.environ.get("CLUSTER_SPEC", ""))
"""

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)


def tiles(path):
    found = path.with_suffix(".variables.yaml")
    return found if found.exists() else None


def rendered(path):
    """The request's text; the time in a derived output folder is TIME."""
    options = ["--template-variables", tiles(path), "--var", "dataset=coco"] if tiles(path) else []
    done = subprocess.run(
        [BINARY, "queue", "render", path, "--image", "us-docker.pkg.dev/acme/train:1", "--entity", "acme", "--project", "vision",
         "--run-id", "abcd1234", "--run-name", "brave-fox-1", "--queue", path.stem, "--region", "us-central1", "--gcp-project",
         "acme-ml", *options], capture_output=True, text=True, env={"HOME": "/nonexistent"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or "launch's image" in done.stderr and "image_uri: ${image_uri}" not in path.read_text()
    return re.sub(r"(aiplatform-custom-job-)[-\d:.]+", r"\1TIME", done.stdout)


@each_example
def test_an_example_has_its_golden_request(path):
    golden = GOLDEN / f"{path.stem}.json"
    if os.environ.get("SLIPWAY_GOLDEN") == "write":
        golden.write_text(rendered(path))
    assert rendered(path) == golden.read_text()


def test_every_golden_request_has_an_example():
    assert {p.stem for p in GOLDEN.iterdir()} == {p.stem for p in EXAMPLES}


def on_the_wire(job):
    """The request as it is sent: values where it has references to secrets."""
    for pool in job["jobSpec"]["workerPoolSpecs"]:
        for entry in (pool.get("containerSpec") or pool.get("pythonPackageSpec") or {}).get("env", []):
            if entry.pop("valueFrom", None):
                entry["value"] = "a secret"
    return job


@each_example
def test_google_describes_such_a_request(path):
    assert discovery.problems(*JOB, on_the_wire(json.loads(rendered(path)))) == []


@pytest.mark.parametrize("change, problem", [
    (lambda j: j.update(nme="x"), "nme: no such member"),
    (lambda j: j.update(state="JOB_STATE_PENDING"), "state: only the service writes it"),
    (lambda j: j["labels"].update(n=1), "labels.n: 1 is no string"),
    (lambda j: j["jobSpec"]["workerPoolSpecs"][0].update(replicaCount="one"), "replicaCount: 'one' is no int64"),
    (lambda j: j["jobSpec"]["workerPoolSpecs"][0]["machineSpec"].update(acceleratorType="GPU"), "'GPU' is none of the enum's"),
    (lambda j: j["jobSpec"]["workerPoolSpecs"][0]["containerSpec"].update(args="x"), "args: not a list"),
    (lambda j: j["jobSpec"]["scheduling"].update(timeout=3600), "timeout: 3600 is no google-duration"),
    (lambda j: j["jobSpec"].update(enableWebAccess="no"), "enableWebAccess: 'no' is no boolean"),
    (lambda j: j.update(jobSpec=[]), "jobSpec: not an object"),
])
def test_a_wrong_request_is_not_what_google_describes(change, problem):
    job = on_the_wire(json.loads((GOLDEN / "two-pools.json").read_text()))
    change(job)
    found = discovery.problems(*JOB, job)
    assert len(found) == 1 and problem in found[0]


def make_secrets(system):
    """Those that secret-manager.yaml names."""
    shared = "projects/acme-shared/secrets/pypi-mirror"
    for verb, name, value in [("create", "hf-token", "hf"), ("create", "feature-store-password", "first"),
                              ("add", "feature-store-password", "second"), ("add", "feature-store-password", "third"),
                              ("create", shared, '{"user": "ann", "password": "x"}')]:
        (system.folder / "value").write_text(value)
        system.slipway("emulator", "secret", verb, name, "--data-file", system.folder / "value", "--data", system.folder / "state/emulator")
    system.slipway("emulator", "secret", "alias", shared + "/versions/1", "prod", "--data", system.folder / "state/emulator")


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """`slipway up` whose emulator runs one small program for whatever image."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "train.py").write_text(PROGRAM)
    (folder / "images.yaml").write_text('images:\n  - image: "*"\n    command: [python3, train.py]\n    folder: .\n')
    s = System(folder, "--images", folder / "images.yaml", *(f"--queue={p.stem}" for p in EXAMPLES))
    make_secrets(s)
    yield s
    s.close()


@pytest.fixture(scope="module")
def launched(runner):
    """{example: item}: all are launched before the first is waited for."""
    items = {}
    for path in EXAMPLES:
        options = ["--template-variables", tiles(path)] if tiles(path) else []
        runner.slipway("queue", "create", path.stem, "--config", path, *options)
        values = ["--set-var", "dataset=coco", "--set-var", "gpu_count=2"] if tiles(path) else []
        done = runner.slipway("launch", "-q", path.stem, "-d", "us-docker.pkg.dev/acme/train:1", "-p", "examples", "-o", "json", *values)
        items[path.stem] = json.loads(done.stdout)["item"]
    return items


@each_example
def test_an_example_runs_on_the_emulator(runner, launched, path):
    item = runner.item_at_end(launched[path.stem])
    assert item["state"] == "FINISHED", item
