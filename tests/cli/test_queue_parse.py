"""slipway queue parse: the template variables of a config; and macros.allow_env of the agent's configuration."""

import json

CONFIG = """\
spec:
  worker_pool_specs:
    - machine_spec: {machine_type: {{machine}}, accelerator_count: {{ gpus }}}
      container_spec: {image_uri: "${image_uri}", args: ["--gpus={{gpus}}"]}
  staging_bucket: gs://bucket
"""


def test_parse_lists_each_variable_with_its_places_and_type(place):
    (place.folder / "q.yaml").write_text(CONFIG)
    done = place.slipway("queue", "parse", "q.yaml", "--no-suggestions")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        'q.yaml:3:36: {{machine}} {"type": "string"}',
        'q.yaml:3:68, 4:66: {{gpus}} {"type": "integer"}',
    ]


def test_what_parse_prints_as_json_suggests_known_machines(place):
    done = place.slipway("queue", "parse", "-", "-o", "json", stdin=CONFIG)
    variables = json.loads(done.stdout)
    assert list(variables) == ["machine", "gpus"]
    assert "n1-standard-8" in variables["machine"]["schema"]["enum"]
    assert variables["gpus"] == {"schema": {"type": "integer"}}


def test_a_config_without_variables_says_so(place):
    done = place.slipway("queue", "parse", "-", stdin="spec: {}\n")
    assert (done.returncode, done.stdout) == (0, "<stdin>: no template variables\n")


def test_an_entry_that_would_allow_the_whole_environment_is_refused(place):
    (place.folder / "launch.yaml").write_text('queues: [q]\nmacros:\n  allow_env: ["*"]\n')
    done = place.slipway("agent", "--config", "launch.yaml", WANDB_API_KEY="k" * 40)
    assert done.returncode == 3
    assert "launch.yaml:3:" in done.stderr
    assert "neither a variable's name (FOO) nor a prefix of one (FOO_*)" in done.stderr
