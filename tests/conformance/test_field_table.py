"""The queue-config language has every field of Google's own description of a CustomJob, in v1 and v1beta1."""

import json
import pathlib
import subprocess

import pytest
from conftest import BINARY

cache = pytest.importorskip("googleapiclient.discovery_cache", reason="Google's descriptions are in google-api-python-client")
DOCUMENTS = pathlib.Path(cache.__file__).parent / "documents"
MESSAGES = {"CustomJobSpec", "WorkerPoolSpec", "ContainerSpec", "PythonPackageSpec", "MachineSpec", "DiskSpec", "NfsMount",
            "LustreMount", "Scheduling", "ReservationAffinity", "PscInterfaceConfig", "DnsPeeringConfig", "EncryptionSpec"}


@pytest.fixture(scope="module")
def ours():
    schema = json.loads(subprocess.run([BINARY, "queue", "schema"], check=True, capture_output=True).stdout)
    return {name: set(d["properties"]) for name, d in schema["$defs"].items()}


@pytest.fixture(scope="module", params=["v1", "v1beta1"])
def theirs(request):
    schemas = json.loads((DOCUMENTS / f"aiplatform.{request.param}.json").read_text())["schemas"]
    prefix = "GoogleCloudAiplatform" + request.param.capitalize()
    return {name.removeprefix(prefix): s["properties"] for name, s in schemas.items()
            if name.startswith(prefix) and "properties" in s}


@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_every_field_of_a_message_may_be_given(ours, theirs, message):
    wanted = {name for name, p in theirs[message].items() if not p.get("readOnly")}
    assert wanted <= ours[message]


def test_every_field_of_a_job_that_is_not_vertexs_own_may_be_given(ours, theirs):
    wanted = {name for name, p in theirs["CustomJob"].items() if not p.get("readOnly")}
    assert wanted <= ours["Spec"]


def test_the_enums_are_known(ours, theirs):
    table = BINARY.read_bytes()
    for message, field in (("MachineSpec", "acceleratorType"), ("Scheduling", "strategy"),
                           ("ReservationAffinity", "reservationAffinityType")):
        for value in theirs[message][field]["enum"]:
            assert value.encode() in table, value
