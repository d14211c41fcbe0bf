"""Artifacts by the unmodified wandb package: its runs log and use them, its API and CLI read them back."""

import hashlib
import json

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
