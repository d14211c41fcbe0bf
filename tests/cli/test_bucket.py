"""`slipway server --files gs://...`: files of runs and artifacts in Cloud Storage, by the unmodified wandb and google-cloud-storage,
against an emulator that checks who sends what, signatures too."""

import concurrent.futures
import datetime
import hashlib
import json
import time

import pytest
import requests
from google.cloud import storage
from google.oauth2.credentials import Credentials
from google.oauth2 import service_account

from harness import KEY, wait_for
from test_backup import LOG, READ, WANTED, python

PROJECT = "proj-one"
WRITER = f"writer-one@{PROJECT}.iam.gserviceaccount.com"
MACHINE = "slipway-emulator@slipway.local"  # the emulator's metadata server gives its tokens
FILES = "gs://files/team/a"

LARGE = """
    art = wandb.Artifact("large", "dataset")
    open("large", "wb").write(bytes(range(256)) * 80000)
    art.add_file("large")
    run.log_artifact(art).wait()
"""  # 20 MB: in pieces, up and down
READ_LARGE = """
print(open(api.artifact("ada/p/large:latest").download(root="got") + "/large", "rb").read() == bytes(range(256)) * 80000)
"""


class Cloud:
    """An emulator with a bucket, an account that may write to it, and the owner's client."""

    def __init__(self, place):
        self.place = place
        self.emulator = place.start("emulator", "--data", "emulator", "--require-auth", "--gcp-project", PROJECT, "--port", "0")
        self.url = self.emulator.url()
        self.own("bucket", "create", "files")
        self.own("account", "create", "writer-one", "--key-file", "key.json")
        self.grant("roles/storage.objectUser")
        address = json.loads((place.folder / "emulator/emulator.json").read_text())
        self.client = storage.Client(project=PROJECT, credentials=Credentials(token=address["token"]), client_options={"api_endpoint": self.url})

    def own(self, *argv):
        return self.place.ok("emulator", *argv, "--data", "emulator")

    def grant(self, role, who=WRITER, on="buckets/files"):
        self.own("grant", f"serviceAccount:{who}", role, "--on", on)

    def names(self):
        return sorted(b.name for b in self.client.list_blobs("files"))

    def env(self, key=True):
        return {"SLIPWAY_GOOGLE_ENDPOINT": self.url, "SLIPWAY_GOOGLE_CREDENTIALS": "key.json" if key else None}

    def server(self, *options, key=True, data="server"):
        server = self.place.start("server", "--data", data, "--port", "0", "--files", FILES, *options, **self.env(key))
        self.place.use(server.url())
        return server


@pytest.fixture
def cloud(place):
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    return Cloud(place)


def artifact_file(place):
    """What the server answers to a download of the artifact's file, not followed."""
    code = "import wandb; print(wandb.Api().artifact('ada/p/data:latest').files()[0].direct_url)"
    return requests.get(python(place, code).splitlines()[-1], allow_redirects=False, timeout=20)


@pytest.mark.parametrize("way", ["key", "iam", "through the server"])
def test_what_is_logged_is_in_the_bucket_and_read_back(place, cloud, way):
    more = LARGE if way == "through the server" else ""
    if way == "iam":
        cloud.own("grant", f"serviceAccount:{MACHINE}", "roles/iam.serviceAccountTokenCreator")
    server = cloud.server(*(["--no-links"] if way == "through the server" else []), key=way != "iam")
    python(place, LOG + more)
    said = python(place, READ + READ_LARGE * bool(more)).splitlines()
    assert not more or said.pop() == "True"
    assert json.loads(said[-1]) == WANTED
    names = cloud.names()
    assert all(n.startswith(("team/a/objects/", "team/a/run-files/")) for n in names), names
    blobs = [b for b in cloud.client.list_blobs("files") if b.size == 256 * 400]
    data = bytes(range(256)) * 400
    assert [b.download_as_bytes() for b in blobs] == [data]
    digest = hashlib.sha256(data).hexdigest()
    assert (f"team/a/objects/{digest[:2]}/{digest[2:]}" in names) == (way == "through the server"), "else the server has not read it"
    assert not [f for f in (place.folder / "server").rglob("*") if f.is_file() and f.stat().st_size == 256 * 400], "no copy stays"
    reply = artifact_file(place)
    assert reply.status_code == (200 if way == "through the server" else 302), server.log()
    if reply.status_code == 302:
        there = reply.headers["Location"]
        assert requests.get(there, timeout=20).content == bytes(range(256)) * 400
        assert requests.get(there.replace("objects", "0bjects"), timeout=20).status_code == 403, "it is good for one object"
        assert requests.put(there, b"other", timeout=20).status_code == 403, "and for reading"


DELETE = "import wandb; wandb.Api().artifact('ada/p/data:v0').delete(delete_aliases=True)"


def test_what_is_deleted_leaves_the_bucket_and_may_come_again(place, cloud):
    cloud.server()
    python(place, LOG)
    before = cloud.names()
    python(place, DELETE)
    gone = place.json("admin", "prune", "--data", "server", **cloud.env())
    assert (gone["artifacts"], gone["blobs"]) == (1, 2) and len(cloud.names()) == len(before) - 2
    python(place, LOG)
    assert json.loads(python(place, READ).splitlines()[-1]) == WANTED
    time.sleep(1.1)
    gone = place.json("admin", "prune", "--keep-files", "1s", "--data", "server", **cloud.env())
    assert gone["files"] >= 2 and not [n for n in cloud.names() if "run-files" in n]


def test_a_backup_has_the_database_and_says_where_the_files_are(place, cloud):
    cloud.server()
    python(place, LOG)
    made = place.json("admin", "backup", "b", "--data", "server")
    assert (made["files"], made["files_in"]) == (0, FILES)
    assert f"files stay in {FILES}" in place.ok("admin", "restore", "b", "--data", "again")
    place.processes[-1].stop()
    cloud.server(data="again")
    assert json.loads(python(place, READ).splitlines()[-1]) == WANTED


def test_a_store_has_its_files_in_one_place(place, cloud):
    cloud.server().stop()
    start = ("server", "--port", "0", "--data")
    assert f"start the server with --files {FILES}" in place.fails(3, *start, "server")
    cloud.own("bucket", "create", "other")
    cloud.grant("roles/storage.objectUser", on="buckets/other")
    assert f"files are in {FILES} already, and not in gs://other" in place.fails(7, *start, "server", "--files", "gs://other", **cloud.env())
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "old", "--api-key", KEY)
    old = place.start("server", "--data", "old", "--port", "0")
    place.use(old.url())
    python(place, LOG)
    old.stop()
    assert "files are in its data folder already" in place.fails(7, *start, "old", "--files", FILES, **cloud.env())


def test_a_bucket_that_cannot_be_used_is_told_of_at_the_start(place, cloud):
    start = ("server", "--data", "server", "--port", "0", "--files")
    assert "write gs://BUCKET" in place.fails(3, *start, "s3://files", **cloud.env())
    assert "gs://no-such-bucket: " in place.fails(6, *start, "gs://no-such-bucket", **cloud.env())
    cloud.own("bucket", "create", "closed")
    cloud.grant("roles/storage.objectViewer", on="buckets/closed")
    said = place.fails(5, *start, "gs://closed", **cloud.env())
    assert "no storage.objects.create, storage.objects.delete: grant roles/storage.objectUser" in said


def test_nothing_is_lost_while_cloud_storage_is_away(place, cloud):
    """What a client sends meanwhile is answered with an error that it tries again after."""
    server = cloud.server()
    port = cloud.url.rpartition(":")[2]
    cloud.emulator.kill()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        logged = pool.submit(python, place, LOG)
        wait_for(lambda: "http.failed" in server.log(), 60)
        cloud.emulator = place.start("emulator", "--data", "emulator", "--require-auth", "--gcp-project", PROJECT, "--port", port)
        cloud.emulator.url()
        logged.result(90)
    assert json.loads(python(place, READ).splitlines()[-1]) == WANTED
    assert FILES in server.events("http.failed")[0], "the log names the bucket"


def test_google_cloud_storage_signs_as_the_emulator_checks(cloud):
    key = service_account.Credentials.from_service_account_file(cloud.place.folder / "key.json")
    blob = storage.Client(project=PROJECT, credentials=key, client_options={"api_endpoint": cloud.url}).bucket("files").blob("a folder/ü x")

    def link(method, seconds=60, **more):
        return blob.generate_signed_url(datetime.timedelta(seconds=seconds), version="v4", method=method, api_access_endpoint=cloud.url, **more)

    md5 = "XUFAKrxLKna5cZ2REBfFkg=="  # of hello
    put = link("PUT", content_md5=md5)
    assert requests.put(put, b"hellO", headers={"Content-MD5": md5}, timeout=20).status_code == 400
    assert requests.put(put, b"hello", timeout=20).status_code == 403, "the header is signed"
    assert requests.put(put, b"hello", headers={"Content-MD5": md5}, timeout=20).status_code == 200
    assert requests.get(link("GET"), timeout=20).content == b"hello"
    assert requests.get(link("GET").replace("Expires=60", "Expires=61"), timeout=20).status_code == 403
    old = link("GET", seconds=1)
    time.sleep(1.1)
    assert requests.get(old, timeout=20).status_code == 400
