"""`-o json` of every verb is one JSON document on standard output, with keys that programs may rely on."""

import json

import pytest

from harness import KEY, QUEUE_CONFIG


@pytest.fixture(scope="module")
def item(up):
    return up.place.item_at_end(up.place.launch("q", "-c", "print(1)"))


def test_launch(up):
    assert list(up.place.json("launch", "-q", "q", "-d", "docker.io/library/python:3", "--", "-c", "pass")) == ["item"]


def test_launch_wait_gives_what_items_show_gives(up, item):
    waited = up.place.json("launch", "-q", "q", "-d", "docker.io/library/python:3", "--wait", "--", "-c", "pass")

    assert list(waited) == list(item)
    assert waited["state"] == "FINISHED"


def test_items_show(item):
    assert list(item) == ["id", "state", "associatedRunId", "createdAt", "updatedAt", "createdBy", "stopAsked", "runSpec",
                          "queue", "error", "warnings", "history"]
    assert list(item["queue"]) == ["name", "entityName"]
    assert all(list(event) == ["at", "state", "by", "note"] for event in item["history"])


def test_items(up, item):
    listed = up.place.json("items", "q")

    assert list(listed) == ["totalCount", "edges"]
    assert list(listed["edges"][0]["node"]) == ["id", "state", "associatedRunId", "createdAt", "updatedAt", "createdBy", "error"]
    assert item["id"] in [edge["node"]["id"] for edge in listed["edges"]]


def test_queue_verbs(up):
    made = up.place.json("queue", "create", "json", "--config", QUEUE_CONFIG)
    listed = up.place.json("queue", "list")
    shown = up.place.json("queue", "show", "json")
    deleted = up.place.json("queue", "delete", "json")

    assert {"entityName", "queueName", "resourceType", "resourceConfig"} <= set(made)
    assert list(listed[0]) == ["id", "name", "createdBy", "access"]
    assert list(shown) == ["id", "name", "access", "prioritizationMode", "defaultResourceConfigID", "externalLinks", "resourceConfig"]
    assert list(shown["resourceConfig"]) == ["config", "resource", "templateVariables"]
    assert deleted == {"deleteRunQueues": {"success": True}}


def test_logs_are_a_document_a_line(up, item):
    lines = up.place.ok("logs", item["id"], "-o", "json").splitlines()

    assert lines
    assert all(list(json.loads(line)) == ["timestamp", "severity", "task", "text", "item"] for line in lines)


def test_stop(up, item):
    up.place.ok("queue", "create", "nobody-takes", "--config", QUEUE_CONFIG)
    waiting = up.place.launch("nobody-takes", "-c", "pass")

    assert up.place.json("stop", waiting) == {"stopRunQueueItem": {"success": True}}
    assert up.place.item(waiting)["state"] == "STOPPED"
    assert up.place.json("stop", waiting) == {"stopRunQueueItem": {"success": True}}  # it is what was asked for
    assert "has ended already" in up.place.fails(7, "stop", item["id"])


def test_login(up):
    assert list(up.place.json("login", up.key)) == ["username", "url", "saved"]


def test_admin_verbs(place):
    assert place.json("admin", "user", "create", "ada", "--data", "d", "--api-key", KEY) == {"username": "ada", "api_key": KEY}
    assert place.json("admin", "team", "create", "vision", "--member", "ada", "--data", "d") == {"team": "vision"}


def test_version(place):
    assert list(place.json("version")) == ["version"]


def test_a_failure_prints_nothing_on_standard_output(up):
    assert up.place.fails(6, "items", "nix", "-o", "json")
