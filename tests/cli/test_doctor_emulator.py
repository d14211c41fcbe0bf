"""slipway doctor against the emulator's rules of access: what `slipway iam` grants is healthy, and what is taken away is missed."""

import json

import pytest

from harness import KEY

CONFIG = """\
spec:
  project: proj-one
  location: us-central1
  worker_pool_specs:
    - machine_spec: {machine_type: n1-standard-4}
      replica_count: 1
      container_spec:
        image_uri: docker.io/library/python:3
        env: [{name: TOKEN, value_from: {secret_key_ref: {name: hf-token, key: "1"}}}]
  staging_bucket: gs://staging-one
run: {service_account: trainer@proj-one.iam.gserviceaccount.com}
"""
AGENT = "serviceAccount:slipway-agent@proj-one.iam.gserviceaccount.com"
TRAINER = "projects/proj-one/serviceAccounts/trainer@proj-one.iam.gserviceaccount.com"


class Site:
    """Server, strict emulator, a queue `q`, and the key file of an account that has what `slipway iam` says."""

    def __init__(self, place):
        self.place = place
        (place.folder / "queue.yaml").write_text(CONFIG)
        place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
        server = place.start("server", "--data", "server", "--port", "0")
        emulator = place.start("emulator", "--data", "emulator", "--require-auth", "--gcp-project", "proj-one", "--port", "0")
        place.use(server.url(), emulator.url())
        place.variables |= {"SLIPWAY_GOOGLE_CREDENTIALS": "key.json", "GOOGLE_CLOUD_PROJECT": "proj-one"}
        place.ok("queue", "create", "q", "--config", "queue.yaml")
        self.own("account create slipway-agent --key-file key.json")
        self.own("account create trainer")
        self.own("bucket create staging-one")
        self.own("secret create hf-token --data-file -", stdin="hunter2")
        self.role = self.iam("role")
        self.apply(self.role)
        for on, policy in self.iam("policy").items():
            (place.folder / "policy.json").write_text(json.dumps(policy))
            self.own(f"policy set policy.json --on {on}")

    def iam(self, what):
        return json.loads(self.place.ok("iam", what, "--queue-config", "queue.yaml", "--gcp-project", "proj-one", "-o", "json"))

    def own(self, command, **options):
        return self.place.ok("emulator", *command.split(), "--data", "emulator", **options)

    def apply(self, role):
        (self.place.folder / "role.json").write_text(json.dumps(role))
        self.own("role apply slipway_agent role.json")

    def without(self, permission):
        self.apply({**self.role, "includedPermissions": [p for p in self.role["includedPermissions"] if p != permission]})

    def told(self, *argv):
        done = self.place.slipway("doctor", "--queue", "q", "--state-dir", "state", "-o", "json", *argv)
        return {f["id"]: f for f in json.loads(done.stdout)["findings"] if f["level"] in ("problem", "warning")}


@pytest.fixture
def site(place):
    return Site(place)


def test_what_iam_grants_is_all_that_doctor_wants(site):
    assert site.told() == {}


def test_each_thing_that_is_taken_away_is_missed_until_it_is_back(site):
    faults = [
        ("api.disabled", "service disable aiplatform.googleapis.com", "service enable aiplatform.googleapis.com"),
        ("api.disabled", "service disable secretmanager.googleapis.com", "service enable secretmanager.googleapis.com"),
        ("account.act_as_denied", f"revoke {AGENT} roles/iam.serviceAccountUser --on {TRAINER}",
         f"grant {AGENT} roles/iam.serviceAccountUser --on {TRAINER}"),
        ("bucket.write_denied", f"revoke {AGENT} roles/storage.objectUser",
         f"grant {AGENT} roles/storage.objectUser --on buckets/staging-one"),
        ("secret.version_disabled", "secret disable hf-token:1", "secret enable hf-token:1"),
        ("account.missing", "account delete trainer", "account create trainer",
         f"grant {AGENT} roles/iam.serviceAccountUser --on {TRAINER}"),
    ]
    for found, fault, *mend in faults:
        site.own(fault)
        told = site.told()
        assert found in told and all(i.split(".")[0] in (found.split(".")[0], "secret") for i in told), (fault, told)
        for command in mend:
            site.own(command)
        assert site.told() == {}, mend


def test_each_permission_of_the_role_is_missed_by_name(site):
    for verb in ("create", "get", "list", "cancel"):
        site.without(f"aiplatform.customJobs.{verb}")
        told = site.told()
        assert set(told) == {"permission.missing"} and told["permission.missing"]["permission"] == f"aiplatform.customJobs.{verb}"
    site.apply(site.role)
    assert site.told() == {}


def test_an_account_that_was_deleted_cannot_log_in(site):
    site.own("account delete slipway-agent")
    assert set(site.told()) == {"credential.account_missing"}
