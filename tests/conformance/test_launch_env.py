"""A job's environment against the one that the wandb package makes: same variables, same order, same texts."""

import json
import os
import pathlib
import random
import subprocess
import tempfile

import pytest
from wandb.sdk.launch._project_spec import LaunchProject

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK = ROOT / os.environ.get("SLIPWAY_BUILD", "build") / "tests" / "conformance" / "env_check"
LIMIT = 32670  # of one variable, for Vertex: wandb's MAX_ENV_LENGTHS["VertexRunner"]
WORDS = ["a", "lr", "é", "漢字", "🚀", "\u2028", "\x7f", "quo\"te", "back\\slash", "tab\t", "new\nline", "\x01", "$(HOME)", "", "</x>"]
NUMBERS = [0, -1, 2**53, -2**63, 2**63 - 1, 0.1, 1e16, 1e-7, 1e22, 123456789012345680.0, -0.0, 1.5e300, 5e-324, 1 / 3, 1e15, 0.0001]


class Api:
    """As much of W&B's API object as the environment is made from."""

    settings = {"base_url": "https://w.example"}
    api_key = "k" * 40


@pytest.fixture(scope="module")
def ours():
    process = subprocess.Popen([CHECK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(spec):
        request = {"spec": spec, "base_url": Api.settings["base_url"], "run_id": "run1", "queue": "q", "queue_entity": "qe", "item": "i1"}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    assert process.wait(10) == 0


@pytest.fixture(autouse=True)
def its_temporary_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # wandb makes one for each job, and leaves it


def theirs(spec):
    project = LaunchProject.from_spec(json.loads(json.dumps(spec)), Api())
    project.run_id, project.queue_name, project.queue_entity, project.run_queue_item_id = "run1", "q", "qe", "i1"
    made = project.get_env_vars_dict(Api(), LIMIT)
    # What differs on purpose: the key is a reference until the job is made, and an author of null is no author.
    return [[k, None if k == "WANDB_API_KEY" else v] for k, v in made.items() if not (k == "WANDB_USERNAME" and v is None)]


def a_value(r, depth=0):
    kind = r.randrange(6 if depth < 4 else 4)
    if kind == 0:
        return r.choice([None, True, False])
    if kind == 1:
        return r.choice(NUMBERS)
    if kind in (2, 3):
        return "".join(r.choice(WORDS) for _ in range(r.randrange(4)))
    if kind == 4:
        return [a_value(r, depth + 1) for _ in range(r.randrange(4))]
    return an_object(r, depth + 1)


def an_object(r, depth=0):
    return {r.choice(WORDS) + str(i): a_value(r, depth) for i in range(r.randrange(5))}


def a_spec(r):
    spec = {"entity": "ent", "project": r.choice(["", "p", "MixedCase"]), "docker": {}, "git": {}, "overrides": {}, "resource": "vertex"}
    if r.random() < 0.6:
        spec["docker"]["docker_image"] = "img:1"
    for key, values in {"job": ["e/p/j:latest", None], "image_uri": ["other:1"], "name": ["a name", "", "né"], "author": ["ann", None],
                        "sweep_id": ["s1", None], "_resume_count": [0, 3], "_wandb_api_key": ["x" * 40, ""]}.items():
        if r.random() < 0.5:
            spec[key] = r.choice(values)
    for key in ("run_config", "files"):
        if r.random() < 0.7:
            spec["overrides"][key] = an_object(r)
            if key == "files":
                spec["overrides"][key] = {k: an_object(r) for k in spec["overrides"][key]}
    if r.random() < 0.4:
        spec["overrides"]["artifacts"] = r.choice([{"in": "e/p/d:v1"}, {"_wandb_job": "mine"}, {"é": {"_type": "artifactVersion", "id": "x"}}])
    if r.random() < 0.2:
        spec["overrides"][r.choice(["run_config", "files"])] = {"big": {"x": r.choice(WORDS) * r.choice([3000, 40000])}}
    return spec


@pytest.mark.parametrize("seed", range(20))
def test_the_environment_is_the_one_of_the_wandb_package(ours, seed):
    r = random.Random(seed)
    for _ in range(50):
        spec = a_spec(r)
        assert ours(spec) == theirs(spec), spec


@pytest.mark.parametrize("word", ["x", "é", "🚀", "\""])
@pytest.mark.parametrize("over", range(-14, 14))
def test_slices_are_cut_where_the_wandb_package_cuts_them(ours, word, over):
    room = LIMIT - len(json.dumps({"k": ""})) + over
    text = word * (room // (len(json.dumps(word)) - 2))
    text += "x" * (room - len(json.dumps(text)) + 2)
    spec = {"entity": "e", "project": "p", "overrides": {"run_config": {"k": text}, "files": {"f.yaml": {"é": text + text}}}}
    assert ours(spec) == theirs(spec)


def test_the_job_itself_reads_the_slices_back(ours):
    """wandb's own reader, over our variables."""
    from wandb.sdk.launch.utils import load_wandb_config

    config = {"k": "é🚀\"" * 20000, "lr": 0.1}
    made = dict(ours({"entity": "e", "project": "p", "overrides": {"run_config": config}}))
    assert "WANDB_CONFIG" not in made
    with pytest.MonkeyPatch.context() as m:
        for name, value in made.items():
            m.setenv(name, value or "key")
        assert dict(load_wandb_config()) == config
