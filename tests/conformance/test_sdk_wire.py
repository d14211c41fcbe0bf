"""The body that google-cloud-aiplatform sends and ours, for the same job: equal but for docs/differences.md."""

import concurrent.futures
import http.server
import json
import logging
import os
import re
import subprocess
import threading

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import AcceleratorType, ReservationAffinity, Scheduling

from conftest import BINARY, ROOT
from queue_configs import Generator

CONFIGS = int(os.environ.get("SLIPWAY_WIRE_CONFIGS", "3000"))
SEED = int(os.environ.get("SLIPWAY_WIRE_SEED", "1"))
EXAMPLES = sorted(p for p in (ROOT / "examples/queues").glob("*.yaml") if ".variables" not in p.name)
LAUNCH = {"image_uri": "us-docker.pkg.dev/acme/train:1", "entity_name": "acme", "project_name": "vision", "run_id": "abcd1234",
          "run_name": "brave-fox-1", "queue_name": "q", "item_id": "item-id", "author": "ada", "region": "us-central1"}
ENUMS = {"acceleratorType": AcceleratorType, "strategy": Scheduling.Strategy,
         "reservationAffinityType": ReservationAffinity.Type}
OUTPUT_FOLDER = re.compile(r"/aiplatform-custom-job-\d{4}-\d{2}-\d{2}-\d{2}:\d{2}:\d{2}\.\d{3}$")
seen = set()  # ids of the differences met


class Vertex(http.server.BaseHTTPRequestHandler):
    """Takes every create, and keeps its body."""

    protocol_version = "HTTP/1.1"
    bodies = []

    def do_POST(self):
        Vertex.bodies.append((self.path.partition("?")[0], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        reply = b'{"name": "projects/1/locations/us-central1/customJobs/1", "state": "JOB_STATE_PENDING"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", autouse=True)
def vertex():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vertex)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aiplatform.init(project="acme-ml", location="us-central1", api_endpoint=f"http://127.0.0.1:{server.server_port}",
                    api_transport="rest", credentials=AnonymousCredentials())
    logging.getLogger("google.cloud.aiplatform").setLevel(logging.WARNING)
    yield
    server.shutdown()
    server.server_close()


def theirs(spec, run):
    aiplatform.CustomJob(**spec).submit(**run)
    return Vertex.bodies.pop()


def ours(config, *options):
    done = subprocess.run(
        [BINARY, "queue", "render", "-", "--image", LAUNCH["image_uri"], "--entity", "acme", "--project", "vision", "--run-id", "abcd1234",
         "--run-name", "brave-fox-1", "--queue", "q", "--region", "us-central1", "--gcp-project", "acme-ml", "-o", "json", *options],
        input=config, capture_output=True, text=True, env={"HOME": "/nonexistent"})
    assert done.returncode == 0, f"{done.stderr}\n{config}"
    return json.loads(done.stdout)


# What either side is made to before they are compared. Each notes the difference it takes away.

def note(difference):
    seen.add(difference)


def with_enum_names(value, key=None):
    if isinstance(value, dict):
        return {k: with_enum_names(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [with_enum_names(v) for v in value]
    if key in ENUMS and isinstance(value, int):
        note("enum-names")
        return ENUMS[key](value).name
    return value


def without_output_time(body):
    output = body["jobSpec"].get("baseOutputDirectory", {})
    if "outputUriPrefix" in output and OUTPUT_FOLDER.search(output["outputUriPrefix"]):
        note("output-folder-time")
        output["outputUriPrefix"] = OUTPUT_FOLDER.sub("/TIME", output["outputUriPrefix"])
    return body


def without_additions(body):
    """Ours without the variables and labels that a launch adds."""
    for pool in body["jobSpec"]["workerPoolSpecs"]:
        task = pool.get("containerSpec") or pool.get("pythonPackageSpec") or {}
        env = [e for e in task.get("env", []) if not e["name"].startswith("WANDB_")]
        if len(env) < len(task.get("env", [])):
            note("wandb-env")
        task["env"] = env
    labels = {k: v for k, v in body.get("labels", {}).items() if k != "wandb-run-id" and not k.startswith("slipway-")}
    if labels != body.get("labels", {}):
        note("launch-labels")
    body["labels"] = labels
    return body


def without_defaults(ours_now, theirs_now):
    """Ours without what equals a default and is not on the other side."""
    if isinstance(ours_now, list) and isinstance(theirs_now, list) and len(ours_now) == len(theirs_now):
        return [without_defaults(a, b) for a, b in zip(ours_now, theirs_now)]
    if not isinstance(ours_now, dict) or not isinstance(theirs_now, dict):
        return ours_now
    out = {}
    for key, value in ours_now.items():
        if key not in theirs_now and (value is False or value and isinstance(value, dict) and set(value.values()) == {False}):
            note("explicit-defaults")
        elif key not in theirs_now and value in ([], {}):
            note("empty-lists")
        else:
            out[key] = without_defaults(value, theirs_now.get(key))
    return out


def must_be_equal(spec, run, mine):
    _, sent = theirs(spec, run)
    sent = without_output_time(with_enum_names(sent))
    mine = without_defaults(without_additions(without_output_time(mine)), sent)
    assert mine == sent, json.dumps({"spec": spec, "run": run}, indent=1, ensure_ascii=False)


def test_generated_configs_become_the_bodies_that_the_sdk_sends():
    cases = []
    for i in range(CONFIGS):
        g = Generator(SEED * 1_000_000 + i)
        spec, run = g.arguments()
        config = g.config(spec, run)
        text = json.dumps(config) if g.maybe() else yaml.safe_dump(config, allow_unicode=g.maybe(), sort_keys=False)
        cases.append((spec, run, text))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rendered = list(pool.map(lambda case: ours(case[2]), cases))
    for (spec, run, _), mine in zip(cases, rendered):
        must_be_equal(spec, run, mine)


def filled(value, variables):
    """The config as a user of the SDK would write it: macros and template variables by their values, no references."""
    if isinstance(value, dict):
        return {k: filled(v, variables) for k, v in value.items()}
    if isinstance(value, list):
        if any(isinstance(v, dict) and "value_from" in v for v in value):
            note("secret-references")
        return [filled(v, variables) for v in value if not (isinstance(v, dict) and "value_from" in v)]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\{\{(\w+)\}\}", value)
    if whole:
        note("macros-and-templates")
        return variables[whole.group(1)]
    text = re.sub(r"\{\{(\w+)\}\}", lambda m: str(variables[m.group(1)]), value)
    text = re.sub(r"(?<!\$)\$\{(\w+)\}", lambda m: LAUNCH[m.group(1)], text).replace("$${", "${")
    if text != value:
        note("macros-and-templates")
    return text


SUBMIT = {"service_account", "network", "timeout", "restart_job_on_worker_restart", "enable_web_access", "experiment", "experiment_run",
          "tensorboard", "disable_retries", "persistent_resource_id", "scheduling_strategy", "max_wait_duration", "psc_interface_config"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_becomes_the_body_that_the_sdk_sends(path):
    tiles = path.with_suffix(".variables.yaml")
    variables = {}
    if tiles.exists():
        for name, tile in yaml.safe_load(tiles.read_text()).items():
            variables[name] = tile["schema"].get("default", tile["schema"].get("enum", [None])[0])
    config = filled(yaml.safe_load(path.read_text()), variables)
    spec, run = config["spec"], config.get("run", {})
    spec.setdefault("display_name", LAUNCH["run_name"])
    if "base_output_dir" in spec:
        spec.setdefault("staging_bucket", spec["base_output_dir"])  # the SDK wants one even then
    run.update({k: spec.pop(k) for k in list(spec) if k in SUBMIT})

    mine = ours(path.read_text(), *(f"--var={k}={v}" for k, v in variables.items()))
    for pool in mine["jobSpec"]["workerPoolSpecs"]:
        task = pool.get("containerSpec", {})
        task["env"] = [e for e in task.get("env", []) if "valueFrom" not in e]

    must_be_equal(spec, run, mine)


def test_the_list_of_differences_is_the_list_of_those_met():
    listed = set(re.findall(r"^\| ([a-z]+-[a-z-]+) \|", (ROOT / "docs/differences.md").read_text(), re.M))
    assert seen == listed
