"""slipway queue validate, render, diff and schema: what a queue config becomes, without a server."""

import json
import subprocess

import jsonschema
import pytest
import yaml
from harness import BINARY, ROOT

EXAMPLES = sorted(p for p in (ROOT / "examples/queues").glob("*.yaml") if ".variables" not in p.name)
GOOD = """\
spec:
  worker_pool_specs:
    - machine_spec:
        machine_type: n1-standard-8
      replica_count: 1
      container_spec:
        image_uri: ${image_uri}
        env:
          - {name: A, value: "1"}
  staging_bucket: gs://bucket
run:
  timeout: 3600
"""
WRONG = GOOD.replace("machine_type", "machine_typ").replace("3600", "1h")


def config(place, text, name="queue.yaml"):
    (place.folder / name).write_text(text)
    return name


def test_validate_says_all_errors_of_all_files_and_exits_1(place):
    done = place.slipway("queue", "validate", config(place, GOOD, "good.yaml"), config(place, WRONG, "wrong.yaml"))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "good.yaml: ok",
        'wrong.yaml:4:9: spec.worker_pool_specs[0].machine_spec: unknown key "machine_typ"; did you mean "machine_type"?',
        'wrong.yaml:12:12: run.timeout: expected seconds, as 3600 or "3600s", got the string "1h"; did you mean 3600?',
    ]
    assert done.stderr == "slipway: 2 errors in 1 file\n"


def test_validate_as_json_is_for_editors(place):
    done = place.slipway("queue", "validate", "-", "-o", "json", stdin=WRONG)
    assert done.returncode == 1
    first, second = json.loads(done.stdout)
    assert first["expected"].startswith("machine_type, accelerator_type")
    del first["expected"]
    assert first == {
        "file": "<stdin>", "line": 4, "column": 9, "path": "spec.worker_pool_specs[0].machine_spec", "severity": "error",
        "message": 'unknown key "machine_typ"; did you mean "machine_type"?', "suggestion": "machine_type"}
    assert (second["line"], second["suggestion"]) == (12, "3600")


def test_a_text_that_is_no_yaml_is_one_problem_with_its_place(place):
    done = place.slipway("queue", "validate", config(place, "spec: [\n"), "-o", "json")
    assert done.returncode == 1
    (only,) = json.loads(done.stdout)
    assert only["file"] == "queue.yaml" and only["line"] >= 1 and only["severity"] == "error"


def test_a_file_that_is_not_there_is_said_as_such(place):
    assert "nothing.yaml" in place.fails(6, "queue", "validate", "nothing.yaml")


def test_strict_takes_warnings_for_errors(place):
    odd = config(place, GOOD.replace("n1-standard-8", "n1-standard-9"))
    assert place.slipway("queue", "validate", odd).returncode == 0
    assert place.slipway("queue", "validate", odd, "--strict").returncode == 1
    assert place.slipway("queue", "render", odd, "--image", "i").returncode == 0
    assert place.slipway("queue", "render", odd, "--image", "i", "--strict").returncode == 3


def test_render_prints_the_request_and_nothing_else(place):
    request = place.json("queue", "render", config(place, GOOD), "--image", "train:1", "--run-id", "Ab1")
    assert set(request) == {"displayName", "jobSpec", "labels"}
    (pool,) = request["jobSpec"]["workerPoolSpecs"]
    assert pool["containerSpec"]["imageUri"] == "train:1"
    assert request["jobSpec"]["scheduling"] == {"timeout": "3600s"}
    assert request["labels"]["wandb-run-id"] == "__41b1"


TEMPLATE = GOOD.replace("machine_type: n1-standard-8", "machine_type: {{machine}}\n        accelerator_type: NVIDIA_TESLA_T4\n"
                        "        accelerator_count: {{gpus}}").replace('value: "1"', "value: '{{note}}'")


def test_template_variables_are_filled_from_the_command_line(place):
    request = place.json("queue", "render", config(place, TEMPLATE), "--image", "i", "--var", "machine=n1-standard-4",
                         "--var", "gpus=2", "--var", 'note=a=b "c"')
    (pool,) = request["jobSpec"]["workerPoolSpecs"]
    assert pool["machineSpec"] == {"machineType": "n1-standard-4", "acceleratorType": "NVIDIA_TESLA_T4", "acceleratorCount": 2}
    assert pool["containerSpec"]["env"][0] == {"name": "A", "value": 'a=b "c"'}


def test_a_template_variable_without_a_value_or_of_another_name_is_said(place):
    done = place.slipway("queue", "render", config(place, TEMPLATE), "--var", "machine=n1-standard-4", "--var", "gpu=1")
    assert done.returncode == 3 and done.stdout == ""
    assert "gpus" in done.stderr and "note" in done.stderr
    assert "NAME=VALUE" in place.fails(2, "queue", "render", "queue.yaml", "--var", "machine")


def test_validate_takes_template_variables_bare_and_in_quotes(place):
    assert place.ok("queue", "validate", config(place, TEMPLATE)) == "queue.yaml: ok\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_explain_shows_the_request_line_by_line_with_its_sources(place, example):
    tiles = example.with_suffix(".variables.yaml")
    options = ["--template-variables", tiles, "--var", "dataset=coco"] if tiles.exists() else []
    pretty = place.ok("queue", "render", example, "--image", "t:1", *options).splitlines()
    lines = place.json("queue", "render", example, "--image", "t:1", "--explain", *options)
    assert [line["text"] for line in lines if "aiplatform-custom-job" not in line["text"]] == [
        line for line in pretty if "aiplatform-custom-job" not in line]
    source = example.read_text().splitlines()
    for line in lines:
        if line.get("from") == "config":
            assert line["input"] == source[line["line"] - 1].strip()
    machine = next(line for line in lines if '"machineType"' in line["text"])
    assert "machine_type" in machine["input"]


def test_diff_names_what_the_job_would_get_and_exits_1(place):
    old = config(place, GOOD, "old.yaml")
    new = config(place, GOOD.replace("3600", "7200").replace("value: \"1\"", "value: \"2\"")
                 .replace("gs://bucket", "gs://bucket\n  network: projects/1/global/networks/n"), "new.yaml")
    done = place.slipway("queue", "diff", old, new, "--image", "t:1")
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.splitlines() == [
        'jobSpec.workerPoolSpecs[0].containerSpec.env.A.value: "1" -> "2"',
        'jobSpec.scheduling.timeout: "3600s" -> "7200s"',
        'jobSpec.network: (none) -> "projects/1/global/networks/n"',
    ]
    (network,) = [c for c in json.loads(place.slipway("queue", "diff", old, new, "--image", "t:1", "-o", "json").stdout)
                  if c["path"] == "jobSpec.network"]
    assert network == {"path": "jobSpec.network", "new": "projects/1/global/networks/n"}


def test_a_field_that_moved_or_is_spelled_otherwise_is_no_difference(place):
    old = config(place, GOOD, "old.yaml")
    new = config(place, GOOD.replace("machine_type", "machineType").replace("run:\n  timeout: 3600\n",
                                                                            "  scheduling: {timeout: 3600s}\n"), "new.yaml")
    assert place.ok("queue", "diff", old, new, "--image", "t:1") == ""


@pytest.fixture(scope="module")
def schema():
    return json.loads(subprocess.run([BINARY, "queue", "schema"], check=True, capture_output=True).stdout)


def test_the_schema_is_one_and_takes_the_examples(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    for example in EXAMPLES:
        config = yaml.safe_load(example.read_text())
        assert list(check.iter_errors(config)) == [], example
        check.validate({"vertex": config})


@pytest.mark.parametrize("wrong", [WRONG, GOOD.replace("replica_count: 1", "replica_count: [1]"),
                                   GOOD.replace("staging_bucket", "stagingbucket"),
                                   GOOD.replace('value: "1"', "value: 1")])
def test_the_schema_refuses_what_is_wrong(schema, wrong):
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(wrong))) != []


def test_the_schema_takes_both_spellings_texts_that_come_later_and_env_as_an_object(schema):
    later = GOOD.replace("machine_type: n1-standard-8", 'machineType: "{{machine}}"\n        acceleratorCount: "{{gpus}}"')
    later = later.replace('- {name: A, value: "1"}', "A: b\n          S: {value_from: {secret_key_ref: {name: s}}}")
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(later))
