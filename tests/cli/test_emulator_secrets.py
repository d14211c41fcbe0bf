"""`slipway emulator secret ...`, and who may read what in an emulator that asks who calls."""

import json

import pytest

from harness import IMAGES, KEY

NOT_FOUND, INVALID = 6, 8  # docs/exit-codes.md
ACCOUNT = "serviceAccount:launch-agent@proj-one.iam.gserviceaccount.com"
CONFIG = {"spec": {"worker_pool_specs": [{"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1, "container_spec": {
    "image_uri": "${image_uri}", "env": [{"name": "HF_TOKEN", "value_from": {"secret_key_ref": {"name": "hf-token"}}}]}}],
    "staging_bucket": "gs://b"}}


@pytest.fixture
def own(place):
    """Commands of the owner of a strict emulator."""
    place.emulator = place.start("emulator", "--data", "emulator", "--require-auth", "--gcp-project", "proj-one", "--port", "0",
                                 "--speed", "1000", "--images", IMAGES)
    place.emulator.url()
    return lambda *argv, **more: place.ok("emulator", *argv, "--data", "emulator", **more)


def test_a_value_is_put_in_and_read_to_the_last_byte(own):
    assert own("secret", "create", "hf-token", "--data-file", "-", stdin="one\n").strip().endswith("/secrets/hf-token/versions/1")
    own("secret", "add", "hf-token", stdin="two")
    assert own("secret", "access", "hf-token:1") == "one\n"
    assert own("secret", "access", "hf-token") == "two"
    own("secret", "alias", "hf-token:1", "prod")
    assert own("secret", "access", "hf-token:prod") == "one\n"
    versions = json.loads(own("secret", "versions", "hf-token", "-o", "json"))
    assert [v["name"].rpartition("/")[2] for v in versions] == ["2", "1"]
    assert "/secrets/hf-token" in own("secret", "list")


def test_states_and_ends(own, place):
    own("secret", "create", "s", "--data-file", "-", stdin="one")
    own("secret", "disable", "s:1")
    assert "is in DISABLED state" in place.fails(INVALID, "emulator", "secret", "access", "s", "--data", "emulator")
    own("secret", "enable", "s:latest")
    assert own("secret", "access", "s") == "one"
    own("secret", "destroy", "s:1")
    assert "is in DESTROYED state" in place.fails(INVALID, "emulator", "secret", "access", "s", "--data", "emulator")
    own("secret", "delete", "s")
    assert "not found" in place.fails(NOT_FOUND, "emulator", "secret", "access", "s", "--data", "emulator")


def test_a_regional_secret(own):
    name = "projects/proj-one/locations/us-east1/secrets/near"
    own("secret", "create", name, "--data-file", "-", stdin="here")
    assert own("secret", "access", name) == "here"


def strict_world(place, own):
    """Server and agent whose account may run jobs, on the strict emulator."""
    own("account", "create", "launch-agent", "--key-file", "key.json")
    own("grant", ACCOUNT, "roles/aiplatform.user")
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    server = place.start("server", "--data", "server", "--port", "0")
    place.use(server.url(), place.emulator.url())
    (place.folder / "q.json").write_text(json.dumps(CONFIG))
    place.ok("queue", "create", "q", "--config", "q.json")
    agent = place.start("agent", "-q", "q", "-j", "4", "--state-dir", "agent", SLIPWAY_GOOGLE_CREDENTIALS="key.json",
                        GOOGLE_CLOUD_PROJECT="proj-one")
    agent.wait_log("agent.registered")


def test_an_agent_that_may_not_read_a_secret_says_how_to_let_it(own, place):
    own("secret", "create", "hf-token", "--data-file", "-", stdin="planted")
    strict_world(place, own)

    denied = place.item_at_end(place.launch("q"))
    own("grant", ACCOUNT, "roles/secretmanager.secretAccessor", "--on", "projects/proj-one/secrets/hf-token")
    granted = place.item_at_end(place.launch("q"))

    assert denied["state"] == "FAILED" and "variable HF_TOKEN" in json.dumps(denied)
    assert ("gcloud secrets add-iam-policy-binding hf-token --project=proj-one --member=" + ACCOUNT +
            " --role=roles/secretmanager.secretAccessor") in json.dumps(denied)
    assert granted["state"] == "FINISHED", granted
