"""The server's /metrics, as Prometheus reads them."""

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import KEY, wait_for


def metrics(base, **headers):
    request = urllib.request.Request(base + "/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        families = list(text_string_to_metric_families(reply.read().decode()))
    return {(s.name, *sorted(s.labels.values())): s.value for f in families for s in f.samples}


def test_they_follow_an_item_through_its_queue(world):
    base = world.server_url
    items = [world.place.launch("q", "-c", "print(1)") for _ in range(2)]
    waiting = metrics(base)
    assert waiting["slipway_server_items", "PENDING", "ada", "q"] == 2
    assert waiting["slipway_server_oldest_waiting_seconds", "ada", "q"] >= 0
    assert waiting["slipway_server_pushes_total",] == 2
    assert waiting["slipway_server_pops_total", "yes"] == 0
    assert waiting["slipway_server_requests_total", "2xx", "graphql"] > 0
    world.start_agent()
    for item in items:
        assert world.place.item_at_end(item)["state"] == "FINISHED"
    after = wait_for(lambda: (lambda m: m if ("slipway_server_items", "PENDING", "ada", "q") not in m else None)(metrics(base)))
    assert after["slipway_server_pops_total", "yes"] == 2
    assert after["slipway_server_request_seconds_count", "wait"] >= 2
    assert not any(name == "slipway_server_oldest_waiting_seconds" for name, *_ in after)


@pytest.mark.parametrize("key, status", [(None, 401), ("x" * 40, 401), ("b" * 40, 403)])
def test_behind_a_proxy_they_want_an_admins_key(world, key, status):
    world.place.ok("admin", "user", "create", "bob", "--data", "server", "--api-key", "b" * 40)
    headers = {"X-Forwarded-For": "203.0.113.7", **({"Authorization": f"Bearer {key}"} if key else {})}
    with pytest.raises(urllib.error.HTTPError) as refused:
        metrics(world.server_url, **headers)
    assert refused.value.code == status
    assert metrics(world.server_url, Authorization=f"Bearer {KEY}", **{"X-Forwarded-For": "203.0.113.7"})["slipway_server_pushes_total",] == 0
