"""
Canaries: a secret of every kind goes through a full run of server, emulator and agent, at the most talkative log level. Where one is
found again tells what leaks. Exempt are the emulator's own files, which hold what Google would: accounts, secrets, jobs.
"""

import base64
import json
import pathlib
import urllib.request

import pytest

from harness import IMAGES, PYTHON_IMAGE

AGENT_KEY = "canaryagentkey00" * 3
USER_KEY = "canaryuserkey000" * 3
ITEM_KEY = "canaryitemkey000" * 3
CONFIG = """
google: {secret_cache_seconds: 0}
wandb: {api_key_secret: wandb-key}
"""
QUEUE = {"spec": {"staging_bucket": "gs://b", "worker_pool_specs": [{"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1,
         "container_spec": {"image_uri": "${image_uri}", "env": [
             {"name": "WHOLE", "value_from": {"secret_key_ref": {"name": "whole"}}},
             {"name": "FIELD", "value_from": {"secret_key_ref": {"name": "object", "key": "user"}}},
             {"name": "BIG", "value_from": {"secret_key_ref": {"name": "big"}}},
             {"name": "LITERAL", "value": "canary-literal-in-a-config"}]}}]}}
# What the world's places may hold; everything else must not be there.
CANARIES = {
    "secret": b"canary-whole-secret",
    "field of a secret": b"canary-field-of-a-secret",
    "other field of that secret": b"canary-other-field",
    "long secret": b"canary-long-secret " * 4,
    "agent's key": AGENT_KEY.encode(),
    "user's key": USER_KEY.encode(),
    "item's key": ITEM_KEY.encode(),
    "literal of a config": b"canary-literal-in-a-config",
}


def found_in(data, canaries):
    return sorted(name for name, value in canaries.items() if value in data)


def found_below(folder, canaries):
    return {str(p.relative_to(folder)): found for p in folder.rglob("*") if p.is_file() for found in [found_in(p.read_bytes(), canaries)]
            if found}


def memory_of(pid):
    """All that a process can write to, as a core dump would hold it."""
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, permissions = line.split()[:2]
            if permissions.startswith("rw"):
                begin, end = (int(n, 16) for n in place.split("-"))
                if end - begin > 2**30:  # an address sanitizer's shadow
                    continue
                try:
                    mem.seek(begin)
                    yield line, mem.read(end - begin)
                except OSError:
                    pass  # a region that only the kernel reads


class Run:
    """A launch from end to end, and all that it left behind."""

    def __init__(self, place):
        self.place = place
        self.emulator = place.start("emulator", "--data", "emulator", "--require-auth", "--speed", "1000", "--images", IMAGES, "--port", "0")
        self.emulator.url()
        self.set_up_google()
        self.set_up_queue()
        (place.folder / "agent.yaml").write_text(CONFIG)
        self.agent = place.start("agent", "-q", "q", "-v", "-v", "--state-dir", "agent", "--config", "agent.yaml", "--log-file", "agent.log", "--http-port", "0",
                                 WANDB_API_KEY=None, SLIPWAY_GOOGLE_CREDENTIALS="key.json")
        ids = [place.json("launch", "-q", "q", "-d", PYTHON_IMAGE, "--", "-c", "print('done')")["item"], self.push_with_key()]
        self.items = [place.item_at_end(i) for i in ids]
        self.shown = [place.ok(*argv) for i in ids for argv in (("items", "q"), ("items", "show", i, "-o", "json"), ("logs", i))]

    def own(self, *argv, stdin=""):
        return self.place.ok("emulator", *argv, "--data", "emulator", stdin=stdin)

    def set_up_google(self):
        self.own("account", "create", "launch-agent", "--key-file", "key.json")
        member = "serviceAccount:launch-agent@slipway-local.iam.gserviceaccount.com"
        for role in ("roles/aiplatform.user", "roles/secretmanager.secretAccessor", "roles/logging.viewer"):
            self.own("grant", member, role)
        for name, value in {"whole": CANARIES["secret"].decode(), "big": CANARIES["long secret"].decode() * 500, "wandb-key": AGENT_KEY + "\n",
                            "object": json.dumps({"user": "canary-field-of-a-secret", "password": "canary-other-field"})}.items():
            self.own("secret", "create", name, "--data-file", "-", stdin=value)
        # 48 characters from the middle of the key: its beginning is that of any key
        self.private_key = json.loads((self.place.folder / "key.json").read_text())["private_key"].splitlines()[5][:48].encode()

    def set_up_queue(self):
        place = self.place
        for name, key in (("ada", USER_KEY), ("robot", AGENT_KEY)):
            place.ok("admin", "user", "create", name, "--admin", "--data", "server", "--api-key", key)
        self.server = place.start("server", "--data", "server", "--port", "0")
        place.use(self.server.url(), self.emulator.url(), None)
        netrc = place.home / ".netrc"
        netrc.write_text(f"machine {self.server.url().partition('//')[2]} login user password {USER_KEY}\n")
        netrc.chmod(0o600)
        (place.folder / "q.json").write_text(json.dumps(QUEUE))
        place.ok("queue", "create", "q", "--config", "q.json")

    def push_with_key(self):
        """An item that brings the key its run is to have, as W&B's sweeps make them."""
        spec = {"docker": {"docker_image": PYTHON_IMAGE}, "entity": "ada", "project": "p", "resource": "vertex", "_wandb_api_key": ITEM_KEY,
                "overrides": {"args": ["-c", "print('done')"]}, "resource_args": {"vertex": QUEUE}}
        body = {"query": "mutation ($spec: JSONString!) { pushToRunQueueByName(input: {entityName: \"ada\", projectName: \"model-registry\","
                         " queueName: \"q\", runSpec: $spec}) { runQueueItemId } }", "variables": {"spec": json.dumps(spec)}}
        token = base64.b64encode(f"api:{USER_KEY}".encode()).decode()
        request = urllib.request.Request(self.server.url() + "/graphql", json.dumps(body).encode(),
                                         {"Content-Type": "application/json", "Authorization": f"Basic {token}"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)["data"]["pushToRunQueueByName"]["runQueueItemId"]

    def canaries(self, *without):
        found = {**CANARIES, "private key": self.private_key}
        return {name: value for name, value in found.items() if name not in without}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from conftest import make_place
    for place in make_place(tmp_path_factory, "canary"):
        yield Run(place)


def jobs_of(run):
    request = urllib.request.Request(run.emulator.url() + "/v1/projects/slipway-local/locations/us-central1/customJobs",
                                     headers={"Authorization": "Bearer " + run.own("token", "launch-agent").strip()})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.read()


def test_the_job_got_what_it_was_to_get(run):
    """Without this, finding nothing elsewhere would mean nothing."""
    assert [i["state"] for i in run.items] == ["FINISHED", "FINISHED"], run.items
    assert found_in(jobs_of(run), run.canaries()) == ["agent's key", "field of a secret", "item's key", "literal of a config", "long secret",
                                                      "secret"]


def test_no_log_or_output_has_a_secret(run):
    texts = {"agent's stderr": run.agent.log(), "agent's stdout": run.agent.out(), "--log-file": (run.place.folder / "agent.log").read_text(),
             "server's stderr": run.server.log(), "server's stdout": run.server.out(), "emulator's stderr": run.emulator.log(),
             "emulator's stdout": run.emulator.out()}
    assert "DEBUG" in texts["--log-file"], "not the most talkative level"
    leaks = {name: found for name, text in texts.items() for found in [found_in(text.encode(), run.canaries())] if found}
    assert leaks == {}


def test_no_metric_has_a_secret(run):
    url = run.agent.wait_log(r"agent.http[^}]*url=(http://[^\"\s]+)").group(1)
    with urllib.request.urlopen(url + "/metrics", timeout=10) as reply:
        text = reply.read()
    assert b"slipway_agent_items_taken_total 2" in text
    assert found_in(text, run.canaries()) == []


def test_no_command_shows_a_secret(run):
    """But what a queue's config says, `items show` says too."""
    assert found_in("".join(run.shown).encode(), run.canaries("literal of a config")) == []


def test_the_agents_folder_has_no_secret(run):
    """But a literal in a queue config is no secret to it: it stands in the request that the journal keeps."""
    assert found_below(run.place.folder / "agent", run.canaries("literal of a config")) == {}


def test_the_servers_folder_has_no_secret(run):
    """But the key that an item brings is the server's to keep until an agent takes it."""
    assert found_below(run.place.folder / "server", run.canaries("literal of a config", "item's key")) == {}


def test_the_memory_of_the_idle_agent_has_no_value_of_a_secret(run):
    """Its own key and the private key have to be there; a config's literal may be left in memory that was freed."""
    canaries = run.canaries("agent's key", "private key", "literal of a config")
    try:
        leaks = {line: found for line, data in memory_of(run.agent.pid) for found in [found_in(data, canaries)] if found}
    except PermissionError:
        pytest.skip("this system does not let a parent read its child's memory")
    assert leaks == {}
