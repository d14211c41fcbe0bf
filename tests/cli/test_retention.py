"""`slipway admin prune`, and the server's own: bytes of deleted artifacts, history and files of old runs; on both kinds of store."""

import pathlib
import sqlite3
import sys
import time

import pytest

from harness import KEY
from test_backup import python

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres import private_server  # noqa: E402

LOG = """
import wandb
with wandb.init(project="p", id="r1", config={"lr": 0.5}, settings=wandb.Settings(silent=True)) as run:
    for i in range(20):
        run.log({"loss": 1 / (i + 1)})
    open("note.txt", "w").write("a file of a run")
    run.save("note.txt", policy="end")
    for name, texts in [("one", ["alone", "shared"]), ("two", ["shared", "other"])]:
        art = wandb.Artifact(name, "dataset")
        for text in texts:
            open(text, "w").write(text * 1000)
            art.add_file(text)
        run.log_artifact(art).wait()
"""
DELETE = """
import wandb
wandb.Api().artifact("ada/p/one:v0").delete(delete_aliases=True)
"""
AGAIN = """
import wandb
with wandb.init(project="p", id="r2", settings=wandb.Settings(silent=True)) as run:
    art = wandb.Artifact("three", "dataset")
    art.add_file("alone")
    run.log_artifact(art).wait()
api = wandb.Api()
for name in "two", "three":
    print(sorted(open(p).read() == p.rpartition("/")[2] * 1000 for p in
                 [api.artifact(f"ada/p/{name}:latest").download(root=name) + "/" + f for f in {"two": ["shared", "other"], "three": ["alone"]}[name]]))
print(api.run("ada/p/r1").summary["loss"], api.run("ada/p/r1").config["lr"])
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def options(request):
    if request.param == "sqlite":
        yield ("--data", "server")
        return
    with private_server() as url:
        yield ("--data", "server", "--db", url)


def objects(place):
    return sorted(f.stat().st_size for f in (place.folder / "server/objects").rglob("*") if f.is_file())


def test_what_is_not_kept_goes_and_what_is_named_stays(place, options):
    place.ok("admin", "user", "create", "ada", "--admin", *options, "--api-key", KEY)
    server = place.start("server", *options, "--port", "0", "--keep-files", "90d")
    place.use(server.url())
    python(place, LOG)
    before = objects(place)
    assert place.json("admin", "prune", *options) == {"runs": 0, "lines": 0, "files": 0, "artifacts": 0, "blobs": 0, "blob_bytes": 0}
    python(place, DELETE)
    time.sleep(0.01)

    would = place.json("admin", "prune", "--dry-run", "--keep-history", "1d", "--keep-files", "1d", *options)
    assert would == {"dry_run": True, "runs": 0, "lines": 0, "files": 0, "file_bytes": 0, "artifacts": 1, "artifact_files": 3}
    assert objects(place) == before
    gone = place.json("admin", "prune", *options)
    assert (gone["artifacts"], gone["blobs"]) == (1, 2), "its manifest and the file that no other has"
    assert sum(before) - sum(objects(place)) == gone["blob_bytes"] > 5000 and 6000 in objects(place)
    assert not list((place.folder / "server/objects").rglob("*.gone"))

    assert python(place, AGAIN).splitlines()[-3:] == ["[True, True]", "[True]", "0.05 0.5"], "the same bytes may come again"
    assert 5000 in objects(place)
    time.sleep(1.1)
    would = place.json("admin", "prune", "--dry-run", "--keep-history", "1s", "--keep-files", "1s", *options)
    gone = place.json("admin", "prune", "--keep-history", "1s", "--keep-files", "1s", *options)
    assert would["lines"] == gone["lines"] >= 20 and would["files"] == gone["files"] >= 2 and gone["blobs"] == 0
    assert not [f for f in (place.folder / "server/run-files").rglob("*") if f.is_file()]
    assert python(place, "import wandb; r = wandb.Api().run('ada/p/r1'); print(r.summary['loss'], r.state)").splitlines()[-1] == "0.05 finished"
    log = [r["object"] for r in place.json("admin", "audit", "list", *options) if r["what"] == "retention.prune"]
    assert len(log) == 2 and "bytes of 1 deleted artifacts in 2 files" in log[0]
    assert "is no time" in place.fails(2, "admin", "prune", "--keep-files", "soon", *options)


def test_an_artifact_that_was_never_committed_goes_after_a_week(place):
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    place.use(place.start("server", "--data", "server", "--port", "0").url())
    python(place, LOG)
    for days, counted in (6, 0), (8, 1):
        with sqlite3.connect(place.folder / "server/slipway.db") as c:
            c.execute("UPDATE artifacts SET state = 'PENDING', updated_unix_ms = ? WHERE id = 1", (int((time.time() - days * 86400) * 1000),))
        assert place.json("admin", "prune", "--dry-run", "--data", "server")["artifacts"] == counted
        gone = place.json("admin", "prune", "--data", "server")
        assert gone["artifacts"] == counted and (gone["blobs"] > 0) == (counted > 0)


def test_nothing_goes_while_a_backup_is_made(place):
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    import fcntl
    with open(place.folder / "server/backup.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "a backup is being made" in place.fails(7, "admin", "prune", "--data", "server")
        assert "another backup" in place.fails(7, "admin", "backup", "b", "--data", "server")


def test_an_upload_whose_bytes_are_taken_away_on_the_way_is_put_back(place):
    """What a pass that was killed left behind: the file is away, and dropped, and somebody has named it since."""
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
    server = place.start("server", "--data", "server", "--port", "0")
    place.use(server.url())
    python(place, LOG)
    blob = next(f for f in (place.folder / "server/objects").rglob("*") if f.is_file() and f.stat().st_size == 5000)
    blob.rename(f"{blob}.gone")
    with sqlite3.connect(place.folder / "server/slipway.db") as c:
        c.execute("INSERT INTO dropped_blobs VALUES (?, 1)", (blob.parent.name + blob.name,))
    assert place.json("admin", "prune", "--data", "server")["blobs"] == 0
    assert blob.exists() and not list(blob.parent.glob("*.gone"))
