"""The server's schema before the reference implementation of GraphQL, npm's graphql."""

import json
import subprocess

import pytest

from clients import ask
from conftest import ROOT

CHECK = ROOT / "tests/graphql-js/check.mjs"
SDL = (ROOT / "src/server/schema.graphql").read_text()


def graphql_js(sdl=SDL, introspection=None, operations=()):
    request = {"sdl": sdl, "introspection": introspection, "operations": list(operations)}
    done = subprocess.run(["node", CHECK], input=json.dumps(request), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def introspection(system):
    query = subprocess.run(["node", CHECK, "query"], capture_output=True, text=True, timeout=60, check=True).stdout
    return ask(system, query)


def test_the_schema_is_valid():
    assert graphql_js()["errors"] == []


def test_a_broken_schema_would_be_noticed():
    assert "Nowhere" in graphql_js(SDL.replace("viewer: User", "viewer: Nowhere"))["errors"][0]


def test_introspection_builds_the_schema_of_the_file(introspection):
    assert graphql_js(introspection=introspection)["difference"] is None


def test_another_schema_than_the_files_would_be_noticed(introspection):
    assert "viewer" in graphql_js(SDL.replace("viewer: User\n", "viewer: User!\n"), introspection)["difference"]
