"""Runs that are rewound (resume_from) and forked (fork_from) by the wandb package, of each release."""

import base64
import json
import os
import urllib.request

import pytest

from clients import RELEASES, Client, record
from test_clients import refused

READ = """
def look(name):
    run = wandb.Api(overrides={"base_url": os.environ["WANDB_BASE_URL"]}).run(f"admin/{os.environ['WANDB_PROJECT']}/{name}")
    return {"steps": [r["_step"] for r in run.scan_history()], "a": [r["a"] for r in run.scan_history(keys=["_step", "a"])],
            "pages": [r["_step"] for r in run.scan_history(page_size=7)], "history": [r["_step"] for r in run.history(pandas=False)],
            "sampled": [r["a"] for r in run.history(pandas=False, keys=["a"])], "last": run.lastHistoryStep, "state": run.state,
            "summary": {k: v for k, v in run.summary.items() if not k.startswith("_") or k == "_step"}, "config": dict(run.config)}
def at(run):
    return {"id": run.id, "resumed": run.resumed, "starting": run.starting_step, "config": dict(run.config)}
def refused(**how):
    try:
        wandb.init(**how).finish()
    except Exception as e:
        return str(e)
    return None
"""
PARENT = """
with wandb.init(id="parent", config={"lr": 0.1, "seed": 7}) as run:
    for i in range(50):
        run.log({"a": i, **({"once": "early"} if i == 5 else {}), **({"late": 1} if i == 40 else {})})
print(json.dumps(look("parent")))
"""
REWIND = """
with wandb.init(resume_from="parent?_step=20", config={"lr": 0.2}) as run:
    began, seen = at(run), look("parent")
    for i in range(21, 41):
        run.log({"a": 100 + i})
print(json.dumps({"began": began, "seen": seen, "after": look("parent")}))
"""
FORK = """
with wandb.init(id="fork", fork_from="parent?_step=20", config={"lr": 0.3}) as run:
    began, seen = at(run), look("fork")
    for i in range(21, 41):
        run.log({"a": 200 + i}, step=i)
print(json.dumps({"began": began, "seen": seen, "after": look("fork"), "parent": look("parent")}))
"""
AGAIN = """
with wandb.init(id="fork", resume="must") as run:
    began = at(run)
    run.log({"a": 300})
print(json.dumps({"began": began, "after": look("fork")}))
"""
BACK = """
with wandb.init(resume_from="fork?_step=9") as run:
    run.log({"a": 400})
print(json.dumps({"fork": look("fork"), "parent": look("parent")}))
"""
BETWEEN = """
wandb.init(id="taken").finish()
with wandb.init(id="sparse") as run:
    for i in range(0, 50, 10):
        run.log({"a": i}, step=i)
with wandb.init(resume_from="sparse?_step=25") as run:
    began = at(run)
    run.log({"a": 1000})
print(json.dumps({"began": began, "after": look("sparse")}))
"""
REFUSED = """
print(json.dumps({name: refused(**how) for name, how in {
    "rewind beyond": dict(resume_from="parent?_step=70"), "rewind unknown": dict(resume_from="nobody?_step=7"),
    "rewind negative": dict(resume_from="sparse?_step=-3"), "rewind NaN": dict(resume_from="fork?_step=nan"),
    "rewind metric": dict(resume_from="parent?loss=3"), "fork beyond": dict(fork_from="parent?_step=70"),
    "fork unknown": dict(fork_from="nobody?_step=7"), "fork negative": dict(fork_from="parent?_step=-3"),
    "fork NaN": dict(fork_from="parent?_step=nan"), "fork itself": dict(id="parent", fork_from="parent?_step=3"),
    "fork taken": dict(id="taken", fork_from="parent?_step=3"),
}.items()} | {"parent": look("parent")}))
"""


STEPS = {"parent": PARENT, "fork": FORK, "again": AGAIN, "back": BACK, "between": BETWEEN, "refused": REFUSED, "rewind": REWIND}


@pytest.fixture(scope="module", params=RELEASES)
def client(request, system):
    c = Client(system, request.param, "branches")
    c.found = {name: c.script(READ + code) for name, code in STEPS.items()}
    yield c
    c.close()


def same(found, steps, values):
    """Each step once, in every way to read them."""
    assert found["steps"] == found["history"] == found["pages"] == list(steps)
    assert found["a"] == found["sampled"] == list(values)
    assert found["last"] == steps[-1]


def test_a_rewound_run_has_the_old_steps_and_the_new_ones_once_each(client):
    found = client.found["rewind"]
    same(client.found["parent"], range(50), range(50))
    same(found["seen"], range(21), range(21))
    same(found["after"], range(41), [*range(21), *range(121, 141)])


def test_a_rewound_run_goes_on_behind_the_step(client):
    found = client.found["rewind"]
    assert found["began"] == {"id": "parent", "resumed": False, "starting": 21, "config": {"lr": 0.2, "seed": 7}}
    assert (found["seen"]["state"], found["after"]["state"]) == ("running", "finished")
    assert found["after"]["config"] == {"lr": 0.2, "seed": 7}


def test_the_summary_of_a_rewound_run_is_what_was_logged_last(client):
    found = client.found["rewind"]
    assert client.found["parent"]["summary"] == {"_step": 49, "a": 49, "once": "early", "late": 1}
    assert found["seen"]["summary"] == {"_step": 20, "a": 20, "once": "early"}
    assert found["after"]["summary"] == {"_step": 40, "a": 140, "once": "early"}


def test_a_fork_has_its_parents_steps_and_its_own_once_each(client):
    found = client.found["fork"]
    same(found["seen"], range(21), range(21))
    same(found["after"], range(41), [*range(21), *range(221, 241)])
    assert found["began"] == {"id": "fork", "resumed": False, "starting": 21, "config": {"lr": 0.3}}
    assert found["seen"]["summary"] == {"_step": 20, "a": 20, "once": "early"}
    assert found["after"]["summary"] == {"_step": 40, "a": 240, "once": "early"}


def test_the_parent_of_a_fork_stays_what_it_is(client):
    assert client.found["fork"]["parent"] == client.found["parent"]
    assert client.found["back"]["parent"] == client.found["parent"]
    assert client.found["refused"]["parent"] == client.found["parent"]


def test_a_fork_is_resumed_and_rewound_as_any_run(client):
    found = client.found["again"]
    assert (found["began"]["resumed"], found["began"]["starting"]) == (True, 41)
    same(found["after"], range(42), [*range(21), *range(221, 241), 300])
    same(client.found["back"]["fork"], range(11), [*range(10), 400])


def test_a_step_between_two_that_were_logged_ends_the_run_at_the_first(client):
    found = client.found["between"]
    assert found["began"]["starting"] == 26
    same(found["after"], [0, 10, 20, 26], [0, 10, 20, 1000])


def test_what_cannot_be_rewound_is_said(client):
    found = client.found["refused"]
    assert "run 'parent' cannot be rewound to step 70: it has no step 70: its last one is 49" in found["rewind beyond"]
    assert f"run 'nobody' does not exist in project '{client.project}' of entity 'admin'" in found["rewind unknown"]
    assert "-3 is no step: they count from 0" in found["rewind negative"]
    assert "NaN" in found["rewind NaN"] and "_step" in found["rewind metric"]  # the client's own words


def test_what_cannot_be_forked_is_said(client):
    found = client.found["refused"]
    assert "run 'parent' cannot be forked: it has no step 70: its last one is 49" in found["fork beyond"]
    assert "run 'nobody' cannot be forked: it does not exist in the project of the new run" in found["fork unknown"]
    assert "-3 is no step: they count from 0" in found["fork negative"]
    assert "_wandb.branch_point of the config has no number as its step" in found["fork NaN"]
    assert "run 'taken' is there already" in found["fork taken"]
    assert "resume_from" in found["fork itself"]  # the client's own words


def test_a_client_from_before_that_posts_on_is_answered_and_not_listened_to(client):
    lines = ["wandb-history.jsonl", [json.dumps({"_step": 50, "a": -1})]], ["wandb-summary.json", [json.dumps({"a": -1})]]
    body = {"files": {name: {"offset": 50 if "history" in name else 0, "content": content} for name, content in lines}, "complete": True}
    request = urllib.request.Request(f"{client.system.url}/files/admin/{client.project}/parent/file_stream", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    request.add_header("Authorization", "Basic " + base64.b64encode(f"api:{client.system.key}".encode()).decode())
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert reply.status == 200
    assert client.script(READ + 'print(json.dumps(look("parent")))') == client.found["rewind"]["after"]


def test_a_rewind_is_in_the_audit_log(client):
    done = client.system.slipway("admin", "audit", "list", "--data", client.system.folder / "state/server", "-o", "json")
    assert f"run admin/{client.project}/parent" in done.stdout and "to step 20: 21 of 50 lines stay" in done.stdout


def test_what_it_sent_is_valid_to_graphql_js(client):
    sent = client.documents()
    if "SLIPWAY_RECORD" in os.environ:
        record(client.release, sent)
    assert any("rewindRun" in document for document in sent)
    assert refused(sent) == {}
