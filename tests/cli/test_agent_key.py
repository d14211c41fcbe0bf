"""The agent's own W&B key in Secret Manager: read at the start, and again when the server refuses it."""

import json
import urllib.request

import pytest

from harness import IMAGES, KEY, QUEUE_CONFIG

CONFIG, NOT_FOUND = 3, 6  # docs/exit-codes.md
NEW_KEY = "fedcba9876543210" * 3


class Site:
    """An emulator with the secret `wandb-key`, a server that knows KEY, and a user without any key in the environment."""

    def __init__(self, place):
        self.place = place
        self.emulator = place.start("emulator", "--data", "emulator", "--speed", "1000", "--images", IMAGES, "--port", "0")
        self.own("create", KEY + "\n")
        self.port = "0"
        self.start_server("server", KEY)

    def own(self, verb, value):
        self.emulator.url()
        self.place.ok("emulator", "secret", verb, "wandb-key", "--data-file", "-", "--data", "emulator", stdin=value)

    def start_server(self, folder, key):
        """One whose only key is this."""
        self.place.ok("admin", "user", "create", "ada", "--admin", "--data", folder, "--api-key", key)
        self.server = self.place.start("server", "--data", folder, "--port", self.port)
        self.port = self.server.url().rpartition(":")[2]
        self.place.use(self.server.url(), self.emulator.url(), key)
        self.place.ok("queue", "create", "q", "--config", QUEUE_CONFIG)

    def start_agent(self, **more):
        return self.place.start("agent", "-q", "q", "-j", "4", "--state-dir", "agent", **{"WANDB_API_KEY": None, **more})

    def jobs_key(self):
        path = "/v1/projects/slipway-local/locations/us-central1/customJobs"
        with urllib.request.urlopen(self.emulator.url() + path, timeout=10) as reply:
            newest = json.load(reply)["customJobs"][0]
        env = newest["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["env"]
        return next(e["value"] for e in env if e["name"] == "WANDB_API_KEY")


@pytest.fixture
def site(place):
    return Site(place)


def test_the_key_of_a_secret_is_the_agents_and_its_jobs(site, place):
    agent = site.start_agent(WANDB_API_KEY_SECRET="wandb-key")
    assert agent.wait_log("agent.key_read")
    assert place.item_at_end(place.launch("q"))["state"] == "FINISHED"
    assert site.jobs_key() == KEY
    assert KEY not in agent.log()


def test_the_config_file_may_name_the_secret(site, place):
    folder = place.home / ".config/wandb"
    folder.mkdir(parents=True)
    (folder / "launch-config.yaml").write_text("wandb: {api_key_secret: projects/slipway-local/secrets/wandb-key/versions/1}\n")
    site.start_agent().wait_log("agent.registered")


def test_a_key_that_rotates_is_read_again_without_a_restart(site, place):
    agent = site.start_agent(WANDB_API_KEY_SECRET="wandb-key")
    agent.wait_log("agent.registered")

    site.server.stop()
    site.own("add", NEW_KEY)
    site.start_server("server-2", NEW_KEY)

    assert place.item_at_end(place.launch("q"))["state"] == "FINISHED"
    assert site.jobs_key() == NEW_KEY
    assert "the server refused the key" in agent.log()
    assert agent.popen.poll() is None


def test_the_key_in_the_environment_goes_before_a_secret(site, place):
    site.start_agent(WANDB_API_KEY=KEY, WANDB_API_KEY_SECRET="not-there").wait_log("agent.registered")


def test_what_is_wrong_with_the_secret_ends_the_start(site, place):
    for name, status, words in [("not-there", NOT_FOUND, "WANDB_API_KEY_SECRET: the agent's W&B key: secret "
                                 "projects/slipway-local/secrets/not-there/versions/latest: NOT_FOUND"),
                                ("no/secret", CONFIG, "WANDB_API_KEY_SECRET: \"no/secret\" names no secret")]:
        line = place.fails(status, "agent", "-q", "q", "--state-dir", "agent", WANDB_API_KEY=None, WANDB_API_KEY_SECRET=name)
        assert words in line
    site.own("add", "short")
    line = place.fails(CONFIG, "agent", "-q", "q", "--state-dir", "agent", WANDB_API_KEY=None, WANDB_API_KEY_SECRET="wandb-key")
    assert "API key must have 40+ characters" in line and "secrets/wandb-key/versions/latest" in line and "short" not in line
