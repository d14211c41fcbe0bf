"""Each release of the unmodified wandb package against our server, command by command: its CLI and its API. Of each release
one user gives commands (client_commands.py) and one works with agents (client_agents.py); all go their ways at once, each step
by step; a step's test waits for it."""

import concurrent.futures
import os

import pytest

import client_agents
import client_commands
from call_orders import orders
from clients import RELEASES, Client, record, recorded
from conftest import ROOT
from test_schema import graphql_js

PARTS = {"user": client_commands.STEPS, "agents": client_agents.STEPS}
STEPS = [(part, name, release) for part, steps in PARTS.items() for name in steps for release in RELEASES]
ORDERED = [s for s in STEPS if s[1].startswith("wandb-")]


@pytest.fixture(scope="module")
def ways(system):
    """Futures of each step, by its part, release and name."""
    system.slipway("queue", "create", "vertex-queue", "-c", ROOT / "examples/queues/minimal.yaml")
    clients = {(part, release): Client(system, release, part) for part in PARTS for release in RELEASES}
    pools = {of: concurrent.futures.ThreadPoolExecutor(1) for of in clients}
    futures = {(*of, name): pools[of].submit(c.do, name, run) for of, c in clients.items() for name, run in PARTS[of[0]].items()}
    yield clients, futures
    for pool in pools.values():
        pool.shutdown(cancel_futures=True)
    for client in clients.values():
        client.close()


def refused(documents):
    """Those that the reference implementation does not find valid, with its words."""
    documents = sorted(documents)
    verdicts = graphql_js(operations=documents)["verdicts"]
    assert len(verdicts) == len(documents)
    return {document: words for document, words in zip(documents, verdicts) if words}


@pytest.mark.parametrize("part, name, release", STEPS, ids=[f"{name}-{release}" for _, name, release in STEPS])
def test_client_command(ways, part, name, release):
    ways[1][part, release, name].result(timeout=300)


@pytest.mark.parametrize("part, name, release", ORDERED, ids=[f"{name}-{release}" for _, name, release in ORDERED])
def test_client_call_order(ways, part, name, release):
    ways[1][part, release, name].result(timeout=300)
    assert orders(release)[name].trouble(ways[0][part, release].calls[name]) is None


def test_another_order_would_be_noticed():
    row, agent = orders("0.31.0")["wandb-job-list"], orders("0.31.0")["wandb-launch-agent"]
    sent = agent.order.split()
    assert row.trouble(["Viewer", "ArtifactOfType"]) is None and agent.trouble([*sent, "popFromRunQueue"]) is None
    for other in (["ArtifactOfType", "Viewer"], ["Viewer"], ["Viewer", "Viewer2", "ArtifactOfType"]):
        assert row.trouble(other)
    for other in (sent[1:], [*sent[1:], sent[0]], [*sent, "Strange"]):
        assert agent.trouble(other)


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_release_sent_is_valid_to_graphql_js(ways, release):
    clients, futures = ways
    concurrent.futures.wait([f for of, f in futures.items() if of[1] == release], timeout=300)
    sent = set().union(*(c.documents() for of, c in clients.items() if of[1] == release))
    if "SLIPWAY_RECORD" in os.environ:
        record(release, sent)
    assert refused(sent) == {}


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_release_was_recorded_sending_is_valid_to_graphql_js(release):
    documents = recorded(release)
    assert len(documents) > 30
    assert refused(documents) == {}
