"""The unmodified google-cloud-secret-manager over REST at our emulator, and values that reach a job through our agent."""

import json
from concurrent.futures import ThreadPoolExecutor

import google_crc32c
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager
from google.protobuf import field_mask_pb2

from conftest import TRAIN_IMAGE

PROJECT = "projects/slipway-local"


@pytest.fixture(scope="module")
def client(system):
    return secretmanager.SecretManagerServiceClient(transport="rest", credentials=AnonymousCredentials(),
                                                    client_options=ClientOptions(api_endpoint=system.emulator))


def make(client, name, *values, parent=PROJECT):
    replication = {} if "/locations/" in parent else {"replication": {"automatic": {}}}
    secret = client.create_secret(parent=parent, secret_id=name, secret={"labels": {"team": "ml"}, **replication})
    for value in values:
        client.add_secret_version(parent=secret.name, payload={"data": value})
    return secret.name


def value_of(client, name):
    answer = client.access_secret_version(name=name)
    assert answer.payload.data_crc32c == google_crc32c.value(answer.payload.data)
    return answer.payload.data


def test_a_value_comes_back_with_its_checksum(client):
    data = bytes(range(256)) * 16
    name = make(client, "bytes")
    version = client.add_secret_version(parent=name, payload={"data": data, "data_crc32c": google_crc32c.value(data)})
    assert version.state.name == "ENABLED" and version.client_specified_payload_checksum
    assert value_of(client, version.name) == data


def test_latest_is_the_version_made_last_even_when_it_is_disabled(client):
    name = make(client, "latest", b"one", b"two")
    assert value_of(client, name + "/versions/latest") == b"two"
    assert value_of(client, name + "/versions/1") == b"one"
    client.disable_secret_version(name=name + "/versions/2")
    with pytest.raises(exceptions.BadRequest, match=r"Secret Version \[projects/\d+/secrets/latest/versions/2\] is in DISABLED state"):
        client.access_secret_version(name=name + "/versions/latest")
    assert client.enable_secret_version(name=name + "/versions/latest").state.name == "ENABLED"
    assert value_of(client, name + "/versions/latest") == b"two"


def test_a_destroyed_version_stays_in_the_list_without_its_value(client):
    name = make(client, "destroyed", b"one", b"two")
    assert client.destroy_secret_version(name=name + "/versions/1").destroy_time
    assert [(v.name.rpartition("/")[2], v.state.name) for v in client.list_secret_versions(parent=name)] == [
        ("2", "ENABLED"), ("1", "DESTROYED")]
    with pytest.raises(exceptions.BadRequest, match="is in DESTROYED state"):
        client.access_secret_version(name=name + "/versions/1")
    with pytest.raises(exceptions.BadRequest):
        client.enable_secret_version(name=name + "/versions/1")


def test_an_alias_names_a_version(client):
    name = make(client, "aliased", b"one", b"two")
    secret = client.update_secret(secret={"name": name, "version_aliases": {"prod": 1}},
                                  update_mask=field_mask_pb2.FieldMask(paths=["version_aliases"]))
    assert dict(secret.version_aliases) == {"prod": 1} and dict(secret.labels) == {"team": "ml"}
    assert value_of(client, name + "/versions/prod") == b"one"


def test_what_is_not_there_is_named(client):
    name = make(client, "empty")
    for wrong, words in [("projects/slipway-local/secrets/nope/versions/latest", r"Secret \[projects/\d+/secrets/nope\] not found or has no versions"),
                         (name + "/versions/latest", "not found or has no versions"),
                         (name + "/versions/7", r"Secret Version \[projects/\d+/secrets/empty/versions/7\] not found"),
                         (name + "/versions/prod", "not found")]:
        with pytest.raises(exceptions.NotFound, match=words):
            client.access_secret_version(name=wrong)


def test_wrong_input_is_refused(client):
    name = make(client, "strict")
    with pytest.raises(exceptions.Conflict, match="already exists"):
        make(client, "strict")
    with pytest.raises(exceptions.BadRequest, match="expected format"):
        make(client, "no.dots")
    with pytest.raises(exceptions.BadRequest, match="cannot be empty"):
        client.add_secret_version(parent=name, payload={"data": b""})
    with pytest.raises(exceptions.BadRequest, match="exceeds the maximum"):
        client.add_secret_version(parent=name, payload={"data": b"x" * 65537})
    with pytest.raises(exceptions.BadRequest, match="checksum"):
        client.add_secret_version(parent=name, payload={"data": b"x", "data_crc32c": 1})
    with pytest.raises(exceptions.NotFound):
        client.add_secret_version(parent=PROJECT + "/secrets/nope", payload={"data": b"x"})


def test_lists_have_pages(client):
    names = [make(client, f"page-{i}") for i in range(5)]
    found = [s.name for s in client.list_secrets(request={"parent": PROJECT, "page_size": 2})]
    assert [n for n in found if "/page-" in n] == names and len(found) == len(set(found))
    for i in range(12):
        client.add_secret_version(parent=names[0], payload={"data": b"%d" % i})
    versions = client.list_secret_versions(request={"parent": names[0], "page_size": 5})
    assert [v.name.rpartition("/")[2] for v in versions] == [str(n) for n in range(12, 0, -1)]


def test_versions_that_are_added_at_once_are_different_ones(client):
    name = make(client, "busy")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: client.add_secret_version(parent=name, payload={"data": b"%d" % n}), range(24)))
    assert sorted(int(v.name.rpartition("/")[2]) for v in made) == list(range(1, 25))
    assert [value_of(client, v.name) for v in made] == [b"%d" % n for n in range(24)]


def test_a_deleted_secret_is_gone_with_its_versions(client):
    name = make(client, "gone", b"one")
    client.delete_secret(name=name)
    with pytest.raises(exceptions.NotFound):
        client.get_secret(name=name)
    make(client, "gone")
    with pytest.raises(exceptions.NotFound, match="has no versions"):
        client.access_secret_version(name=name + "/versions/latest")


def test_a_regional_secret_is_another_one(client):
    make(client, "twice", b"global")
    name = make(client, "twice", b"regional", parent=PROJECT + "/locations/us-east1")
    assert name.endswith("/locations/us-east1/secrets/twice")
    assert value_of(client, name + "/versions/latest") == b"regional"
    assert value_of(client, PROJECT + "/secrets/twice/versions/latest") == b"global"


def test_a_policy_is_kept(client):
    name = make(client, "shared")
    policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": ["user:ada@example.com"]}]}
    client.set_iam_policy(request={"resource": name, "policy": policy})
    assert client.get_iam_policy(request={"resource": name}).bindings[0].members == ["user:ada@example.com"]
    tested = client.test_iam_permissions(request={"resource": name, "permissions": ["secretmanager.versions.access"]})
    assert list(tested.permissions) == ["secretmanager.versions.access"]


CONFIG = {"spec": {"worker_pool_specs": [{
    "machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1, "container_spec": {"image_uri": "${image_uri}", "env": [
        {"name": "HF_TOKEN", "value_from": {"secret_key_ref": {"name": "hf-token"}}},
        {"name": "DB_USER", "value_from": {"secret_key_ref": {"name": "database", "key": "user"}}},
        {"name": "OLD", "value_from": {"secret_key_ref": {"name": "hf-token:1"}}},
        {"name": "NEAR", "value_from": {"secret_key_ref": {"name": "projects/slipway-local/locations/us-east1/secrets/near"}}}]}}],
    "staging_bucket": "gs://b"}}


def jobs(system):
    done = system.run("curl", "-sf", system.emulator + "/v1/projects/slipway-local/locations/us-central1/customJobs")
    return json.loads(done.stdout).get("customJobs", [])


def test_values_reach_the_job_and_nothing_else(system, client):
    make(client, "hf-token", b"hf_planted_old", b"hf_planted_new")
    make(client, "database", json.dumps({"user": "planted_ann", "password": "planted_pass"}).encode())
    make(client, "near", b"planted_near", parent=PROJECT + "/locations/us-east1")
    (system.folder / "secret-queue.json").write_text(json.dumps(CONFIG))
    system.slipway("queue", "create", "vertex-queue", "--config", system.folder / "secret-queue.json")
    item = json.loads(system.slipway("launch", "-q", "vertex-queue", "-d", TRAIN_IMAGE, "-p", "demo", "-o", "json", "--",
                                     "--epochs", "1", "--pause", "0").stdout)["item"]
    ended = system.item_at_end(item)
    assert ended["state"] == "FINISHED", ended
    env = next({e["name"]: e.get("value") for e in j["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["env"]} for j in jobs(system)
               if j["labels"]["slipway-item"] == item.lower())
    assert (env["HF_TOKEN"], env["OLD"], env["DB_USER"], env["NEAR"]) == ("hf_planted_new", "hf_planted_old", "planted_ann", "planted_near")
    assert "planted" not in json.dumps(ended)
