"""`slipway admin backup`, `restore`, `copy` and `export`: what the real wandb logged is all there again, elsewhere."""

import contextlib
import hashlib
import json
import math
import pathlib
import random
import shutil
import sqlite3
import struct
import sys
import threading
import time

import pytest

from harness import KEY, QUEUE_CONFIG, make_place, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres import private_server  # noqa: E402

LOG = """
import os, wandb
with wandb.init(project="p", id="r1", config={"lr": 0.5}, settings=wandb.Settings(silent=True)) as run:
    for i in range(20):
        run.log({"loss": 1 / (i + 1)})
    open("note.txt", "w").write("a file of a run")
    run.save("note.txt", policy="end")
    art = wandb.Artifact("data", "dataset")
    open("blob", "wb").write(bytes(range(256)) * 400)
    art.add_file("blob")
    run.log_artifact(art)
"""
READ = """
import base64, json, os, urllib.request, wandb
api = wandb.Api()
note = urllib.request.Request(os.environ["WANDB_BASE_URL"] + "/files/ada/p/r1/note.txt", headers={
    "Authorization": "Basic " + base64.b64encode(b"api:" + os.environ["WANDB_API_KEY"].encode()).decode()})
run = api.run("ada/p/r1")
folder = api.artifact("ada/p/data:latest").download(root="got")
print(json.dumps({"loss": run.summary["loss"], "lr": run.config["lr"], "state": run.state,
                  "note": urllib.request.urlopen(note).read().decode(), "blob": len(open("got/blob", "rb").read())}))
"""
WANTED = {"loss": 1 / 20, "lr": 0.5, "state": "finished", "note": "a file of a run", "blob": 256 * 400}


def python(place, code):
    more = {"WANDB_ERROR_REPORTING": "false", "WANDB_DIR": str(place.home), "WANDB_CACHE_DIR": str(place.home / "cache"),
            "WANDB_CONFIG_DIR": str(place.home / "config"), "WANDB_DATA_DIR": str(place.home / "data"), "WANDB_ARTIFACT_DIR": str(place.home / "art")}
    done = place.run(sys.executable, "-c", code, timeout=90, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_back(place, *options):
    """What the real client reads from a server on these options."""
    server = place.start("server", "--port", "0", *options)
    place.use(server.url())
    shutil.rmtree(place.folder / "got", ignore_errors=True)
    shutil.rmtree(place.home / "cache", ignore_errors=True)
    found = json.loads(python(place, READ).splitlines()[-1])
    queues = [q["name"] for q in place.json("queue", "list")]
    assert server.stop() == 0
    assert queues == ["q"]
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server that wandb has logged to, at `server`, and still runs."""
    for place in make_place(tmp_path_factory, "world"):
        place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
        place.server = place.start("server", "--data", "server", "--port", "0")
        place.use(place.server.url())
        place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)
        python(place, LOG)
        yield place


@pytest.fixture(scope="module")
def database():
    with private_server() as url:
        yield url


@pytest.fixture
def schema(world, database):
    name = f"t{time.monotonic_ns()}"
    world.run("/usr/bin/psql", "-qd", database, "-c", f"CREATE SCHEMA {name}").check_returncode()
    return f"{database}&options=-csearch_path%3D{name}"


@pytest.fixture
def stopped(world, tmp_path):
    """A copy of the data folder, as a server that was stopped leaves it."""
    world.ok("admin", "backup", tmp_path / "b", "--data", "server")
    world.ok("admin", "restore", tmp_path / "b", "--data", tmp_path / "d")
    return tmp_path / "d"


def tables(db):
    """Every table's rows, in an order of their own."""
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as c:
        names = [n for (n,) in c.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        return {n: sorted(map(repr, c.execute(f"SELECT * FROM {n}"))) for n in names}


def without_log(rows):
    return {n: r for n, r in rows.items() if n not in ("audit", "meta")}


# --- backup and restore


def test_a_backup_made_while_items_are_pushed_is_of_one_moment_and_comes_back_whole(world, tmp_path):
    stop, pushed = threading.Event(), []

    def push():
        while not stop.is_set():
            pushed.append(world.launch("q", "-c", "print(1)"))

    pusher = threading.Thread(target=push)
    pusher.start()
    wait_for(lambda: len(pushed) > 2)
    made = world.json("admin", "backup", tmp_path / "b", "--data", "server")
    stop.set()
    pusher.join()
    world.ok("admin", "restore", tmp_path / "b", "--data", tmp_path / "new")
    assert made["missing"] == 0 and made["files"] >= 3
    rows = tables(tmp_path / "new/slipway.db")
    assert without_log(rows) == without_log(tables(tmp_path / "b/slipway.db"))
    items = rows["items"]
    assert 2 <= len(items) <= len(pushed) and all(item in "".join(items) for item in pushed[:2])
    assert read_back(world, "--data", tmp_path / "new") == WANTED
    assert world.json("admin", "audit", "verify", "--data", tmp_path / "new")["broken"] is None
    assert "store.restore" in world.ok("admin", "audit", "list", "--data", tmp_path / "new")
    world.use(world.server.url())


def test_a_backup_is_private_and_makes_a_folder_of_its_own(world, tmp_path):
    world.ok("admin", "backup", tmp_path / "b", "--data", "server")
    assert all(f.stat().st_mode & 0o077 == 0 for f in [tmp_path / "b", *(tmp_path / "b").rglob("*")])
    assert sorted(f.name for f in (tmp_path / "b").iterdir()) == ["backup.json", "objects", "run-files", "slipway.db"]
    assert "there already" in world.fails(7, "admin", "backup", tmp_path / "b", "--data", "server")
    assert "there is no" in world.fails(6, "admin", "backup", tmp_path / "c", "--data", "nowhere")
    assert not (tmp_path / "c").exists()


def test_what_is_not_whole_or_damaged_is_not_restored(world, tmp_path):
    world.ok("admin", "backup", tmp_path / "b", "--data", "server")
    for damage, words in [("objects", "is damaged"), ("slipway.db", "is damaged"), ("backup.json", "not finished")]:
        copy = tmp_path / f"copy-{damage}"
        shutil.copytree(tmp_path / "b", copy)
        victim = max((f for f in (copy / damage).rglob("*") if f.is_file()), default=copy / damage)
        victim.unlink() if damage == "backup.json" else victim.write_bytes(b"other bytes")
        assert words in world.fails(8, "admin", "restore", copy, "--data", tmp_path / f"new-{damage}")
        assert not (tmp_path / f"new-{damage}/slipway.db").exists()
    # what was cut short is begun again
    world.ok("admin", "restore", tmp_path / "b", "--data", tmp_path / "new-objects")
    assert "there already" in world.fails(7, "admin", "restore", tmp_path / "b", "--data", tmp_path / "new-objects")


def test_a_file_that_the_database_names_and_nobody_has_is_said(world, stopped, tmp_path):
    max((f for f in (stopped / "objects").rglob("*") if f.is_file()), key=lambda f: f.stat().st_size).unlink()
    done = world.slipway("admin", "backup", tmp_path / "b2", "--data", stopped, "-o", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["missing"] == 1
    assert "1 files that the database names are not there" in done.stderr


# --- PostgreSQL


def test_a_server_moves_to_postgresql_and_back_with_all_it_has(world, stopped, schema, tmp_path):
    was = tables(stopped / "slipway.db")
    moved = world.json("admin", "copy", "--from", stopped, "--to", schema)
    assert moved["rows"] == sum(map(len, was.values())) and moved["files"] == 0
    assert read_back(world, "--db", schema, "--data", stopped) == WANTED
    key = world.json("admin", "key", "create", "ada", "--db", schema, "--data", stopped)  # drawn numbers go on above those there
    assert key["id"] > 1
    assert world.json("admin", "audit", "verify", "--db", schema, "--data", stopped)["broken"] is None
    back = world.json("admin", "copy", "--from", schema, "--from-files", stopped, "--to", tmp_path / "back")
    assert back["files"] >= 3
    again = tables(tmp_path / "back/slipway.db")
    changed = {n for n in was if was[n] != again[n]}
    assert changed <= {"audit", "meta", "api_keys", "runs"}, "the new key and its words"
    assert read_back(world, "--data", tmp_path / "back") == WANTED
    world.use(world.server.url())


LINE = '{"tenth":0.1,"huge":1e308,"least":5e-324,"none":-0.0,"odd":9007199254740993,"nan":NaN,"up":Infinity,"down":-Infinity}'


def test_numbers_are_the_same_bits_on_either_side(world, stopped, schema, tmp_path):
    draw = random.Random(1)
    drawn = [struct.unpack(">d", draw.getrandbits(64).to_bytes(8, "big"))[0] for _ in range(3000)]
    doubles = [0.1, 1e308, -1e308, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 2.0**53, 1 / 3, 1e22, 0.0, math.inf, -math.inf,
               *(d for d in drawn if math.isfinite(d))]
    with contextlib.closing(sqlite3.connect(stopped / "slipway.db")) as c:
        c.executemany("INSERT INTO sweep_bands VALUES (1, ?, 'r', ?)", enumerate(doubles))
        c.executemany("INSERT INTO history_columns VALUES (77, 0, 1, ?, 1, 1, 0, ?, ?, '', '')", ((i, d, -d) for i, d in enumerate(doubles) if d))
        c.execute("INSERT INTO run_lines VALUES (77, 0, 9007199254740993, ?)", (LINE,))
        c.execute("UPDATE runs SET config = ?, summary = ?, history_lines = 9223372036854775807", (LINE, LINE))
        c.commit()
    world.ok("admin", "copy", "--from", stopped, "--to", schema)
    bits = world.run("/usr/bin/psql", "-Atd", schema, "-c", "SELECT encode(float8send(metric), 'hex') FROM sweep_bands ORDER BY band").stdout.split()
    assert bits == [struct.pack(">d", d).hex() for d in doubles]
    world.ok("admin", "copy", "--from", schema, "--to", tmp_path / "back")
    there, back = without_log(tables(stopped / "slipway.db")), without_log(tables(tmp_path / "back/slipway.db"))
    assert len(there["sweep_bands"]) == len(doubles) and LINE in there["run_lines"][-1] + there["run_lines"][0]
    assert there == back, "repr() of a double tells it from all others"


def test_a_copy_is_refused_before_anything_is_done(world, stopped, schema):
    assert "is in use by another server" in world.fails(7, "admin", "copy", "--from", "server", "--to", schema)
    world.ok("admin", "user", "create", "eve", "--data", stopped, "--db", schema)
    line = world.fails(7, "admin", "copy", "--from", stopped, "--to", schema)
    assert "the target is not empty" in line and "nothing was copied" in line
    assert "--to is missing" in world.fails(2, "admin", "copy", "--from", stopped)
    with contextlib.closing(sqlite3.connect(stopped / "slipway.db")) as c:
        c.execute("PRAGMA user_version=999")
    assert "format 999" in world.fails(14, "admin", "copy", "--from", stopped, "--to", schema)


def test_a_copy_that_is_killed_leaves_nothing_there_and_is_begun_again(world, stopped, schema):
    with contextlib.closing(sqlite3.connect(stopped / "slipway.db")) as c:
        c.executemany("INSERT INTO run_lines VALUES (999, 0, ?, 'a line')", ((i,) for i in range(200000)))
        c.commit()
    copy = world.start("admin", "copy", "--from", stopped, "--to", schema)

    def at_work():
        return "INSERT INTO \"run_lines" in world.run("/usr/bin/psql", "-qtd", schema, "-c", "SELECT query FROM pg_stat_activity").stdout

    wait_for(at_work)
    copy.kill()
    wait_for(lambda: not at_work())
    assert world.run("/usr/bin/psql", "-qtd", schema, "-c", "SELECT count(*) FROM run_lines").stdout.strip() == "0"
    assert world.json("admin", "copy", "--from", stopped, "--to", schema)["rows"] > 200000


def test_a_copy_that_meets_a_row_postgresql_refuses_leaves_nothing_there(world, stopped, schema):
    with contextlib.closing(sqlite3.connect(stopped / "slipway.db")) as c:
        c.execute("UPDATE users SET email = 'a' || char(0) || 'b'")
        c.commit()
    assert "table users" in world.fails(14, "admin", "copy", "--from", stopped, "--to", schema)
    assert world.ok("admin", "user", "list", "--db", schema, "--data", stopped) == ""


def test_a_backup_of_postgresql_is_restored_into_either(world, stopped, schema, database, tmp_path):
    world.ok("admin", "copy", "--from", stopped, "--to", schema)
    made = world.json("admin", "backup", tmp_path / "pg", "--data", stopped, "--db", schema)
    assert made["rows"] > 20 and made["files"] >= 3
    assert sorted(f.name for f in (tmp_path / "pg").iterdir()) == ["backup.json", "objects", "run-files", "slipway.db"]
    world.ok("admin", "restore", tmp_path / "pg", "--data", tmp_path / "lite")
    assert read_back(world, "--data", tmp_path / "lite") == WANTED
    world.run("/usr/bin/psql", "-qd", database, "-c", "CREATE SCHEMA other").check_returncode()
    other = f"{database}&options=-csearch_path%3Dother"
    world.ok("admin", "restore", tmp_path / "pg", "--data", tmp_path / "two", "--db", other)
    assert read_back(world, "--db", other, "--data", tmp_path / "two") == WANTED
    assert not list((tmp_path / "two").glob("slipway.db*"))
    world.use(world.server.url())


# --- export


def test_an_export_has_all_rows_and_nothing_that_opens_something(world, stopped, schema):
    world.ok("admin", "copy", "--from", stopped, "--to", schema)
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    for options in (), ("--db", schema):
        text = world.ok("admin", "export", "--data", stopped, *options)
        head, *lines, end = map(json.loads, text.splitlines())
        assert head["slipway_export"] == 1 and {"api_keys.hash", "sessions.hash", "sessions.sign_in"} <= set(head["withheld"])
        assert end["end"] is True and sum(end["rows"].values()) == len(lines)
        rows = {}
        for line in lines:
            rows.setdefault(line["table"], []).append(line["row"])
        assert {n: len(r) for n, r in rows.items()} == {n: c for n, c in end["rows"].items() if c}
        assert rows["users"][0]["username"] == "ada" and len(rows["run_lines"]) >= 20
        assert [r["key"] for r in rows["meta"]] == ["audit_head"]
        assert all(r["hash"] is None and r["lookup"] is None for r in rows["api_keys"])
        assert digest not in text and KEY not in text
