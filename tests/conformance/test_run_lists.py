"""Runs found and ordered by wandb.Api().runs(), and projects by wandb.Api().projects(), of each release."""

import json

import pytest

from clients import RELEASES, Client, ask

UPSERT = """mutation($name: String!, $project: String!, $group: String, $tags: [String!], $config: JSONString, $summary: JSONString) {
    upsertBucket(input: {name: $name, modelName: $project, entityName: "admin", groupName: $group, tags: $tags, config: $config,
    summaryMetrics: $summary}) { inserted } }"""
READ = """
def names(filters=None, order="+created_at", **more):
    return " ".join(r.id for r in api.runs("admin/lists", filters=filters, order=order, **more))
def refused(filters):
    try:
        names(filters)
    except Exception as e:
        return str(e)
print(json.dumps({
    "all": names(), "newest": names(order="-created_at"), "pages": names(per_page=2), "counted": len(api.runs("admin/lists", {"group": "odd"})),
    "lr": names({"config.lr": {"$gt": 0.25}}), "lr value": names({"config.lr.value": 0.3}), "tags": names({"tags": {"$in": ["t1", "t3"]}}),
    "or": names({"$or": [{"group": "even"}, {"summary_metrics.loss": {"$lt": 0.3}}]}), "regex": names({"display_name": {"$regex": "^r[12]$"}}),
    "best": names(order="-summary_metrics.loss"), "worst": names(order="+summary_metrics.loss", per_page=2),
    "by config": names({"group": "odd"}, order="-config.lr.value", per_page=1), "state": names({"state": "running"}),
    "since": names({"createdAt": {"$gt": "2020-01-01T00:00:00Z"}}), "never": names({"created_at": {"$lt": "2020-01-01"}}),
    "refused": refused({"colour": "red"}), "projects": [p.name for p in api.projects("admin") if p.name.startswith("list")],
}))
"""


@pytest.fixture(scope="module")
def runs(system):
    """r0 to r4: lr 0.1 to 0.5, loss from 0.5 down, but r4 has none; groups by their numbers."""
    for i in range(5):
        ask(system, UPSERT, {"name": f"r{i}", "project": "lists", "group": ["even", "odd"][i % 2], "tags": [f"t{i}"],
                             "config": json.dumps({"lr": {"value": round(0.1 * (i + 1), 1)}}),
                             "summary": json.dumps({"loss": round(0.5 - 0.1 * i, 1)} if i < 4 else {})})


@pytest.fixture(scope="module", params=RELEASES)
def found(request, system, runs):
    client = Client(system, request.param)
    yield client.script(READ)
    client.close()


def test_runs_come_in_the_order_of_their_age(found):
    assert (found["all"], found["newest"], found["pages"]) == ("r0 r1 r2 r3 r4", "r4 r3 r2 r1 r0", "r0 r1 r2 r3 r4")


def test_filters_find_what_they_say(found):
    assert (found["lr"], found["lr value"]) == ("r2 r3 r4", "r2")
    assert (found["tags"], found["or"], found["regex"]) == ("r1 r3", "r0 r2 r3 r4", "r1 r2")
    assert (found["state"], found["since"], found["never"]) == ("r0 r1 r2 r3 r4", "r0 r1 r2 r3 r4", "")
    assert found["counted"] == 2


def test_runs_are_ordered_by_a_metric_or_a_setting(found):
    assert (found["best"], found["worst"], found["by config"]) == ("r0 r1 r2 r3 r4", "r3 r2 r1 r0 r4", "r3 r1")


def test_a_field_that_runs_do_not_have_is_named(found):
    assert 'runs have no field "colour"' in found["refused"] or "400 Client Error" in found["refused"]  # 0.25 drops the words


def test_projects_are_listed(found):
    assert found["projects"] == ["lists"]
