"""`slipway iam`: what an agent must be granted, and that this is enough."""

import json
import shlex
import subprocess

import pytest

from harness import BINARY, IMAGES, KEY, PYTHON_IMAGE, ROOT, FakeServer, wait_for

QUEUES = ROOT / "examples/queues"
MEMBER = "serviceAccount:slipway-agent@acme-ml.iam.gserviceaccount.com"


def iam(place, what, *queues, **options):
    argv = [a for q in queues for a in ("--queue-config", QUEUES / f"{q}.yaml")]
    return place.ok("iam", what, *argv, "--gcp-project", "acme-ml", *options.get("more", ()))


def commands(text):
    return [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#") and line != "set -e"]


def test_each_thing_of_a_config_is_granted_where_it_is(place):
    lines = [" ".join(c) for c in commands(iam(place, "commands", "cross-project", "secret-manager"))]

    def one(*parts):
        found = [line for line in lines if all(p in line for p in parts)]
        assert len(found) == 1, (parts, lines)
        assert f"--member={MEMBER}" in found[0] or "create" in found[0] or "enable" in found[0]

    one("projects add-iam-policy-binding acme-research", "roles/slipway_agent", "--condition=None")
    one("service-accounts add-iam-policy-binding trainer@acme-research.iam.gserviceaccount.com", "--project=acme-research",
        "--role=roles/iam.serviceAccountUser")
    one("storage buckets add-iam-policy-binding gs://acme-data-experiments", "roles/storage.objectUser")
    one("secrets add-iam-policy-binding hf-token", "--project=acme-ml", "roles/secretmanager.secretAccessor")
    one("secrets add-iam-policy-binding pypi-mirror", "--project=acme-shared")
    one("artifacts repositories add-iam-policy-binding training", "--project=acme-shared", "--location=us-central1",
        "roles/artifactregistry.reader")
    one("services enable --project=acme-research", "secretmanager.googleapis.com")


def test_the_launch_config_adds_its_builder_and_its_key(place):
    (place.folder / "launch.yaml").write_text(
        "queues: [q]\nbuilder: {type: kaniko}\nregistry: {type: gcr, uri: europe-west4-docker.pkg.dev/acme-images/builds}\n")
    text = iam(place, "commands", "minimal", more=("--config", "launch.yaml"))
    assert "gcloud artifacts repositories add-iam-policy-binding builds --project=acme-images --location=europe-west4" in text
    assert "roles/artifactregistry.writer" in text
    done = place.slipway("iam", "commands", "--gcp-project", "acme-ml", WANDB_API_KEY_SECRET="projects/keys/secrets/wandb")
    assert "gcloud secrets add-iam-policy-binding wandb --project=keys" in done.stdout


def test_a_script_quotes_what_a_shell_would_read(place):
    text = place.ok("iam", "commands", "--gcp-project", "acme-ml", "--member", "user:o'brien $(x)@acme.com")
    assert ["--member=user:o'brien $(x)@acme.com"] == [w for c in commands(text) for w in c if w.startswith("--member=")]


def test_policies_are_yaml_and_json_of_the_same(place):
    import yaml

    text = iam(place, "policy", "cross-project", "secret-manager")
    documents = list(yaml.safe_load_all(text))
    as_json = json.loads(iam(place, "policy", "cross-project", "secret-manager", more=("-o", "json")))
    assert documents == list(as_json.values())
    conditions = [b["condition"]["expression"] for d in documents for b in d["bindings"] if "condition" in b]
    assert 'resource.name.extract("/secrets/{name}/versions/") == "hf-token"' in conditions
    assert "projects/acme-research/serviceAccounts/trainer@acme-research.iam.gserviceaccount.com" in as_json
    one = json.loads(iam(place, "policy", "cross-project", more=("-o", "json", "--on", "projects/acme-shared")))
    assert one == as_json["projects/acme-shared"] | {"bindings": [b for b in as_json["projects/acme-shared"]["bindings"]
                                                                 if "artifactregistry" in b["role"]]}


def test_the_role_is_what_gcloud_reads(place):
    import yaml

    role = yaml.safe_load(iam(place, "role", "minimal"))
    assert set(role) == {"title", "description", "stage", "includedPermissions"}
    assert role["includedPermissions"] == sorted(role["includedPermissions"])
    assert role == json.loads(iam(place, "role", "minimal", more=("-o", "json")))


@pytest.mark.parametrize("argv, words", [
    (("role",), "--gcp-project"),
    (("role", "--gcp-project", "p", "--queue-config", "none.yaml"), "none.yaml"),
    (("policy", "--gcp-project", "p", "--on", "projects/q"), "nothing is granted on projects/q"),
    (("wif", "venus", "--gcp-project", "p", "--project-number", "1"), '"venus" is none of aws'),
    (("wif", "aws", "--gcp-project", "p"), "--project-number N are needed"),
    (("wif", "aws", "--gcp-project", "p", "--project-number", "1"), "iam wif aws needs --aws-account"),
    (("wif", "oidc", "--gcp-project", "p", "--project-number", "x1"), "projectNumber"),
])
def test_wrong_input_says_what_to_do(place, argv, words):
    done = place.slipway("iam", *argv)
    assert done.returncode != 0 and words in done.stderr, done.stderr


# --- outside Google Cloud

PLACE = ("--gcp-project", "acme-ml", "--project-number", "123456789012")
OUTSIDE = {
    "aws": ("--aws-account", "210987654321", "--subject", "agent-role"),
    "azure": ("--tenant", "11111111-2222-3333-4444-555555555555", "--audience", "api://slipway", "--subject", "66666666"),
    "oidc": ("--issuer", "https://issuer.acme.dev", "--subject", "agent", "--token-file", "/run/token", "--audience", "google"),
    "saml": ("--metadata", "idp.xml", "--subject", "agent", "--token-file", "/run/saml"),
    "github": ("--repository", "acme/train",),
    "kubernetes": ("--issuer", "https://k8s.acme.dev", "--subject", "launch:agent"),
}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_credential_file_of_a_pool_is_one_that_google_auth_loads(place, kind):
    import google.auth

    v = place.json("iam", "wif", kind, *PLACE, *OUTSIDE[kind], "--credential-file", "credential.json")
    credentials, _ = google.auth.load_credentials_from_file(str(place.folder / "credential.json"))
    assert credentials.service_account_email == "slipway-agent@acme-ml.iam.gserviceaccount.com"
    assert v["credential"] == json.loads((place.folder / "credential.json").read_text())
    pool, provider, binding = commands(v["commands"])
    assert pool[:5] == ["gcloud", "iam", "workload-identity-pools", "create", "slipway"]
    assert provider[4].startswith("create-") and "--workload-identity-pool=slipway" in provider
    assert "--role=roles/iam.workloadIdentityUser" in binding
    # ours reads it as well: it gets as far as the token of the other cloud
    done = place.slipway("auth", "print-access-token", GOOGLE_APPLICATION_CREDENTIALS=str(place.folder / "credential.json"),
                         SLIPWAY_GOOGLE_ENDPOINT_STS="http://127.0.0.1:1", NO_GCE_CHECK="true")
    assert done.returncode != 0 and "missing fields" not in done.stderr and "credential_source" not in done.stderr, done.stderr


def test_the_whole_script_writes_the_file(place):
    text = place.ok("iam", "wif", "kubernetes", *PLACE, *OUTSIDE["kubernetes"])
    file = text[text.index("cat > slipway-credentials.json"):]
    subprocess.run(["sh", "-c", file], cwd=place.folder, check=True, timeout=10)
    assert json.loads((place.folder / "slipway-credentials.json").read_text())["type"] == "external_account"


# --- audit

def test_audit_counts_what_was_granted_and_denied(place):
    def entry(permission, granted):
        return {"timestamp": "2026-11-20T00:00:00Z", "protoPayload": {
            "methodName": "google.cloud.aiplatform.v1.JobService.CreateCustomJob",
            "authorizationInfo": [{"permission": permission, "granted": granted}]}}

    answer = {"access_token": "t", "expires_in": 3600, "token_type": "Bearer", "entries": [
        entry("aiplatform.customJobs.create", True), entry("aiplatform.customJobs.create", True), entry("storage.buckets.get", False)]}
    with FakeServer(200, json.dumps(answer)) as fake:
        found = json.loads(place.ok("iam", "audit", "--gcp-project", "acme-ml", "-o", "json", SLIPWAY_GOOGLE_ENDPOINT=fake.url))
        text = place.ok("iam", "audit", "--gcp-project", "acme-ml", SLIPWAY_GOOGLE_ENDPOINT=fake.url)
    assert [(p["permission"], p["granted"], p["denied"]) for p in found["permissions"]] == \
        [("aiplatform.customJobs.create", 2, 0), ("storage.buckets.get", 0, 1)]
    assert "aiplatform.customJobs.cancel" in found["unseen"] and "aiplatform.customJobs.create" not in found["unseen"]
    assert "The role has, and nobody used: aiplatform.customJobs.cancel" in text
    asked = json.loads(fake.requests[-1])
    assert asked["resourceNames"] == ["projects/acme-ml"]
    assert 'principalEmail="slipway-agent@acme-ml.iam.gserviceaccount.com"' in asked["filter"]


# --- least privilege: the role and policy that `iam` writes, on an emulator that asks who calls

CONFIG = """\
spec:
  worker_pool_specs:
    - machine_spec: {machine_type: n1-standard-4}
      replica_count: 1
      container_spec: {image_uri: "${image_uri}"}
  staging_bucket: gs://staging-one/launch
run:
  service_account: trainer-one@proj-one.iam.gserviceaccount.com
"""
AGENT = "slipway-agent@proj-one.iam.gserviceaccount.com"


class Least:
    """Server, strict emulator and an agent whose account has exactly what `slipway iam` says."""

    def __init__(self, place):
        self.place = place
        (place.folder / "queue.yaml").write_text(CONFIG)
        place.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
        self.server = place.start("server", "--data", "server", "--port", "0")
        self.emulator = place.start("emulator", "--data", "emulator", "--require-auth", "--gcp-project", "proj-one", "--speed", "1000",
                                    "--images", IMAGES, "--port", "0")
        self.emulator.url()
        self.own("account", "create", "slipway-agent", "--key-file", "key.json")
        self.own("account", "create", "trainer-one")
        self.own("bucket", "create", "staging-one")
        self.role = json.loads(self.iam("role"))
        self.apply(self.role)
        policies = json.loads(self.iam("policy"))
        for on, policy in policies.items():
            (place.folder / "policy.json").write_text(json.dumps(policy))
            self.own("policy", "set", "policy.json", "--on", on)
        place.use(self.server.url(), self.emulator.url())
        place.variables["SLIPWAY_GOOGLE_CREDENTIALS"] = "key.json"
        place.ok("queue", "create", "q", "--config", "queue.yaml")
        self.agent = place.start("agent", "-q", "q", "--state-dir", "agent", GOOGLE_CLOUD_PROJECT="proj-one")
        self.agent.wait_log("agent.registered")

    def iam(self, what):
        return self.place.ok("iam", what, "--queue-config", "queue.yaml", "--gcp-project", "proj-one", "-o", "json")

    def own(self, *argv):
        return self.place.ok("emulator", *argv, "--data", "emulator")

    def apply(self, role):
        (self.place.folder / "role.json").write_text(json.dumps(role))
        self.own("role", "apply", "slipway_agent", "role.json")

    def without(self, permission):
        self.apply({**self.role, "includedPermissions": [p for p in self.role["includedPermissions"] if p != permission]})

    def launch(self, *argv):
        return self.place.launch("q", "-c", *argv)


@pytest.fixture
def least(place):
    return Least(place)


def test_what_iam_writes_is_enough_and_each_part_is_needed(least):
    place = least.place
    end = place.item_at_end(least.launch("print('hello from a job')"))
    assert end["state"] == "FINISHED", end
    assert "hello from a job" in place.ok("logs", end["id"])

    least.without("aiplatform.customJobs.create")
    failed = place.item_at_end(least.launch("pass"))
    assert failed["state"] == "FAILED" and "aiplatform.customJobs.create" in json.dumps(failed), failed

    least.without("logging.logEntries.list")
    done = place.slipway("logs", end["id"])
    assert done.returncode == 5 and "logging.logEntries.list" in done.stderr, done.stderr

    least.without("aiplatform.customJobs.list")
    item = least.launch("pass")
    least.agent.wait_log(r"aiplatform\.customJobs\.list")
    least.apply(least.role)
    assert place.item_at_end(item)["state"] == "FINISHED"

    least.own("revoke", "serviceAccount:" + AGENT, "roles/iam.serviceAccountUser", "--on",
              "projects/proj-one/serviceAccounts/trainer-one@proj-one.iam.gserviceaccount.com")
    failed = place.item_at_end(least.launch("pass"))
    assert failed["state"] == "FAILED" and "iam.serviceAccounts.actAs" in json.dumps(failed), failed


def test_the_permission_to_cancel_is_needed_to_stop(least):
    place = least.place
    least.without("aiplatform.customJobs.cancel")
    item = least.launch("import time; time.sleep(1000)")
    wait_for(lambda: place.item(item)["state"] not in ("PENDING", "LEASED", "WAITING"))
    place.slipway("stop", item)
    least.agent.wait_log(r"aiplatform\.customJobs\.cancel")
    least.apply(least.role)
    assert place.item_at_end(item)["state"] == "STOPPED"


def findings(least):
    """What doctor says of the agent's own set-up: (exit status, the findings that are not fine)."""
    done = least.place.slipway("doctor", "--queue", "q", "-o", "json", GOOGLE_CLOUD_PROJECT="proj-one",
                               GOOGLE_CLOUD_QUOTA_PROJECT="proj-one")
    answer = json.loads(done.stdout)
    return done.returncode, [f for f in answer["findings"] if f["level"] in ("warning", "problem")]


def test_doctor_has_nothing_to_say_and_then_names_each_permission_that_is_gone(least):
    least.agent.stop()
    status, found = findings(least)
    assert (status, found) == (0, []), found
    for permission in least.role["includedPermissions"]:
        least.without(permission)
        _, found = findings(least)
        assert permission in json.dumps(found), (permission, found)
    least.apply(least.role)
    assert findings(least) == (0, [])
