"""The unmodified google-cloud-aiplatform over REST at our emulator: jobs that our agent made, and its own."""

import json

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform

from conftest import ROOT, TRAIN_IMAGE, wait_for


@pytest.fixture(scope="module")
def sdk(system):
    aiplatform.init(project="slipway-local", location="us-central1", staging_bucket="gs://b", api_endpoint=system.emulator,
                    api_transport="rest", credentials=AnonymousCredentials())
    system.slipway("queue", "create", "vertex-queue", "--config", ROOT / "examples/queues/minimal.yaml")
    return aiplatform


def launch(system, *args):
    done = system.slipway("launch", "-q", "vertex-queue", "-d", TRAIN_IMAGE, "-p", "demo", "-o", "json", "--", *args)
    return json.loads(done.stdout)["item"]


def job_of(sdk, item):
    found = [j for j in sdk.CustomJob.list() if j.labels.get("slipway-item", "").startswith(item.lower()[:20])]
    return found[0] if found else None


def test_the_sdk_sees_a_job_of_our_agent_succeed(system, sdk):
    item = launch(system, "--epochs", "1", "--pause", "0")
    assert system.item_at_end(item)["state"] == "FINISHED"
    assert any(j.state.name == "JOB_STATE_SUCCEEDED" for j in sdk.CustomJob.list())


def test_the_sdk_sees_a_job_of_our_agent_fail(system, sdk):
    item = launch(system, "--fail")
    assert system.item_at_end(item)["state"] == "FAILED"
    failed = [j for j in sdk.CustomJob.list() if j.state.name == "JOB_STATE_FAILED"]
    assert failed
    assert "non-zero status of 1" in failed[0].error.message
    assert sdk.CustomJob.get(failed[0].resource_name).state.name == "JOB_STATE_FAILED"


def test_the_sdk_sees_a_stopped_item_cancelled(system, sdk):
    item = launch(system, "--epochs", "1000", "--pause", "1")
    wait_for(lambda: any(j.state.name == "JOB_STATE_RUNNING" for j in sdk.CustomJob.list()), 30)
    system.slipway("stop", item)
    assert system.item_at_end(item, 90)["state"] == "STOPPED"
    assert any(j.state.name == "JOB_STATE_CANCELLED" for j in sdk.CustomJob.list())


def test_the_sdk_creates_and_deletes_a_job_itself(system, sdk):
    job = sdk.CustomJob(display_name="direct", worker_pool_specs=[{
        "machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1,
        "container_spec": {"image_uri": TRAIN_IMAGE, "args": ["--epochs", "1", "--pause", "0"]}}])
    job.submit()
    wait_for(lambda: job.state.name == "JOB_STATE_SUCCEEDED", 30)
    name = job.resource_name
    job.delete()
    assert name not in [j.resource_name for j in sdk.CustomJob.list()]
