"""A real OpenID provider on loopback, and a person with a browser."""

import html.parser
import json
import pathlib
import subprocess
import urllib.parse

import requests

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "oidc-js"
CLIENT, SECRET = "slipway test", "a secret/with & signs+"  # both are encoded as in forms before Basic
ANN = {"email": "Ann@Example.com", "email_verified": True, "preferred_username": "ann"}


class Provider:
    """npm's oidc-provider, in a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen(["node", FOLDER / "provider.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.issuer = json.loads(self.process.stdout.readline())["issuer"]

    def say(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def begin(self, people, *urls, **client):
        """Know these people, and a client that is at these addresses; more: how the client is registered, but `conform`."""
        conform = client.pop("conform", True)
        self.say(people=people, conform=conform,
                 clients=[{"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [f"{u}/oidc/callback" for u in urls], **client}])

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, and fields with their values."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append((a["action"], {}))
        elif tag == "input" and self.forms:
            self.forms[-1][1][a["name"]] = a.get("value", "")
        self.scripts += tag == "script"


class Browser:
    """What a browser does that matters here: cookies, redirects, forms, and saying where a form was."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False  # nobody else's proxies and authorities

    def get(self, path, **options):
        return self.session.get(urllib.parse.urljoin(self.url, path), timeout=20, **options)

    def submit(self, page, index=0, **fields):
        """A form of a page, with more fields filled in."""
        action, known = Forms(page.text).forms[index]
        origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(page.url))
        return self.session.post(urllib.parse.urljoin(page.url, action), {**known, **fields}, headers={"Origin": origin}, timeout=20)

    def sign_in(self, login, path="/login", until=None):
        """From a page of ours by the provider's pages to where we end; until: stop before the redirect to this path."""
        page = self.get(path)
        if urllib.parse.urlsplit(page.url).netloc != urllib.parse.urlsplit(self.url).netloc and page.status_code == 200:
            page = self.submit(page, login=login, password="any")
            page = self.submit(page) if until is None else self.consent(page, until)
        return page

    def consent(self, page, until):
        """Say yes, and follow up to a redirect that goes to `until`: that address, not asked for."""
        action, known = Forms(page.text).forms[0]
        reply = self.session.post(action, known, allow_redirects=False, timeout=20)
        while not urllib.parse.urlsplit(reply.headers["Location"]).path.startswith(until):
            reply = self.session.get(urllib.parse.urljoin(reply.url, reply.headers["Location"]), allow_redirects=False, timeout=20)
        return reply.headers["Location"]

    def graphql(self, query="{viewer{username admin}}", **headers):
        return self.session.post(f"{self.url}/graphql", json={"query": query}, headers={"Origin": self.url, **headers}, timeout=20)

    def ours(self):
        """The cookies that the server made."""
        return {c.name: c.value for c in self.session.cookies if "slipway" in c.name}

    def who(self):
        reply = self.graphql()
        return reply.json()["data"]["viewer"]["username"] if reply.status_code == 200 else reply.status_code
