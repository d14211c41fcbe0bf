"""People sign in with a browser at a real OpenID provider, and make the key that the real wandb uses."""

import json
import pathlib
import re
import sys
import time

import pytest

from harness import KEY
from oidc import ANN, CLIENT, SECRET, Browser, Forms, Provider
from test_server_tls import certificate

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres import private_server  # noqa: E402

PEOPLE = {"ann": ANN,
          "bob": {"email": "bob@example.com", "email_verified": True, "preferred_username": "Bob.Smith@example.com"},
          "eve": {"email": "ann@example.com", "email_verified": False, "preferred_username": "ann"},
          "mallory": {"email": "mallory@elsewhere.org", "email_verified": True, "preferred_username": "mallory"}}


@pytest.fixture
def provider():
    p = Provider()
    yield p
    p.close()


@pytest.fixture(scope="module")
def database():
    with private_server() as url:
        yield url


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

def test_who_has_no_account_is_told_so_and_logged(place, provider):
    user(place, "ann", "--email", "ANN@example.com", "--admin")
    server = start(place, provider)
    for login, words in (("eve", "you have no account here"), ("bob", "you have no account here")):
        browser = Browser(server.url())
        page = browser.sign_in(login)
        assert page.status_code == 403 and words in page.text and browser.who() == 401
    browser = Browser(server.url())
    browser.sign_in("ann")  # by her verified address, whatever its case
    assert browser.graphql().json()["data"]["viewer"] == {"username": "ann", "admin": True}
    acts = audit(place)
    assert ("session.refuse", "sign-in", f"sub bob bob@example.com at {provider.issuer}", "you have no account here") in acts
    assert ("user.link", "sign-in", "user ann", f"sub ann at {provider.issuer}") in acts


def test_only_people_of_the_domain_are_let_in_and_names_are_not_stolen(place, provider):
    server = start(place, provider, "--oidc-create-users", "--oidc-email-domain", "example.com", "--oidc-email-domain", "other.example")
    assert Browser(server.url()).sign_in("mallory").status_code == 403
    assert Browser(server.url()).sign_in("eve").status_code == 403, "her address is not verified"
    bob = Browser(server.url())
    bob.sign_in("bob")
    assert bob.who() == "bob-smith"
    assert [u["username"] for u in place.json("admin", "user", "list", "--data", "d")] == ["admin", "bob-smith"]


def test_an_equal_name_makes_nobody_somebody_else(place, provider):
    user(place, "ann", "--admin")
    server = start(place, provider, "--oidc-create-users")
    page = Browser(server.url()).sign_in("eve")
    assert page.status_code == 403 and "&#39;ann&#39; is taken" in page.text


def test_a_disabled_user_is_out_at_once_and_stays_out(place, provider):
    server = start(place, provider, "--oidc-create-users")
    browser = Browser(server.url())
    browser.sign_in("ann")
    assert browser.who() == "ann"
    place.ok("admin", "user", "disable", "ann", "--data", "d")
    assert browser.who() == 401
    assert "the account ann is disabled" in Browser(server.url()).sign_in("ann").text
    place.ok("admin", "user", "enable", "ann", "--data", "d")
    assert browser.who() == 401, "the old session came back"
    browser.sign_in("ann")
    assert browser.who() == "ann"


def test_an_answer_counts_once_and_in_its_own_browser(place, provider):
    server = start(place, provider, "--oidc-create-users")
    browser, other = Browser(server.url()), Browser(server.url())
    callback = browser.sign_in("ann", until="/oidc/callback")
    kept = browser.ours()
    page = other.get(callback)
    assert page.status_code == 400 and "has begun no sign-in" in page.text
    other.get("/login", allow_redirects=False)
    assert "the answer to another sign-in" in other.get(callback).text
    assert browser.get(callback).url == f"{server.url()}/authorize" and browser.who() == "ann"
    assert "has begun no sign-in" in browser.get(callback).text, "the cookie is gone"
    thief = Browser(server.url())
    thief.session.cookies.update(kept)
    page = thief.get(callback)
    assert page.status_code == 403 and "used before" in page.text and thief.who() == 401
    forged = Browser(server.url())
    forged.session.cookies.update({k: v[:-1] + "0" if v[-1] != "0" else v[:-1] + "1" for k, v in kept.items()})
    assert "has begun no sign-in" in forged.get(callback).text


def test_requests_of_other_sites_are_refused(place, provider):
    server = start(place, provider, "--oidc-create-users")
    browser = Browser(server.url())
    page = browser.sign_in("ann", "/login?return_to=//evil.example/")
    assert page.url == f"{server.url()}/authorize"
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": None}, {"Origin": None, "Sec-Fetch-Site": "cross-site"},
                    {"Origin": server.url().replace("127.0.0.1", "localhost")}):
        reply = browser.graphql(**headers)
        assert reply.status_code == 403 and "Access-Control-Allow-Origin" not in reply.headers, headers
    assert browser.graphql(Origin=None, **{"Sec-Fetch-Site": "same-origin"}).status_code == 200
    _, fields = Forms(page.text).forms[0]
    form = {"name": "k", "days": "30"}
    for data, origin in (({**fields, **form}, "https://evil.example"), (form, server.url()), ({**form, "form_token": "0" * 64}, server.url())):
        assert browser.session.post(f"{server.url()}/authorize", data, headers={"Origin": origin}).status_code == 403
    assert browser.session.post(f"{server.url()}/logout", {}, headers={"Origin": server.url()}).status_code == 403
    assert place.json("admin", "key", "list", "ann", "--data", "d") == []
    for days, name in (("31", "k"), ("30", " "), ("30", "x" * 101)):
        assert browser.submit(page, name=name, days=days).status_code == 400


def test_who_signs_out_is_out_and_a_kept_cookie_opens_nothing(place, provider):
    server = start(place, provider, "--oidc-create-users")
    browser, copy = Browser(server.url()), Browser(server.url())
    page = browser.sign_in("ann")
    copy.session.cookies.update(browser.ours())
    assert copy.who() == "ann"
    page = browser.submit(page, index=1)
    assert page.status_code == 200 and "signed out" in page.text
    assert browser.ours() == {}
    assert copy.who() == 401
    assert any(what == "session.end" and who == "user ann" for what, who, _, _ in audit(place))


@pytest.mark.parametrize("option", ["--session-lasts", "--session-idle"])
def test_a_session_ends_by_itself(place, provider, option):
    server = start(place, provider, "--oidc-create-users", option, "2s")
    browser = Browser(server.url())
    browser.sign_in("ann")
    assert browser.who() == "ann"
    kept = browser.ours()
    time.sleep(2.1)
    browser.session.cookies.clear()
    browser.session.cookies.update(kept)
    assert browser.who() == 401


def test_a_provider_that_refuses_or_is_down_lets_nobody_in_and_the_server_works(place, provider):
    user(place, "ada", "--admin")
    server = start(place, provider, "--oidc-create-users", secret="wrong")
    page = Browser(server.url()).sign_in("ann")
    assert page.status_code == 502 and "does not work now" in page.text
    assert "refuses our client id or secret" in server.log() and "wrong" not in page.text
    browser = Browser(server.url())
    callback = browser.sign_in("ann", until="/oidc/callback")
    provider.process.kill()
    assert browser.get(callback).status_code == 502
    late = place.start("server", "--data", "d2", "--port", "0", "--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT)
    assert Browser(late.url()).get("/login").status_code == 502
    place.use(server.url(), entity="ada")
    assert place.ok("queue", "list") is not None


@pytest.mark.parametrize("client", [{"id_token_signed_response_alg": "ES256"}, {"token_endpoint_auth_method": "client_secret_post"}, {"conform": False}],
                         ids=["ES256", "secret in the body", "all in the ID token"])
def test_providers_differ(place, provider, client):
    server = start(place, provider, "--oidc-create-users", client=client)
    browser = Browser(server.url())
    browser.sign_in("ann")
    assert browser.who() == "ann"


def test_a_new_key_of_the_provider_is_fetched(place, provider):
    server = start(place, provider, "--oidc-create-users")
    Browser(server.url()).sign_in("ann")
    time.sleep(5.1)  # it is not asked more often
    provider.say(rotate=True)
    browser = Browser(server.url())
    browser.sign_in("ann")
    assert browser.who() == "ann"


def test_over_https_cookies_are_for_this_host_and_https_only(place, provider):
    pem, key = certificate(place.folder)
    place.variables["SLIPWAY_OIDC_CLIENT_SECRET"] = SECRET
    server = place.start("server", "--data", "d", "--port", "0", "--tls-cert", pem, "--tls-key", key, "--oidc-issuer", provider.issuer,
                         "--oidc-client-id", CLIENT, "--oidc-create-users")
    url = server.wait_out(r"(https://\S+)\n").group(1)
    provider.begin(PEOPLE, url)
    browser = Browser(url)
    browser.session.verify = str(pem)
    browser.sign_in("ann")
    assert browser.who() == "ann"
    cookies = [c for c in browser.session.cookies if "slipway" in c.name]
    assert [c.name for c in cookies] == ["__Host-slipway-session"] and cookies[0].secure and cookies[0].has_nonstandard_attr("HttpOnly")


def test_two_servers_on_one_database_share_sign_ins_and_sessions(place, provider, database):
    name = f"t{time.monotonic_ns()}"
    schema = f"{database}&options=-csearch_path%3D{name}"
    place.run("/usr/bin/psql", "-qd", database, "-c", f"CREATE SCHEMA {name}").check_returncode()
    place.variables["SLIPWAY_OIDC_CLIENT_SECRET"] = SECRET
    place.ok("admin", "user", "create", "ada", "--admin", "--data", "d", "--db", schema)
    options = ("--data", "d", "--db", schema, "--port", "0", "--oidc-issuer", provider.issuer, "--oidc-client-id", CLIENT, "--oidc-create-users")
    one, two = (place.start("server", *options).url() for _ in range(2))
    provider.begin(PEOPLE, one, two)
    browser = Browser(one)
    callback = browser.sign_in("ann", until="/oidc/callback")
    assert browser.get(callback).status_code == 200 and browser.who() == "ann"
    browser.url = two  # a browser sends cookies to any port of a host
    assert browser.who() == "ann"
    page = browser.get("/authorize")
    assert browser.submit(page, index=1).status_code == 200
    browser.url = one
    assert browser.who() == 401


@pytest.mark.parametrize("argv, words", [
    (["--oidc-issuer", "https://i.example", "--oidc-client-id", "c"], "needs the client secret"),
    (["--oidc-issuer", "https://i.example"], "needs --oidc-client-id"),
    (["--oidc-issuer", "http://i.example", "--oidc-client-id", "c"], "plain http"),
    (["--oidc-issuer", "i.example", "--oidc-client-id", "c"], "not a URL"),
    (["--oidc-client-id", "c"], "says nothing without"),
    (["--oidc-create-users"], "say nothing without"),
    (["--public-url", "http://q.example"], "plain http"),
    (["--host", "0.0.0.0", "--public", "--oidc-issuer", "https://i.example", "--oidc-client-id", "c"], "needs --public-url"),
])
def test_settings_that_do_not_fit_are_refused(place, argv, words):
    done = place.slipway("server", "--data", "d", "--port", "0", *argv)
    assert done.returncode in (2, 3) and words in done.stderr, done.stderr
    assert not (place.folder / "d").exists()


def test_an_admin_links_people_and_ends_sessions(place, provider):
    user(place, "ada", "--admin")
    server = start(place, provider)

    def admin(*words):
        return place.json("admin", *words, "--data", "d")

    admin("user", "link", "ada", provider.issuer, "bob")
    assert "linked to sub bob" in place.fails(7, "admin", "user", "link", "ada", provider.issuer, "bob", "--data", "d")
    assert [(i["user"], i["issuer"], i["subject"]) for i in admin("user", "links")] == [("ada", provider.issuer, "bob")]
    first, second = Browser(server.url()), Browser(server.url())
    first.sign_in("bob"), second.sign_in("bob")
    sessions = admin("session", "list", "ada")
    assert len(sessions) == 2 and {s["address"] for s in sessions} == {"127.0.0.1"}
    admin("session", "revoke", str(sessions[0]["id"]))
    assert (first.who(), second.who()) == (401, "ada")
    place.fails(6, "admin", "session", "revoke", str(sessions[0]["id"]), "--data", "d")
    admin("user", "unlink", "ada", provider.issuer, "bob")
    assert second.who() == 401 and Browser(server.url()).sign_in("bob").status_code == 403
