"""The unmodified google-cloud-storage against the emulator's Cloud Storage."""

import json
import os
import subprocess

import pytest
from google.api_core import exceptions
from google.cloud import storage
from google.oauth2.credentials import Credentials

from conftest import BINARY, wait_for

PROJECT = "proj-one"
ACCOUNT = f"writer-one@{PROJECT}.iam.gserviceaccount.com"


class Bucket:
    """An emulator with --require-auth that has a bucket, and clients of its owner and of an account."""

    def __init__(self, folder):
        self.folder = folder
        self.log = open(folder / "emulator.log", "wb")
        self.process = subprocess.Popen([BINARY, "emulator", "--data", folder / "emulator", "--require-auth", "--gcp-project", PROJECT,
                                         "--port", "0"], stdout=self.log, stderr=self.log,
                                        env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        address = folder / "emulator/emulator.json"
        wait_for(lambda: address.exists() or self.process.poll() is not None)
        self.address = json.loads(address.read_text())
        self.owner = self.client(self.address["token"])
        self.own("account", "create", "writer-one")
        self.account = self.client(self.own("token", "writer-one").strip())
        self.bucket = self.owner.create_bucket("staging", location="us-central1")

    def own(self, *argv):
        done = subprocess.run([BINARY, "emulator", *argv, "--data", self.folder / "emulator"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, token):
        return storage.Client(project=PROJECT, credentials=Credentials(token=token), client_options={"api_endpoint": self.address["url"]})

    def close(self):
        self.process.terminate()
        self.process.wait(15)
        self.log.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = Bucket(tmp_path_factory.mktemp("storage"))
    try:
        yield w
    finally:
        w.close()


def test_a_bucket_says_where_it_is(world):
    bucket = world.owner.get_bucket("staging")
    assert (bucket.location, bucket.location_type) == ("US-CENTRAL1", "region")
    assert [b.name for b in world.owner.list_buckets()] == ["staging"]
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist."):
        world.owner.get_bucket("no-such-bucket")
    with pytest.raises(exceptions.Conflict):
        world.owner.create_bucket("staging")


@pytest.mark.parametrize("size", [0, 5, 300_000, 9_000_000])
def test_what_goes_up_comes_down(world, size):
    """Up to 8 MiB by multipart, more by a resumable session; the client checks digests both ways."""
    data = os.urandom(size)
    blob = world.bucket.blob(f"a folder/of {size}.bin")
    blob.metadata = {"run": "r1"}
    blob.upload_from_string(data, content_type="application/x-thing", checksum="crc32c")
    assert blob.size == size

    again = world.owner.bucket("staging").get_blob(blob.name)
    assert (again.content_type, again.metadata) == ("application/x-thing", {"run": "r1"})
    assert again.download_as_bytes(checksum="crc32c" if size else None) == data
    if size > 10:
        assert again.download_as_bytes(start=3, end=7) == data[3:8]


def test_chunks_of_a_resumable_upload(world):
    data = os.urandom(1_000_000)
    path = world.folder / "chunked"
    path.write_bytes(data)
    blob = world.bucket.blob("chunked", chunk_size=256 * 1024)
    blob.upload_from_filename(str(path))
    assert world.bucket.blob("chunked").download_as_bytes() == data
    assert not list((world.folder / "emulator/objects").glob("upload-*"))


def test_folders_and_pages(world):
    for name in ("list/a", "list/b/1", "list/b/2", "list/c"):
        world.bucket.blob(name).upload_from_string("x")
    found = world.owner.list_blobs("staging", prefix="list/", delimiter="/")
    assert [b.name for b in found] == ["list/a", "list/c"]
    assert found.prefixes == {"list/b/"}
    assert [b.name for b in world.owner.list_blobs("staging", prefix="list/", page_size=1)] == \
        ["list/a", "list/b/1", "list/b/2", "list/c"]


def test_create_only_and_delete(world):
    blob = world.bucket.blob("once")
    blob.upload_from_string("1", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string("2", if_generation_match=0)
    assert blob.download_as_bytes() == b"1"
    blob.delete()
    with pytest.raises(exceptions.NotFound, match="No such object: staging/once"):
        blob.delete()


def test_permissions_are_on_the_bucket(world):
    """storage.buckets.get is not in objectUser: what a check of the bucket must not take for a verdict."""
    asked = ["storage.buckets.get", "storage.objects.create", "storage.objects.get"]
    mine = world.account.bucket("staging")
    assert mine.test_iam_permissions(asked) == []
    with pytest.raises(exceptions.Forbidden, match=f"{ACCOUNT} does not have storage.objects.create access to the Google Cloud Storage"):
        mine.blob("x").upload_from_string("x")

    world.own("grant", "serviceAccount:" + ACCOUNT, "roles/storage.objectUser", "--on", "buckets/staging")
    assert mine.test_iam_permissions(asked) == asked[1:]
    mine.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Forbidden, match="does not have storage.buckets.get access to the Google Cloud Storage bucket."):
        world.account.get_bucket("staging")
    world.own("revoke", "serviceAccount:" + ACCOUNT, "roles/storage.objectUser", "--on", "buckets/staging")
    with pytest.raises(exceptions.Forbidden):
        mine.blob("x").download_as_bytes()


def test_a_condition_narrows_to_a_folder(world):
    policy = world.bucket.get_iam_policy(requested_policy_version=3)
    policy.version = 3
    policy.bindings.append({"role": "roles/storage.objectUser", "members": {"serviceAccount:" + ACCOUNT}, "condition": {
        "title": "runs", "expression": 'resource.name.startsWith("projects/_/buckets/staging/objects/runs/")'}})
    world.bucket.set_iam_policy(policy)
    mine = world.account.bucket("staging")
    mine.blob("runs/1").upload_from_string("x")
    with pytest.raises(exceptions.Forbidden):
        mine.blob("other/1").upload_from_string("x")


def test_a_bucket_with_objects_is_not_deleted(world):
    other = world.owner.create_bucket("for-deletion")
    other.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict):
        other.delete()
    other.blob("x").delete()
    other.delete()
