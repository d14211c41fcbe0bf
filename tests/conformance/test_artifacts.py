"""Artifacts by the unmodified wandb package: its runs log and use them, its API and CLI read them back."""

import base64
import hashlib
import json
import urllib.error
import urllib.request

import pytest

import wandb_script

PROJECT = "artifacts"


def script(system, code, **more):
    """Run a snippet with the real `wandb` in a process of its own; what it prints last is JSON."""
    done = system.run("python", "-c", wandb_script.PRELUDE + code, WANDB_PROJECT=PROJECT, **more)
    return json.loads(done.stdout.strip().splitlines()[-1])


def log(system, name, files, aliases=(), kind="dataset", **more):
    """Log an artifact of these files; its version and id."""
    return script(system, f"""
import pathlib, tempfile
with wandb.init(project={PROJECT!r}) as run, tempfile.TemporaryDirectory() as folder:
    artifact = wandb.Artifact({name!r}, type={kind!r}, description="some files", metadata={{"rows": 3}})
    for path, text in {dict(files)!r}.items():
        file = pathlib.Path(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        artifact.add_file(str(file), name=path)
    logged = run.log_artifact(artifact, aliases={list(aliases)!r}).wait()
    result = {{"version": logged.version, "id": logged.id, "digest": logged.digest, "run": run.id, "aliases": logged.aliases}}
print(json.dumps(result))
""", **more)


FILES = {"a.txt": "alpha", "deep/er/b.txt": "beta", "empty": "", "ünï code.txt": "gamma\n"}


@pytest.fixture(scope="module")
def logged(system):
    return log(system, "files", FILES, ["latest", "best"])


def test_what_a_run_logged_is_downloaded_again(system, logged):
    assert logged["version"] == "v0"
    got = script(system, f"""
import pathlib
artifact = api.artifact("admin/{PROJECT}/files:best")
folder = pathlib.Path(artifact.download(root="download"))
found = {{str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}}
print(json.dumps({{"files": found, "type": artifact.type, "size": artifact.size, "count": artifact.file_count, "state": artifact.state,
                  "metadata": artifact.metadata, "description": artifact.description, "aliases": artifact.aliases,
                  "digest": artifact.digest, "by": artifact.logged_by().id}}))
""")
    assert got["files"] == FILES
    assert (got["type"], got["state"], got["count"]) == ("dataset", "COMMITTED", len(FILES))
    assert got["size"] == sum(len(text.encode()) for text in FILES.values())
    assert got["metadata"] == {"rows": 3}
    assert got["description"] == "some files"
    assert set(got["aliases"]) == {"latest", "best"}
    assert got["digest"] == logged["digest"]
    assert got["by"] == logged["run"]


def test_the_same_content_is_the_same_version_and_another_is_the_next(system):
    first = log(system, "versions", {"x": "1"})
    again = log(system, "versions", {"x": "1"})
    second = log(system, "versions", {"x": "2"}, ["latest", "good"])
    assert (first["version"], again["version"], second["version"]) == ("v0", "v0", "v1")
    assert first["id"] == again["id"] != second["id"]
    back = log(system, "versions", {"x": "1"}, ["good"])
    assert back["id"] == first["id"]
    got = script(system, f"""
name = "admin/{PROJECT}/versions"
print(json.dumps({{"good": api.artifact(name + ":good").version, "latest": api.artifact(name + ":latest").version,
                  "v1": sorted(api.artifact(name + ":v1").aliases),
                  "all": [a.version for a in api.artifacts("dataset", name)],
                  "types": [t.name for t in api.artifact_types("admin/{PROJECT}")],
                  "collections": [c.name for c in api.artifact_type("dataset", "admin/{PROJECT}").collections()],
                  "there": [api.artifact_exists(name + ":v1"), api.artifact_exists(name + ":v2"),
                            api.artifact_collection_exists(name, "dataset"), api.artifact_collection_exists(name + "x", "dataset")]}}))
""")
    assert (got["good"], got["latest"], got["v1"]) == ("v0", "v0", [])  # they moved: the client asks for latest every time
    assert got["all"] == ["v1", "v0"]
    assert "dataset" in got["types"]
    assert "versions" in got["collections"]
    assert got["there"] == [True, False, True, False]


def test_a_run_records_what_it_uses(system, logged):
    got = script(system, f"""
with wandb.init(project={PROJECT!r}) as run:
    used = run.use_artifact("files:best")
    path = used.get_entry("deep/er/b.txt").download(root="used")
    text = open(path).read()
finished = api.run(f"admin/{PROJECT}/{{run.id}}")
source = api.run("admin/{PROJECT}/{logged['run']}")
print(json.dumps({{"text": text, "run": run.id, "used": [a.name for a in finished.used_artifacts()],
                  "logged": [a.name for a in source.logged_artifacts()],
                  "by": [r.id for r in api.artifact("admin/{PROJECT}/files:v0").used_by()]}}))
""")
    assert got["text"] == "beta"
    assert got["used"] == ["files:v0"]
    assert "files:v0" in got["logged"]
    assert got["run"] in got["by"]


def test_aliases_tags_and_texts_change(system):
    log(system, "changing", {"x": "1"}, ["old"])
    got = script(system, f"""
name = "admin/{PROJECT}/changing:v0"
artifact = api.artifact(name)
artifact.aliases.append("new")
artifact.aliases.remove("old")
artifact.description = "other words"
artifact.metadata["rows"] = 4
artifact.tags = ["red", "blue"]
artifact.save()
artifact = api.artifact(name)
first = {{"aliases": sorted(artifact.aliases), "description": artifact.description, "metadata": artifact.metadata,
         "tags": sorted(artifact.tags)}}
artifact.tags = ["blue"]
artifact.save()
first["tags later"] = api.artifact(name).tags
print(json.dumps(first))
""")
    assert got == {"aliases": ["latest", "new"], "description": "other words", "metadata": {"rows": 4}, "tags": ["blue", "red"],
                   "tags later": ["blue"]}


def test_a_deleted_version_is_gone_and_its_number_is_not_used_again(system):
    log(system, "short-lived", {"x": "1"})
    got = script(system, f"""
artifact = api.artifact("admin/{PROJECT}/short-lived:v0")
try:
    artifact.delete()
    refused = None
except Exception as e:
    refused = str(e)
artifact.delete(delete_aliases=True)
print(json.dumps({{"refused": refused, "there": api.artifact_exists("admin/{PROJECT}/short-lived:v0")}}))
""")
    assert "aliases" in got["refused"]
    assert got["there"] is False
    assert log(system, "short-lived", {"x": "1"})["version"] == "v1"


def test_what_is_not_there_is_one_clear_error(system, logged):
    got = script(system, f"""
def error(name):
    try:
        api.artifact(name)
    except Exception as e:
        return str(e)
print(json.dumps([error("admin/{PROJECT}/files:v7"), error("admin/{PROJECT}/nothing:latest"), error("admin/nowhere/files:v0")]))
""")
    assert all(got)
    assert "files:v7" in got[0] and "nothing:latest" in got[1]


def test_the_cli_puts_lists_and_gets(system):
    folder = system.folder / "to-put"
    folder.mkdir()
    (folder / "one.txt").write_text("one")
    (folder / "two.txt").write_text("two")
    system.run("wandb", "artifact", "put", "--name", f"{PROJECT}/put-by-cli", "--type", "model", "-a", "first", folder)
    listed = system.run("wandb", "artifact", "ls", f"admin/{PROJECT}", "--type", "model")
    assert "put-by-cli:v0" in listed.stdout + listed.stderr
    system.run("wandb", "artifact", "get", f"admin/{PROJECT}/put-by-cli:first", "--root", system.folder / "got")
    assert (system.folder / "got/two.txt").read_text() == "two"


def test_jobs_are_created_listed_and_described_by_the_cli(system):
    code = system.folder / "code"
    code.mkdir()
    (code / "train.py").write_text("print('hello')\n")
    (code / "requirements.txt").write_text("wandb\n")
    where = ["-e", "admin", "-p", PROJECT]
    create = ["wandb", "job", "create", *where, "-n", "my-job", "-E", "train.py", "-r", "3.11", "code", code]
    made = system.run(*create)
    assert "Created" in made.stderr and f"admin/{PROJECT}/my-job:v0" in made.stderr
    assert "No changes detected for" in system.run(*create).stderr
    (code / "train.py").write_text("print('hello again')\n")
    assert "Updated" in system.run(*create).stderr
    image = system.run("wandb", "job", "create", *where, "-n", "image-job", "image", "registry.example/train:7")
    assert f"admin/{PROJECT}/image-job:v0" in image.stderr
    listed = system.run("wandb", "job", "list", *where).stderr
    assert "my-job -- versions" in listed and "v1" in listed and "image-job" in listed
    described = system.run("wandb", "job", "describe", f"admin/{PROJECT}/my-job:latest").stderr
    assert "source_type: artifact" in described and "train.py" in described
    assert "registry.example/train:7" in system.run("wandb", "job", "describe", f"admin/{PROJECT}/image-job:latest").stderr


def test_a_file_too_long_for_memory_comes_and_goes_through_the_disk(system):
    size = 40 << 20
    got = script(system, f"""
import hashlib, os, pathlib
data = os.urandom(1 << 20) * {size >> 20}
pathlib.Path("big.bin").write_bytes(data)
with wandb.init(project={PROJECT!r}) as run:
    artifact = wandb.Artifact("big", type="dataset")
    artifact.add_file("big.bin", skip_cache=True)
    run.log_artifact(artifact).wait()
folder = api.artifact("admin/{PROJECT}/big:latest").download(root="big-again", skip_cache=True)
again = pathlib.Path(folder, "big.bin").read_bytes()
print(json.dumps({{"same": again == data, "sha256": hashlib.sha256(data).hexdigest()}}))
""")
    assert got["same"]
    objects = system.folder / "state" / "objects"
    kept = next(p for p in system.folder.rglob(got["sha256"][2:]) if p.parent.name == got["sha256"][:2])
    assert kept.stat().st_size == size, objects
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not list((kept.parents[2] / "spool").iterdir())


# --- what no client does, over HTTP ---


def http(system, method, url, body=None, key=True, **headers):
    """(status, headers, body)"""
    request = urllib.request.Request(url if url.startswith("http") else system.url + url, data=body, method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    if key:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"api:{system.key}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def graphql(system, query, status=200):
    got, _, body = http(system, "POST", "/graphql", json.dumps({"query": query}).encode())
    answer = json.loads(body)
    assert got == status, answer
    return answer["data"] if status == 200 else answer["errors"][0]["message"]


def b64_md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Upload:
    """An artifact made by hand."""

    def __init__(self, system, name, contents):
        graphql(system, 'mutation { upsertModel(input: {entityName: "admin", name: "%s"}) { inserted } }' % PROJECT)
        self.system = system
        self.contents = contents
        lines = "".join(f"{path}:{b64_md5(data)}\n" for path, data in sorted(contents.items()))
        digest = hashlib.md5(("wandb-artifact-manifest-v1\n" + lines).encode()).hexdigest()
        made = graphql(system, """mutation { createArtifact(input: {entityName: "admin", projectName: "%s", artifactTypeName: "raw",
            artifactCollectionName: "%s", digest: "%s", enableDigestDeduplication: true}) { artifact { id state } } }"""
                       % (PROJECT, name, digest))
        self.id = made["createArtifact"]["artifact"]["id"]

    def declare(self, path, extra=""):
        made = graphql(self.system, """mutation { createArtifactFiles(input: {artifactFiles: [{artifactID: "%s", name: "%s", md5: "%s" %s}],
            storageLayout: V2}) { files { edges { node { uploadUrl storagePath uploadMultipartUrls { uploadID
            uploadUrlParts { partNumber uploadUrl } } artifact { id } } } } } }""" % (self.id, path, b64_md5(self.contents[path]), extra))
        return made["createArtifactFiles"]["files"]["edges"][0]["node"]

    def put(self, path):
        url = self.declare(path)["uploadUrl"]
        return url and http(self.system, "PUT", url, self.contents[path], key=False)[0]

    def put_manifest(self, text=None):
        text = text or json.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"},
                                   "contents": {path: {"digest": b64_md5(data), "size": len(data), "birthArtifactID": self.id}
                                                for path, data in self.contents.items()}}).encode()
        made = graphql(self.system, """mutation { createArtifactManifest(input: {artifactID: "%s", name: "wandb_manifest.json", digest: "%s",
            entityName: "admin", projectName: "%s", runName: ""}) { artifactManifest { id file { id uploadUrl } } } }"""
                       % (self.id, b64_md5(text), PROJECT))
        url = made["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"]
        assert http(self.system, "PUT", url, text, key=False)[0] == 200

    def commit(self, status=200):
        return graphql(self.system, 'mutation { commitArtifact(input: {artifactID: "%s"}) { artifact { id digest state versionIndex } } }'
                       % self.id, status)


def test_other_bytes_than_promised_are_refused_and_so_is_a_commit_without_them(system):
    up = Upload(system, "wrong", {"f": b"right"})
    url = up.declare("f")["uploadUrl"]
    status, _, body = http(system, "PUT", url, b"wrong", key=False)
    assert status == 400 and hashlib.md5(b"wrong").hexdigest() in body.decode()
    assert "manifest has not been uploaded" in up.commit(409)
    up.put_manifest()
    assert "'f' of the manifest has not been uploaded" in up.commit(409)
    assert http(system, "PUT", url, b"right", key=False)[0] == 200
    assert up.commit()["commitArtifact"]["artifact"]["state"] == "COMMITTED"
    assert http(system, "PUT", url, b"right", key=False)[0] == 409  # it is what it is now


def test_a_manifest_that_does_not_fit_the_digest_or_the_files_is_refused(system):
    up = Upload(system, "odd", {"f": b"other"})
    assert up.put("f") == 200
    entry = {"digest": b64_md5(b"other"), "size": 5, "birthArtifactID": up.id}
    for contents, wanted in (({"g": entry}, "digest of the uploaded manifest"), ({"f": {**entry, "size": 6}}, "has 5 bytes"),
                             ({"../f": entry}, "not a plain relative one"), ({"f": {}}, "has no digest"),
                             ({"f": {**entry, "birthArtifactID": "xxxxxxxxxxxx"}}, "has not been uploaded")):
        up.put_manifest(json.dumps({"version": 1, "contents": contents}).encode())
        got, _, body = http(system, "POST", "/graphql", json.dumps({"query": 'mutation { commitArtifact(input: {artifactID: "%s"}) { artifact { id } } }' % up.id}).encode())
        assert got in (400, 409) and wanted in body.decode(), body
    up.put_manifest(b"no JSON")
    assert "manifest" in up.commit(400)


def test_addresses_are_signed_and_the_storage_paths_want_a_key(system):
    content = {"deep/f.txt": b"0123456789"}
    up = Upload(system, "paths", content)
    assert up.put("deep/f.txt") == 200
    up.put_manifest()
    up.commit()
    url = graphql(system, '{ artifact(id: "%s") { files(names: ["deep/f.txt", "no"]) { totalCount edges { node { name directUrl sizeBytes } } } } }'
                  % up.id)["artifact"]["files"]["edges"][0]["node"]["directUrl"]
    status, headers, body = http(system, "GET", url, key=False)
    assert (status, body, headers["Content-Length"]) == (200, b"0123456789", "10")
    for wanted, part, answer in (("bytes=2-4", "bytes 2-4/10", b"234"), ("bytes=7-", "bytes 7-9/10", b"789"), ("bytes=-2", "bytes 8-9/10", b"89"),
                                 ("bytes=5-99", "bytes 5-9/10", b"56789")):
        status, headers, body = http(system, "GET", url, key=False, Range=wanted)
        assert (status, headers["Content-Range"], body) == (206, part, answer)
    assert http(system, "GET", url, key=False, Range="bytes=10-")[0] == 416
    assert http(system, "GET", url, key=False, Range="bytes=4-2")[2] == b"0123456789"
    parts = url.split("/")
    for i in (5, 6, 7, 8):  # what, until when, signature, name
        changed = parts[:i] + [("0" if parts[i][0] != "0" else "1") + parts[i][1:]] + parts[i + 1:]
        assert http(system, "GET", "/".join(changed), key=False)[0] == 403
    assert http(system, "PUT", url, b"x", key=False)[0] == 405
    hexed = hashlib.md5(b"0123456789").hexdigest()
    for path in (f"/artifactsV2/default/admin/{PROJECT}/paths/{up.id}/{hexed}/f.txt",
                 f"/artifactsV2/default/admin/{PROJECT}/paths/{up.id}/{up.id}/{hexed}/f.txt", f"/artifacts/admin/{hexed}"):
        assert http(system, "GET", path)[2] == b"0123456789"
        assert http(system, "GET", path, key=False)[0] == 401
        assert http(system, "GET", path.replace(hexed, "0" * 32))[0] == 404
    assert http(system, "GET", "/artifactsV2/../../etc/passwd")[0] == 404
    assert http(system, "GET", "/storage/objects/../../slipway.db", key=False)[0] in (403, 404)


def test_a_file_that_the_project_has_is_not_uploaded_again(system):
    first = Upload(system, "twice-a", {"f": b"the same bytes"})
    assert first.put("f") == 200
    first.put_manifest()
    first.commit()
    second = Upload(system, "twice-b", {"g": b"the same bytes"})
    assert second.declare("g")["uploadUrl"] is None
    second.put_manifest()
    assert second.commit()["commitArtifact"]["artifact"]["versionIndex"] == 0


def test_a_file_comes_in_parts(system):
    data = b"a" * 100 + b"b" * 50
    chunks = [data[:100], data[100:]]
    up = Upload(system, "parts", {"f": data})
    spec = ", ".join('{partNumber: %d, hexMD5: "%s"}' % (i + 1, hashlib.md5(chunk).hexdigest()) for i, chunk in enumerate(chunks))
    node = up.declare("f", ", uploadPartsInput: [%s]" % spec)
    urls = node["uploadMultipartUrls"]

    etags = ['\\"%s\\"' % hashlib.md5(chunk).hexdigest() for chunk in chunks]  # what the client names, in the order it was done
    done = '{partNumber: 2, hexMD5: "%s"}, {partNumber: 1, hexMD5: "%s"}' % (etags[1], etags[0])

    def complete(status=200):
        return graphql(system, """mutation { completeMultipartUploadArtifact(input: {completeMultipartAction: Complete, completedParts: [%s],
            artifactID: "%s", storagePath: "%s", uploadID: "%s"}) { digest } }""" % (done, up.id, node["storagePath"], urls["uploadID"]), status)

    assert http(system, "PUT", urls["uploadUrlParts"][0]["uploadUrl"], chunks[1], key=False)[0] == 400
    status, headers, _ = http(system, "PUT", urls["uploadUrlParts"][0]["uploadUrl"], chunks[0], key=False)
    assert status == 200 and hashlib.md5(chunks[0]).hexdigest() in headers["ETag"]
    assert "part 2 has not been uploaded" in complete(409)
    assert http(system, "PUT", urls["uploadUrlParts"][1]["uploadUrl"], chunks[1], key=False)[0] == 200
    complete()
    complete()  # a client that did not hear the answer
    up.put_manifest()
    up.commit()
    assert http(system, "GET", f"/artifacts/admin/{hashlib.md5(data).hexdigest()}")[2] == data


def test_a_long_body_without_a_signed_address_is_not_taken(system):
    status, _, _ = http(system, "PUT", "/storage/artifact-files/1/99999999999999/00/f", b"x" * (17 << 20), key=False)
    assert status in (403, 413)


def test_an_address_of_a_runs_file_is_for_one_method_and_one_file(system):
    run = '{entityName: "admin", %s: "%s", %s: "files-run"'
    graphql(system, "mutation { upsertBucket(input: %s}) { inserted } }" % (run % ("modelName", PROJECT, "name")))
    made = graphql(system, 'mutation { createRunFiles(input: %s, files: ["deep/f.txt"]}) { files { uploadUrl } } }' % (run % ("projectName", PROJECT, "runName")))
    put = made["createRunFiles"]["files"][0]["uploadUrl"]
    assert http(system, "PUT", put, b"content", key=False)[0] == 200
    files = graphql(system, '{ project(name: "%s", entityName: "admin") { run(name: "files-run") { fileCount files(names: ["deep/f.txt", "no"]) '
                    '{ edges { node { name directUrl } } } } } }' % PROJECT)["project"]["run"]
    assert files["fileCount"] == 1
    get = files["files"]["edges"][0]["node"]["directUrl"]
    status, _, body = http(system, "GET", get, key=False)
    assert (status, body) == (200, b"content")
    assert http(system, "GET", put, key=False)[0] == 403
    assert http(system, "PUT", get, b"other", key=False)[0] == 403
    assert http(system, "GET", get.replace("f.txt", "g.txt"), key=False)[0] == 403
    assert http(system, "DELETE", get, key=False)[0] == 405


def test_versions_are_linked_into_a_portfolio_and_read_back_from_it(system, logged):
    got = script(system, f"""
with wandb.init(project={PROJECT!r}) as run:
    artifact = wandb.Artifact("to-link", type="dataset")
    with artifact.new_file("x") as f:
        f.write("one")
    run.log_artifact(artifact).wait()
    first = run.link_artifact(artifact, "admin/{PROJECT}/best-data", aliases=["good"])
second = api.artifact("admin/{PROJECT}/files:best").link("admin/{PROJECT}/best-data")
again = api.artifact("admin/{PROJECT}/best-data:good")
print(json.dumps({{"first": [first.name, first.is_link], "second": second.name, "again": [again.version, again.source_name, again.is_link],
                  "latest": api.artifact("admin/{PROJECT}/best-data:latest").source_name,
                  "text": open(again.download(root="linked") + "/x").read(),
                  "linked": [a.name for a in api.artifact("admin/{PROJECT}/to-link:v0").linked_artifacts],
                  "in it": sorted(a.name for a in api.artifacts("dataset", "admin/{PROJECT}/best-data"))}}))
""")
    assert got == {"first": ["best-data:v0", True], "second": "best-data:v1", "again": ["v0", "to-link:v0", True], "latest": "files:v0",
                   "text": "one", "linked": ["best-data:v0"], "in it": ["best-data:v0", "best-data:v1"]}
    got = script(system, f"""
api.artifact("admin/{PROJECT}/best-data:v1").unlink()
said = None
try:
    api.artifact("admin/{PROJECT}/best-data:v0").link("admin/{PROJECT}/files")
except Exception as e:
    said = str(e)
print(json.dumps({{"left": [a.name for a in api.artifacts("dataset", "admin/{PROJECT}/best-data")], "said": said,
                  "source": api.artifact("admin/{PROJECT}/files:best").state}}))
""")
    assert got["left"] == ["best-data:v0"] and got["source"] == "COMMITTED"
    assert "what runs log into" in got["said"]


def test_an_increment_and_a_draft_send_what_is_new_and_are_whole_versions(system):
    first = log(system, "grows", {"a": "1", "b": "2"})
    got = script(system, f"""
import pathlib

def texts(name):
    folder = pathlib.Path(api.artifact("admin/{PROJECT}/" + name).download(root="grown-" + name.replace(":", "-")))
    return {{p.name: p.read_text() for p in folder.iterdir()}}

with wandb.init(project={PROJECT!r}) as run:
    more = wandb.Artifact("grows", type="dataset", incremental=True)
    for name, text in {{"b": "two", "c": "3"}}.items():
        with more.new_file(name) as f:
            f.write(text)
    second = run.log_artifact(more).wait()
    draft = api.artifact("admin/{PROJECT}/grows:latest").new_draft()
    draft.remove("a")
    with draft.new_file("d") as f:
        f.write("4")
    third = run.log_artifact(draft).wait()
    alone = wandb.Artifact("first-of-its-name", type="dataset", incremental=True)
    with alone.new_file("x") as f:
        f.write("x")
    run.log_artifact(alone).wait()
v1 = api.artifact("admin/{PROJECT}/grows:v1")
print(json.dumps({{"versions": [second.version, third.version], "v0": texts("grows:v0"), "v1": texts("grows:v1"), "v2": texts("grows:v2"),
                  "alone": texts("first-of-its-name:v0"), "count": v1.file_count, "digest": v1.digest == v1.manifest.digest()}}))
""")
    assert first["version"] == "v0" and got["versions"] == ["v1", "v2"]
    assert got["v0"] == {"a": "1", "b": "2"}
    assert got["v1"] == {"a": "1", "b": "two", "c": "3"} and got["count"] == 3 and got["digest"]
    assert got["v2"] == {"b": "two", "c": "3", "d": "4"}
    assert got["alone"] == {"x": "x"}


def test_references_are_kept_and_fetched_from_where_they_are(system):
    got = script(system, f"""
import functools, http.server, pathlib, threading
from google.cloud import storage
storage.Client().create_bucket("some-bucket").blob("model.bin").upload_from_string("a model")
pathlib.Path("far").mkdir()
pathlib.Path("far/far.txt").write_text("from afar")
serve = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(http.server.SimpleHTTPRequestHandler, directory="far"))
threading.Thread(target=serve.serve_forever, daemon=True).start()
with wandb.init(project={PROJECT!r}) as run:
    artifact = wandb.Artifact("elsewhere", type="dataset")
    artifact.add_reference(f"http://127.0.0.1:{{serve.server_port}}/far.txt")
    artifact.add_reference("gs://some-bucket/model.bin", name="model")
    with artifact.new_file("here") as f:
        f.write("here")
    run.log_artifact(artifact).wait()
back = api.artifact("admin/{PROJECT}/elsewhere:v0")
print(json.dumps({{"refs": {{n: t.ref and t.ref.partition(":")[0] for n, t in back.manifest.entries.items()}}, "count": back.file_count,
                  "far": open(back.get_entry("far.txt").download(root="fetched")).read(),
                  "model": open(back.get_entry("model").download(root="fetched")).read()}}))
serve.shutdown()
""", STORAGE_EMULATOR_HOST=system.emulator, GOOGLE_CLOUD_PROJECT="slipway-local")
    assert got == {"refs": {"far.txt": "http", "model": "gs", "here": None}, "count": 3, "far": "from afar", "model": "a model"}
