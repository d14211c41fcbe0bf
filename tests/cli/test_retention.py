"""`slipway admin prune`, and the server's own: bytes of deleted artifacts, history and files of old runs; on both kinds of store."""

import contextlib
import hashlib
import random
import re
import sqlite3
import time

import pytest

from harness import KEY, wait_for
from test_backup import python

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
DELETE_RUN = """
import wandb
wandb.Api().run("ada/p/r1").delete()
try:
    wandb.Api().run("ada/p/r1").load()
except Exception:
    print("not found")
print(len(wandb.Api().runs("ada/p")))
with wandb.init(project="p", id="r1", settings=wandb.Settings(silent=True)) as run:
    run.log({"loss": 7})
run = wandb.Api().run("ada/p/r1")
print([row["loss"] for row in run.scan_history()], [f.name for f in run.files() if f.name == "note.txt"], dict(run.config))
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


def objects(place):
    return sorted(f.stat().st_size for f in (place.folder / "server/objects").rglob("*") if f.is_file())


def test_what_is_not_kept_goes_and_what_is_named_stays(place, options):
    place.ok("admin", "user", "create", "ada", "--admin", *options, "--api-key", KEY)
    server = place.start("server", *options, "--port", "0", "--keep-files", "90d")
    place.use(server.url())
    python(place, LOG)
    before = objects(place)
    assert place.json("admin", "prune", *options) == {"runs": 0, "lines": 0, "files": 0, "versions": 0, "artifacts": 0, "blobs": 0, "blob_bytes": 0}
    python(place, DELETE)
    time.sleep(0.01)

    would = place.json("admin", "prune", "--dry-run", "--keep-history", "1d", "--keep-files", "1d", *options)
    assert would == {"dry_run": True, "runs": 0, "lines": 0, "files": 0, "file_bytes": 0, "versions": 0, "version_bytes": 0, "deleted_runs": 0,
                     "artifacts": 1, "artifact_files": 3, "policies": []}
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
    assert [(p["entity"], p["project"], p["what"], p["keep"]) for p in would["policies"]] == [(None, None, "history", "1s"), (None, None, "files", "1s")]
    assert would["lines"] == gone["lines"] >= 20 and would["files"] == gone["files"] >= 2 and gone["blobs"] == 0
    assert not [f for f in (place.folder / "server/run-files").rglob("*") if f.is_file()]
    assert python(place, "import wandb; r = wandb.Api().run('ada/p/r1'); print(r.summary['loss'], r.state)").splitlines()[-1] == "0.05 finished"
    log = [r["object"] for r in place.json("admin", "audit", "list", *options) if r["what"] == "retention.prune"]
    assert len(log) == 2 and "bytes of 1 deleted artifacts in 2 files" in log[0]
    assert "is no time" in place.fails(2, "admin", "prune", "--keep-files", "soon", *options)


def test_a_run_that_is_deleted_is_gone_at_once_and_its_lines_and_files_with_the_next_pass(place, options):
    place.ok("admin", "user", "create", "ada", "--admin", *options, "--api-key", KEY)
    place.use(place.start("server", *options, "--port", "0").url())
    python(place, LOG)
    files = {f for f in (place.folder / "server/run-files").rglob("*") if f.is_file()}
    assert python(place, DELETE_RUN).splitlines()[-3:] == ["not found", "0", "[7] [] {}"], "nothing of the old one is in the new one of its name"
    would = place.json("admin", "prune", "--dry-run", *options)
    assert would["deleted_runs"] == 1 and would["policies"] == []
    gone = place.json("admin", "prune", *options)
    assert gone["runs"] == 1 and gone["lines"] >= 20 and gone["files"] == len(files) >= 2
    assert not any(f.exists() for f in files)
    assert place.json("admin", "prune", "--dry-run", *options)["deleted_runs"] == 0
    assert not any(place.json("admin", "prune", *options).values())
    run = "r = wandb.Api().run('ada/p/r1'); print(r.summary['loss'], wandb.Api().artifact('ada/p/two:v0').size > 0)"
    assert python(place, "import wandb; " + run).splitlines()[-1] == "7 True"


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


# --- policies, and the server's own passes

RUNS, LINES, VERSIONS = 30, 2500, 30
SEED = f"""
INSERT INTO projects (entity_id, name, created_unix_ms) SELECT id, 'kept', 1 FROM entities WHERE name = 'ada';
INSERT INTO projects (entity_id, name, created_unix_ms) SELECT id, 'short', 1 FROM entities WHERE name = 'ada';
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {RUNS})
    INSERT INTO runs (project_id, name, state, user_id, created_unix_ms, heartbeat_unix_ms, history_lines)
    SELECT p.id, 'r' || i, CASE WHEN i = 1 THEN 'running' ELSE 'finished' END, 1, 1, 1, {LINES} FROM n, projects p WHERE p.name IN ('kept', 'short');
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {LINES - 1})
    INSERT INTO run_lines (run_id, stream, line, text) SELECT r.id, 0, i, '{{}}' FROM n, runs r;
INSERT INTO run_files (run_id, name, size_bytes, updated_unix_ms) SELECT id, 'f', 1, 1 FROM runs;
INSERT INTO artifact_types (project_id, name, created_unix_ms) SELECT id, 'dataset', 1 FROM projects WHERE name = 'short';
INSERT INTO collections (uid, project_id, type_id, name, created_unix_ms, updated_unix_ms)
    SELECT 'c', project_id, id, 'data', 1, 1 FROM artifact_types WHERE name = 'dataset';
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {VERSIONS - 1})
    INSERT INTO artifacts (uid, collection_id, project_id, state, version, digest, user_id, created_unix_ms, updated_unix_ms)
    SELECT 'a' || i, id, project_id, 'COMMITTED', i, 'd', 1, 1, 1 FROM n, collections;
INSERT INTO collection_members (collection_id, artifact_id, version, created_unix_ms) SELECT collection_id, id, version, 1 FROM artifacts;
INSERT INTO artifact_aliases (collection_id, alias, artifact_id) SELECT collection_id, 'v' || version, id FROM artifacts;
INSERT INTO artifact_aliases (collection_id, alias, artifact_id) SELECT collection_id, 'best', id FROM artifacts WHERE version = 3;
"""


class Store:
    """A server's folder and database with old runs and versions, in project `kept` and, the same, in `short`."""

    def __init__(self, place, url):
        self.place, self.url, self.root = place, url, place.folder / "server"
        self.options = ("--data", "server", *(("--db", url) if url else ()))
        place.ok("admin", "user", "create", "ada", "--admin", *self.options, "--api-key", KEY)
        self.sql(SEED)
        for run in self.column("SELECT id FROM runs"):
            file = self.run_file(run)
            file.parent.mkdir(parents=True)
            file.write_text("x")
        blobs = []
        for version, artifact in enumerate(self.column("SELECT id FROM artifacts ORDER BY version")):
            for text in "shared", f"of {version}":
                sha = hashlib.sha256(text.encode()).hexdigest()
                blob = self.blob(sha)
                blob.parent.mkdir(parents=True, exist_ok=True)
                blob.write_text(text)
                blobs.append(f"({artifact}, 0, '{text}', 'm', '{sha}', 1, 1)")
        self.sql("INSERT INTO artifact_files (artifact_id, is_manifest, name, md5, sha256, size_bytes, created_unix_ms) VALUES " + ", ".join(blobs))

    def sql(self, text):
        if self.url:
            self.place.run("/usr/bin/psql", "-qv", "ON_ERROR_STOP=1", "-d", self.url, stdin=text).check_returncode()
        else:
            with contextlib.closing(sqlite3.connect(self.root / "slipway.db", timeout=20)) as c:
                c.executescript(text)

    def column(self, query):
        if self.url:
            done = self.place.run("/usr/bin/psql", "-Atd", self.url, "-c", query)
            done.check_returncode()
            return done.stdout.split()
        with contextlib.closing(sqlite3.connect(f"file:{self.root}/slipway.db?mode=ro", uri=True, timeout=20)) as c:
            return [str(v) for (v,) in c.execute(query)]

    def run_file(self, run):
        return self.root / "run-files" / run / hashlib.sha256(b"f").hexdigest()

    def blob(self, sha):
        return self.root / "objects" / sha[:2] / sha[2:]

    def left(self):
        """Runs that still have lines, and that have files; versions."""
        of_runs = "SELECT r.name || p.name FROM runs r JOIN projects p ON p.id = r.project_id WHERE EXISTS (SELECT 1 FROM {} x WHERE x.run_id = r.id)"
        return (set(self.column(of_runs.format("run_lines"))), set(self.column(of_runs.format("run_files"))),
                set(self.column("SELECT version FROM artifacts WHERE state = 'COMMITTED'")))

    def check(self):
        """What the database names is on the disk, and nothing of a step that was cut short is left."""
        assert all(self.run_file(run).exists() for run in self.column("SELECT run_id FROM run_files"))
        assert all(self.blob(sha).exists() for sha in self.column("SELECT sha256 FROM artifact_files"))

    def say(self):
        self.place.ok("admin", "retention", "set", "ada", "--keep-history", "forever", "--keep-files", "36500d", *self.options)
        self.place.ok("admin", "retention", "set", "ada/short", "--keep-history", "1d", "--keep-files", "1d", "--keep-artifacts", "1d", *self.options)


KEPT_RUNS = {f"r{i}kept" for i in range(1, RUNS + 1)} | {"r1short"}


@pytest.fixture
def store(place, options):
    return Store(place, options[3] if "--db" in options else None)


def test_policies_are_said_shown_and_taken_back(place, options):
    place.ok("admin", "user", "create", "ada", "--admin", *options, "--api-key", KEY)
    assert place.json("admin", "retention", "show", *options) == []
    place.ok("admin", "retention", "set", "ada", "--keep-history", "90d", *options)
    registry = {"entity": "ada", "project": "model-registry", "history": "forever", "files": "36h", "artifacts": None}
    assert place.json("admin", "retention", "set", "ada/model-registry", "--keep-history", "forever", "--keep-files", "36h", *options) == [registry]
    assert place.json("admin", "retention", "show", *options) == [
        {"entity": "ada", "project": None, "history": "90d", "files": None, "artifacts": None}, registry]
    assert re.search(r"^ada/model-registry +forever +36h +-$", place.ok("admin", "retention", "show", "ada", *options), re.M)
    assert place.json("admin", "retention", "set", "ada/model-registry", "--keep-files", "default", *options)[0]["files"] is None
    assert place.json("admin", "retention", "clear", "ada/model-registry", *options) == []
    assert "ada/nothing: the project does not exist" in place.fails(6, "admin", "retention", "set", "ada/nothing", "--keep-files", "1d", *options)
    assert "--keep-history" in place.fails(2, "admin", "retention", "set", "ada", *options)
    assert "is no time" in place.fails(2, "admin", "retention", "set", "ada", "--keep-files", "default1", *options)
    assert "is no time" in place.fails(2, "admin", "prune", "--keep-files", "default", *options)
    said = [r["detail"] for r in place.json("admin", "audit", "list", *options) if r["what"] == "retention.set"]
    assert len(said) == 4 and said[-1].endswith("-> history -, files -, artifacts -")


def test_a_dry_run_says_what_goes_by_which_policy_and_a_pass_does_that(store):
    place = store.place
    store.say()
    would = place.json("admin", "prune", "--dry-run", *store.options)
    short = {"entity": "ada", "project": "short", "keep": "1d"}
    assert would["policies"] == [{**short, "what": "history", "runs": RUNS - 1, "lines": (RUNS - 1) * LINES},
                                 {**short, "what": "files", "runs": RUNS - 1, "files": RUNS - 1, "bytes": RUNS - 1},
                                 {**short, "what": "artifacts", "runs": 0, "versions": VERSIONS - 1, "bytes": 0}]
    assert "by the policy of ada/short, files 1d: 29 files of runs with 29 bytes.\n" in place.ok("admin", "prune", "--dry-run", *store.options)
    gone = place.json("admin", "prune", *store.options)
    assert (gone["lines"], gone["files"], gone["versions"]) == ((RUNS - 1) * LINES, RUNS - 1, VERSIONS - 1)
    assert store.left() == (KEPT_RUNS, KEPT_RUNS, {"3"})
    store.check()
    assert place.json("admin", "prune", "--dry-run", *store.options)["policies"] == []
    assert place.json("admin", "audit", "verify", *store.options)["broken"] is None


def test_a_servers_own_passes_are_killed_anywhere_and_end_where_one_that_lives_does(store):
    """Two servers at once on PostgreSQL. An hour after it was deleted the bytes of a version go: here it was long ago."""
    place, ends, seed = store.place, random.Random(7), time.monotonic()
    store.say()
    done, kills = False, 0
    while not done:
        assert time.monotonic() < seed + 60
        servers = [place.start("server", *store.options, "--port", "0", "--prune-every", "20ms") for _ in range(2 if store.url else 1)]
        servers[-1].url()
        if kills < 8:
            time.sleep(ends.uniform(0, 0.25))
        else:
            wait_for(lambda: store.left() == (KEPT_RUNS, KEPT_RUNS, {"3"}))
            store.sql("UPDATE artifacts SET updated_unix_ms = 1 WHERE state = 'DELETED'")
            wait_for(lambda: not store.column("SELECT sha256 FROM dropped_blobs") and not store.column("SELECT 1 FROM artifacts WHERE emptied <> 1 AND state = 'DELETED'"))
            done = True
        kills += 1
        for s in servers:
            s.kill()
        if kills == 4:
            store.sql("UPDATE artifacts SET updated_unix_ms = 1 WHERE state = 'DELETED'")
    assert store.left() == (KEPT_RUNS, KEPT_RUNS, {"3"})
    store.check()
    place.json("admin", "prune", *store.options)
    assert {f.read_text() for f in (store.root / "objects").rglob("*") if f.is_file()} == {"shared", "of 3"}
    assert len([f for f in (store.root / "run-files").rglob("*") if f.is_file()]) == len(KEPT_RUNS)
    assert place.json("admin", "audit", "verify", *store.options)["broken"] is None


def test_up_keeps_what_it_is_told_to(place):
    assert "is no time" in place.fails(2, "up", "--data", "up", "--keep-files", "soon")
    assert "--keep-artifacts TIME" in place.ok("help", "up")
