"""Requests that schemathesis makes from the schema, at a server that runs: no answer is a failure of the server's, none is
late, each is a GraphQL answer. Runs in .venvs/schemathesis: fuzz_api.py URL KEY [--examples N] [--seed N]"""

import argparse
import json
import random
import re
import sys
import time

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st

LATE_S = 5
NAMES = st.sampled_from(["Int", "é", "", "a" * 300, "../x", "0", "-1", "Run:v1:r:p:admin", "latest", "p:v0"])
NUMBERS = st.one_of(st.sampled_from([0, 1, -1, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64]), st.integers())
VALUES = st.recursive(st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(allow_nan=False, allow_infinity=False), NAMES),
                      lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(NAMES, v, max_size=3)), max_leaves=8)
TREES = [json.dumps(tree) for tree in (
    {}, {"resource_args": {"vertex": {"a": "{{v}}"}}}, {"resource_args": {}}, {"entity": "admin", "project": "p", "overrides": {"args": ["x"]}},
    {"v": {"schema": {"type": "string", "enum": ["a"], "default": "b"}}}, {"v": {"schema": {"type": "string", "enum": ["a"]}}}, {"v": "a"},
    {"v": {"schema": {"type": "integer", "pattern": "["}}}, {"$and": [{"state": "x"}]}, {"links": [{"label": "l", "url": "u"}]},
    {"docker": {"docker_image": "i"}, "resource": "vertex"})]
TEXTS = st.one_of(VALUES.map(json.dumps), st.sampled_from(TREES), st.text(max_size=20))


def scalars():
    from schemathesis.graphql import nodes, scalar

    scalar("JSONString", TEXTS.map(nodes.String))
    scalar("DateTime", st.sampled_from(["2026-01-01T00:00:00Z", "0", "x"]).map(nodes.String))
    scalar("Int64", NUMBERS.map(nodes.Int))
    scalar("JSON", st.one_of(TEXTS.map(nodes.String), NUMBERS.map(nodes.Int), st.booleans().map(nodes.Boolean)))


class Server:
    def __init__(self, url, key):
        self.url, self.session = url + "/graphql", requests.Session()
        self.session.auth = ("api", key)

    def post(self, query):
        return self.session.post(self.url, json={"query": query}, timeout=60)

    def made(self, query):
        answer = self.post(query).json()
        assert "errors" not in answer, (query, answer)
        value = answer["data"]
        while isinstance(value, (dict, list)):
            value = next(iter(value.values())) if isinstance(value, dict) else value[0]
        return value


def things(server, n):
    """Objects that are there, by the names of the arguments that take them: guessed ones would rarely meet one."""
    name = f"thing{n}"
    where = 'entityName: "admin", projectName: "p"'
    queues = 'entityName: "admin", projectName: "model-registry"'
    server.made('mutation { upsertModel(input: {entityName: "admin", name: "p"}) { inserted } }')
    queue = server.made('mutation { createRunQueue(input: {%s, queueName: "%s", access: PROJECT}) { queueID } }' % (queues, name))
    agent = server.made('mutation { createLaunchAgent(input: {%s, runQueues: ["%s"], hostname: "h"}) { launchAgentId } }' % (queues, queue))
    items = [server.made('mutation { pushToRunQueue(input: {queueID: "%s", runSpec: "{}"}) { runQueueItemId } }' % queue) for _ in range(2)]
    run = server.made('mutation { upsertBucket(input: {entityName: "admin", modelName: "p", name: "%s"}) { bucket { id } } }' % name)
    artifact = server.made('mutation { createArtifact(input: {%s, artifactTypeName: "t", artifactCollectionName: "%s", digest: "%s"}) '
                           '{ artifact { id } } }' % (where, name, name))
    manifest = server.made('mutation { createArtifactManifest(input: {artifactID: "%s", name: "m", digest: "", %s, runName: ""}) '
                           '{ artifactManifest { id } } }' % (artifact, where))
    upload = server.made('mutation { createArtifactFiles(input: {artifactFiles: [{artifactID: "%s", name: "f", md5: "1B2M2Y8AsgTpgAmY7PhCfg==", '
                         'uploadPartsInput: [{partNumber: 1, hexMD5: "d41d8cd98f00b204e9800998ecf8427e"}]}]}) '
                         '{ files { edges { node { uploadMultipartUrls { uploadID } } } } } }' % artifact)
    return {"entityName": ["admin"], "projectName": ["p", "model-registry"], "modelName": ["p"], "queueName": [name], "queueID": [queue],
            "queueIDs": [queue], "runQueues": [queue], "launchAgentId": [agent], "runQueueItemId": items, "runName": [name], "name": [name, "p", "f"],
            "artifactID": [artifact], "baseArtifactID": [artifact], "artifactManifestID": [manifest], "uploadID": [upload], "resource": ["vertex"],
            "resourceType": ["vertex"], "artifactCollectionName": [name], "artifactTypeName": ["t"], "md5": ["1B2M2Y8AsgTpgAmY7PhCfg=="],
            "hexMD5": ["d41d8cd98f00b204e9800998ecf8427e"], "id": [run, run, queue, agent, artifact, *items],
            "config": TREES, "resourceConfig": TREES, "templateVariables": TREES, "templateVariableValues": TREES, "runSpec": TREES,
            "state": ["failed", "pending", "running"]}


ARGUMENT = re.compile(r'\b(\w+): (\[?)("(?:[^"\\]|\\.)*"|-?\d+)')


def with_things(rng, query, known):
    """Three of four arguments that take the name of something get one that is there."""

    def one(match):
        name, bracket, _ = match.groups()
        if name not in known or rng.random() < 0.25:
            return match.group()
        return f"{name}: {bracket}{json.dumps(rng.choice(known[name]))}"

    return ARGUMENT.sub(one, query)


def check(server, query):
    begun = time.monotonic()
    reply = server.post(query)
    took = time.monotonic() - begun
    assert reply.status_code < 500, f"{reply.status_code} {reply.text[:1000]}\n{query}"
    assert took < LATE_S, f"{took:.1f} s\n{query}"
    answer = reply.json()
    assert "data" in answer or answer["errors"], f"{reply.text[:1000]}\n{query}"
    return reply.status_code


def fuzz(server, operation, known, options):
    statuses = {}
    rng = random.Random(options.seed)

    @hypothesis.seed(options.seed)
    @hypothesis.settings(max_examples=options.examples, deadline=None, database=None, phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck), report_multiple_bugs=False)
    @hypothesis.given(operation.as_strategy())
    def send(case):
        status = check(server, with_things(rng, case.body, known))
        statuses[status] = statuses.get(status, 0) + 1

    send()
    return statuses


def main():
    p = argparse.ArgumentParser()
    p.add_argument("url")
    p.add_argument("key")
    p.add_argument("--examples", type=int, default=10, help="for each field of Query and Mutation")
    p.add_argument("--seed", type=int, default=1)
    options = p.parse_args()
    scalars()
    server = Server(options.url, options.key)
    schema = schemathesis.graphql.from_url(server.url, auth=("api", options.key))
    failed, begun = 0, int(time.time())
    for n, result in enumerate(schema.get_all_operations()):
        operation = result.ok()
        try:
            print(operation.label, fuzz(server, operation, things(server, f"{begun}x{n}"), options), flush=True)
        except (AssertionError, ValueError, requests.RequestException) as e:
            failed += 1
            print(f"FAILED {operation.label} (seed {options.seed}): {e}", flush=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
