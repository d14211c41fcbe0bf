"""An agent's /healthz, /readyz and /metrics."""

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import wait_for


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode(), reply.headers["Content-Type"]
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(), e.headers["Content-Type"]


def metrics(base):
    """{(name, labels): value}, as Prometheus reads them."""
    status, text, kind = get(base + "/metrics")
    assert status == 200 and kind.startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(text))
    assert all(f.documentation and f.type in ("gauge", "counter", "histogram") for f in families)
    return {(s.name, *sorted(s.labels.values())): s.value for f in families for s in f.samples}


def failed_launch(world, base):
    """The agent's metrics when an item has failed: its program ends with 3."""
    end = world.place.item_at_end(world.place.launch("q", "-c", "import sys; sys.exit(3)"))
    assert end["state"] == "FAILED"
    return wait_for(lambda: (lambda m: m if m["slipway_agent_reported_total",] == 1 else None)(metrics(base)))


@pytest.fixture
def base(world):
    agent = world.start_agent("--http-port", "0")
    return agent.wait_log(r"agent.http[^}]*url=(http://[^\"\s]+)").group(1)


def test_metrics_follow_a_job_to_its_end(world, base):
    before = metrics(base)
    assert before["slipway_agent_items_taken_total",] == 0
    assert before["slipway_agent_slots",] == 4
    end = world.place.item_at_end(world.place.launch("q", "-c", "print(1)"))
    assert end["state"] == "FINISHED"

    after = wait_for(lambda: (lambda m: m if m["slipway_agent_reported_total",] == 1 else None)(metrics(base)))
    assert after["slipway_agent_items_taken_total",] == 1
    assert after["slipway_agent_jobs_submitted_total",] == 1
    assert after["slipway_agent_launches_ended_total", "finished"] == 1
    assert after["slipway_agent_launches_ended_total", "failed"] == 0
    assert sum(v for k, v in after.items() if k[0] == "slipway_agent_launches") == 0


def test_failures_are_counted_by_cause_and_requests_by_answer(world, base):
    before = metrics(base)
    after = failed_launch(world, base)
    assert after["slipway_agent_launches_failed_total", "program"] == 1
    assert after["slipway_agent_requests_total", "2xx", "aiplatform"] >= 2, "create and a look"
    assert after["slipway_agent_requests_total", "2xx", "queue"] > before["slipway_agent_requests_total", "2xx", "queue"]
    count = after["slipway_agent_request_seconds_count", "aiplatform"]
    assert count == sum(v for k, v in after.items() if k[0] == "slipway_agent_requests_total" and k[2] == "aiplatform")
    assert after["slipway_agent_request_seconds_bucket", "+Inf", "aiplatform"] == count
    assert after["slipway_agent_request_seconds_bucket", "1", "aiplatform"] > 0
    assert after["slipway_agent_journal_bytes",] > 4096


def test_it_is_ready_while_the_server_answers(world, base):
    wait_for(lambda: get(base + "/readyz")[0] == 200)
    assert get(base + "/healthz")[:2] == (200, "ok\n")
    assert metrics(base)["slipway_agent_ready",] == 1
    assert get(base + "/")[0] == 404


def test_it_is_not_ready_before_it_is_registered(place):
    place.use("http://127.0.0.1:1", "http://127.0.0.1:1")
    agent = place.start("agent", "-q", "q", "-e", "ada", "--state-dir", "agent", PORT="0")
    base = agent.wait_log(r"agent.http[^}]*url=(http://[^\"\s]+)").group(1).replace("0.0.0.0", "127.0.0.1")
    assert get(base + "/healthz")[0] == 200
    status, text, _ = get(base + "/readyz")
    assert status == 503 and "has not answered" in text


def test_a_port_that_is_none_is_said(place):
    place.use("http://127.0.0.1:1")
    assert 'PORT in the environment: "http" is not a port' in place.fails(3, "agent", "-q", "q", "-e", "ada", "--state-dir", "agent", PORT="http")
