"""People sign in with a browser at a real OpenID provider, and make the key that the real wandb uses."""

import json
import re
import sys

import pytest

from harness import KEY
from oidc import ANN, CLIENT, SECRET, Browser, Forms, Provider

PEOPLE = {"ann": ANN,
          "bob": {"email": "bob@example.com", "email_verified": True, "preferred_username": "Bob.Smith@example.com"},
          "eve": {"email": "ann@example.com", "email_verified": False, "preferred_username": "ann"},
          "mallory": {"email": "mallory@elsewhere.org", "email_verified": True, "preferred_username": "mallory"}}


@pytest.fixture
def provider():
    p = Provider()
    yield p
    p.close()


def start(place, provider, *options, secret=SECRET, client=None):
    """A server whose people sign in at the provider; its address."""
    place.variables["SLIPWAY_OIDC_CLIENT_SECRET"] = secret
    server = place.start("server", "--data", "d", "--port", "0", "--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT, *options)
    provider.begin(PEOPLE, server.url(), **(client or {}))
    return server


def user(place, name, *options):
    place.ok("admin", "user", "create", name, "--data", "d", "--api-key", KEY, *options)


def audit(place):
    return [(row["what"], row["who"], row["object"], row["detail"] or "") for row in place.json("admin", "audit", "list", "--data", "d")]


def test_a_person_signs_in_and_makes_the_key_that_wandb_uses(place, provider):
    server = start(place, provider, "--oidc-create-users")
    browser = Browser(server.url())
    page = browser.sign_in("ann", "/authorize")
    assert page.status_code == 200 and page.url == f"{server.url()}/authorize" and "<b>ann</b>" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"] and Forms(page.text).scripts == 0
    shown = browser.submit(page, name="lap<top>", days="90")
    key = re.search(r'<pre id="key">(\w{40})</pre>', shown.text).group(1)
    assert "lap&lt;top&gt;" in shown.text and shown.headers["Cache-Control"] == "no-store"
    assert key not in browser.get("/authorize").text
    done = place.run(sys.executable, "-m", "wandb", "login", "--verify", "--relogin", "--host", server.url(), key, timeout=60)
    assert done.returncode == 0, done.stderr
    script = "import wandb; print('entity', wandb.Api().viewer.username)"
    done = place.run(sys.executable, "-c", script, timeout=60, WANDB_BASE_URL=server.url())
    assert "entity ann" in done.stdout, done.stdout + done.stderr
    keys = place.json("admin", "key", "list", "ann", "--data", "d")
    assert [(k["name"], k["state"]) for k in keys] == [("lap<top>", "good")] and keys[0]["expires"]
    acts = audit(place)
    assert ("session.create", "user ann", "user ann", f"from 127.0.0.1 by {provider.issuer}") in acts
    assert ("key.create", "user ann", "key 2 of user ann", "lap<top>") in acts
    assert json.loads(place.ok("admin", "audit", "verify", "--data", "d", "-o", "json"))["broken"] is None
    assert key not in server.log() and SECRET not in server.log()
