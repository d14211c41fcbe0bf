"""slipway doctor: faults put in one at a time, each found by name, mended by what the finding says, and gone then."""

import base64
import contextlib
import dataclasses
import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import socket
import ssl
import subprocess
import threading
import typing
import urllib.error
import urllib.request

import pytest

from fake_google import AGENT, FakeGoogle
from harness import BINARY, KEY, FakeServer, Place

QUEUE = """\
spec:
  project: acme
  location: us-central1
  worker_pool_specs:
    - machine_spec: {machine_type: n1-standard-4}
      replica_count: 1
      container_spec:
        image_uri: us-central1-docker.pkg.dev/acme/train/trainer:v1
        env:
          - {name: HF_TOKEN, value_from: {secret_key_ref: {name: hf-token, key: "1"}}}
  staging_bucket: gs://acme-staging/launch
run:
  service_account: trainer@acme.iam.gserviceaccount.com
"""
TRAINER = "trainer@acme.iam.gserviceaccount.com"
SERVICES = ("OAUTH2", "AIPLATFORM", "CLOUDRESOURCEMANAGER", "SERVICEUSAGE", "IAM", "STORAGE", "SECRETMANAGER", "REGISTRY")


class Site:
    """A user whose Google and W&B server have all that a launch on the queue `q` needs."""

    def __init__(self, place, server_url):
        self.place, self.server_url = place, server_url
        self.google = FakeGoogle()
        self.closing = contextlib.ExitStack()
        self.closing.callback(self.google.close)
        self.argv = {"--queue": "q", "--state-dir": "state"}
        (place.folder / "queue.yaml").write_text(QUEUE)
        place.use(server_url, self.google.url)
        place.variables["PATH"] = os.environ["PATH"]

    def write(self, name, text, mode=0o600):
        file = self.place.folder / name
        file.write_text(text)
        file.chmod(mode)
        return file

    def env(self, **more):
        self.place.variables.update(more)

    def edit_queue(self, *changes):
        """From now on a config in a file is looked at: that of the queue with changes (old, new)."""
        text = QUEUE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.write("changed.yaml", text)
        self.argv["--queue-config"] = "changed.yaml"
        self.argv.pop("--queue", None)

    def log_in_as_a_person(self, mode=0o600, **more):
        file = self.write("user.json", json.dumps({"type": "authorized_user", "client_id": "i", "client_secret": "s",
                                                   "refresh_token": "r", "quota_project_id": "acme", **more}), mode)
        self.google.grant("projects/acme", "roles/serviceusage.serviceUsageConsumer")
        self.env(SLIPWAY_GOOGLE_CREDENTIALS=str(file))
        return file

    def use_a_key_file(self):
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True,
                             capture_output=True, text=True).stdout
        file = self.write("key.json", json.dumps({"type": "service_account", "client_email": AGENT, "private_key_id": "1",
                                                  "private_key": key, "project_id": "acme",
                                                  "token_uri": "https://oauth2.googleapis.com/token"}))
        self.env(SLIPWAY_GOOGLE_CREDENTIALS=str(file))

    def single_endpoints(self):
        """Google without its metadata server."""
        self.env(SLIPWAY_GOOGLE_ENDPOINT=None, NO_GCE_CHECK="true",
                 **{f"SLIPWAY_GOOGLE_ENDPOINT_{s}": self.google.url for s in SERVICES})

    def serve(self, server):
        """A server for the test, ended with it; its address."""
        return self.closing.enter_context(server).url

    def doctor(self, *more):
        argv = [w for pair in self.argv.items() for w in pair]
        done = self.place.slipway("doctor", *argv, *more, "-o", "json")
        assert done.returncode in (0, 1), done.stderr
        report = json.loads(done.stdout)
        assert (done.returncode == 1) == (report["problems"] > 0)
        return report

    def run_fix(self, finding):
        """Every command in the finding's fix, as a person would type it."""
        commands = re.findall(r"`([^`]+)`", finding["fix"])
        assert commands, f"no command in: {finding['fix']}"
        for command in commands:
            if command.startswith(("gcloud ", "docker ", "timedatectl ")):
                self.google.run(command)
            elif command.startswith("slipway "):
                self.place.ok(*command.split()[1:], stdin=KEY)
            else:
                done = self.place.run("sh", "-c", command)
                assert done.returncode == 0, done.stderr


def told(report):
    return {f["id"]: f for f in report["findings"] if f["level"] in ("problem", "warning")}


class Proxy:
    """In front of the W&B server: what a header of its answers is instead."""

    def __init__(self, url, **headers):
        proxy = self
        self.headers = headers

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                keep = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type", "User-Agent")}
                try:
                    reply = urllib.request.urlopen(urllib.request.Request(url + self.path, body, keep, method=self.command), timeout=10)
                except urllib.error.HTTPError as e:
                    reply = e
                with reply:
                    data = reply.read()
                    self.send_response_only(reply.status)
                    for name in ("Date", "Server", "Content-Type"):
                        self.send_header(name, proxy.headers.get(name, reply.headers[name]))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class TlsServer(FakeServer):
    """Https with a certificate that signed itself; .pem is it."""

    def __init__(self, folder):
        self.pem, key = folder / "tls.pem", folder / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.pem],
                       check=True, capture_output=True)
        super().__init__(404, "{}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = self.url.replace("http://", "https://")


class Silent:
    """Takes connections and says nothing."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a queue server of ada's with the queue `q`; the tests only read it, or add queues."""
    folder = tmp_path_factory.mktemp("server")
    p = Place(folder)
    try:
        p.ok("admin", "user", "create", "ada", "--admin", "--data", "server", "--api-key", KEY)
        url = p.start("server", "--data", "server", "--port", "0").url()
        p.use(url)
        (folder / "queue.yaml").write_text(QUEUE)
        p.ok("queue", "create", "q", "--config", "queue.yaml")
        yield url
    finally:
        p.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site(place, server):
    s = Site(place, server)
    with s.closing:
        yield s


# --- the faults ---


@dataclasses.dataclass
class Fault:
    name: str
    found: str  # the id; several, by spaces, when one fault is told in several places
    break_: typing.Callable  # of a Site
    level: str = "problem"
    permission: str | None = None
    says: str = ""  # words of cause or fix
    mend: typing.Callable | None = None  # None: the commands in the fix

    def __str__(self):
        return self.name.replace(" ", "-")


def set_env(**variables):
    return lambda s: s.env(**variables)


def set_option(name, value):
    return lambda s: s.argv.update({name: value})


def change(attribute, value):
    return lambda s: setattr(s.google, attribute, value)


def answers(pattern, status, body):
    return lambda s: s.google.answers.update({pattern: (status, body)})


def no_faulty_answers(s):
    s.google.answers.clear()


def refusal(reason, message, **metadata):
    return {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": message, "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}]}}


def refused_login(*error):
    def do(s):
        s.log_in_as_a_person()
        s.google.oauth_error = error
    return do


def refused_key(*error):
    def do(s):
        s.use_a_key_file()
        s.google.oauth_error = error
    return do


def accepted(s):
    s.google.oauth_error = None


def skewed_key(s):
    s.use_a_key_file()
    s.google.oauth_error = ("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
    s.google.clock_s = 900


def clock_set(s):
    s.google.clock_s = 0
    s.google.oauth_error = None


def drop_from(attribute, key):
    def do(s):
        holder = getattr(s.google, attribute)
        holder.discard(key) if isinstance(holder, set) else holder.pop(key)
    return do


def revoke(resource, role):
    return lambda s: s.google.revoke(resource, role)


def only_some_permissions(s):
    s.google.revoke("projects/acme", "roles/aiplatform.user")
    s.google.grant("projects/acme", "roles/aiplatform.viewer")


def untrusted_server(s):
    s.tls = s.closing.enter_context(TlsServer(s.place.folder))
    s.env(WANDB_BASE_URL=s.tls.url)


def untrusted_google(s):
    s.tls = s.closing.enter_context(TlsServer(s.place.folder))
    s.env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM=s.tls.url)


def locked_state(s):
    (s.place.folder / "state").mkdir()
    (s.place.folder / "state/journal.db").touch()
    s.lock = open(s.place.folder / "state/agent.lock", "w")
    s.closing.callback(s.lock.close)
    fcntl.flock(s.lock, fcntl.LOCK_EX)


def hidden_key(s):
    s.env(WANDB_API_KEY=None, WANDB_API_KEY_SECRET="projects/acme/secrets/wandb")
    s.google.secrets["acme", "wandb"] = {"1": "ENABLED"}


def broken_journal(s):
    (s.place.folder / "state").mkdir()
    (s.place.folder / "state/journal.db").write_text("this is no database, whatever its name says" * 100)


def no_project(s):
    s.log_in_as_a_person(quota_project_id="acme")
    s.edit_queue(("  project: acme\n", ""), ("value_from: {secret_key_ref: {name: hf-token, key: \"1\"}}", "value: x"))


def a_key_of_nobody(s):
    viewer = '{"data": {"viewer": {"id": "1", "username": "robot", "entity": null}}}'
    s.env(WANDB_BASE_URL=s.serve(FakeServer(200, viewer)), WANDB_ENTITY=None)


def a_queue_without_config(s):
    s.argv["--queue"] = "bare"
    mutate(s, 'createRunQueue(input: {entityName: "ada", projectName: "model-registry", queueName: "bare", access: PROJECT})')


def a_queue_of_another_runner(s):
    s.argv["--queue"] = "k8s"
    mutate(s, 'upsertRunQueue(input: {entityName: "ada", projectName: "model-registry", queueName: "k8s", resourceType: "kubernetes", '
              'resourceConfig: "{\\"resource_args\\": {\\"kubernetes\\": {}}}"})')


def mutate(s, call):
    mutation = f"mutation {{ {call} {{ success }} }}"
    token = base64.b64encode(f"api:{KEY}".encode()).decode()
    request = urllib.request.Request(s.server_url + "/graphql", json.dumps({"query": mutation}).encode(),
                                     {"Content-Type": "application/json", "Authorization": f"Basic {token}"})
    assert "errors" not in json.load(urllib.request.urlopen(request, timeout=10))


def disable(api):
    return drop_from("services", ("acme", api))


FAULTS = [
    # the machine
    Fault("a config key that does not exist", "config.invalid",
          lambda s: (s.write("lc.yaml", "queues: [q]\nmax_jbos: 3\n"), s.argv.update({"--config": "lc.yaml"})), says="max_jbos",
          mend=lambda s: s.write("lc.yaml", "queues: [q]\nmax_jobs: 3\n")),
    Fault("a variable that is no number", "config.invalid", set_env(WANDB_LAUNCH_MAX_JOBS="many"), says="WANDB_LAUNCH_MAX_JOBS",
          mend=set_env(WANDB_LAUNCH_MAX_JOBS="3")),
    Fault("a state directory that is a file", "state.not_a_folder",
          lambda s: (s.write("f", ""), s.argv.update({"--state-dir": "f"})), mend=set_option("--state-dir", "state")),
    Fault("a state directory that cannot be written", "state.not_writable", set_option("--state-dir", "/proc/slipway"),
          mend=set_option("--state-dir", "state")),
    Fault("a state directory that another agent has", "state.in_use", locked_state, level="warning",
          mend=lambda s: (s.lock.close(), (s.place.folder / "state/journal.db").unlink())),
    Fault("a damaged journal", "state.journal", broken_journal),
    # the way to Google
    Fault("a name that cannot be looked up", "google.dns", set_env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM="https://no-such-host.invalid"),
          says="no-such-host.invalid", mend=set_env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM=None)),
    Fault("a host that does not answer", "google.unreachable", set_env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM="https://127.0.0.1:1"),
          mend=set_env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM=None)),
    Fault("a certificate that is not believed", "google.tls", untrusted_google, says="SSL_CERT_FILE",
          mend=lambda s: s.env(SSL_CERT_FILE=str(s.tls.pem))),
    Fault("an endpoint that is no address", "config.invalid", set_env(SLIPWAY_GOOGLE_ENDPOINT="nonsense"), says="SLIPWAY_GOOGLE_ENDPOINT",
          mend=lambda s: s.env(SLIPWAY_GOOGLE_ENDPOINT=s.google.url)),
    Fault("an endpoint of a service that is no address", "google.endpoint", set_env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM="nonsense"),
          says="SLIPWAY_GOOGLE_ENDPOINT", mend=set_env(SLIPWAY_GOOGLE_ENDPOINT_AIPLATFORM=None)),
    Fault("a clock ten minutes slow", "clock.skew", change("clock_s", 630), says="10 min"),
    Fault("a clock ten minutes fast", "clock.skew", change("clock_s", -600), says="ahead"),
    Fault("a clock two minutes slow", "clock.skew", change("clock_s", 120), level="warning", says="behind"),
    # the credential
    Fault("no credential at all", "credential.missing", lambda s: s.single_endpoints(), says="gcloud auth application-default login",
          mend=lambda s: s.log_in_as_a_person()),
    Fault("a credential file that is not there", "credential.invalid", set_env(SLIPWAY_GOOGLE_CREDENTIALS="/nowhere/key.json"),
          says="/nowhere/key.json", mend=lambda s: s.log_in_as_a_person()),
    Fault("a credential file that is not JSON", "credential.invalid",
          lambda s: s.env(SLIPWAY_GOOGLE_CREDENTIALS=str(s.write("k", "hello"))), says="not a valid json",
          mend=lambda s: s.log_in_as_a_person()),
    Fault("a credential of an unknown type", "credential.invalid",
          lambda s: s.env(SLIPWAY_GOOGLE_CREDENTIALS=str(s.write("k", '{"type": "x"}'))), says="valid type",
          mend=lambda s: s.log_in_as_a_person()),
    Fault("a credential file that others can read", "credential.exposed", lambda s: s.log_in_as_a_person(mode=0o644), level="warning"),
    Fault("a login that has expired", "credential.login_expired", refused_login("invalid_grant", "Token has been expired or revoked.")),
    Fault("a login that wants a second factor", "credential.rapt_needed", refused_login("invalid_grant", "reauth related error", "invalid_rapt")),
    Fault("a client that was deleted", "credential.client_invalid", refused_login("invalid_client", "The OAuth client was not found.")),
    Fault("a key that was deleted", "credential.key_revoked", refused_key("invalid_grant", "Invalid JWT Signature."), mend=accepted,
          says="gcloud iam service-accounts keys create key.json --iam-account=" + AGENT),
    Fault("a key of an account that was deleted", "credential.account_missing",
          refused_key("invalid_grant", "Invalid grant: account not found"), mend=accepted, says="gcloud iam service-accounts list"),
    Fault("a key whose signature is outside its time", "clock.skew credential.clock_skew", skewed_key, mend=clock_set,
          says="timedatectl set-ntp true"),
    Fault("a token endpoint that fails", "credential.refused",
          lambda s: (s.log_in_as_a_person(), s.google.answers.update({"/token$": (400, b"<html>")})), mend=no_faulty_answers),
    Fault("a metadata server that never answers", "credential.timeout", change("stalled", "computeMetadata"), says="--timeout",
          mend=change("stalled", None)),
    Fault("scopes that are too narrow", "credential.scopes", change("scopes", ["https://www.googleapis.com/auth/devstorage.read_only"])),
    Fault("a token that is refused", "project.token_refused", change("bearer", "another"), mend=change("bearer", "good"),
          says="slipway auth whoami"),
    Fault("a quota project that we may not use", "quota_project.denied", set_env(GOOGLE_CLOUD_QUOTA_PROJECT="payer"),
          permission="serviceusage.services.use"),
    Fault("a login without a quota project", "quota_project.missing", lambda s: s.log_in_as_a_person(quota_project_id=""),
          level="warning", permission="serviceusage.services.use", mend=lambda s: s.log_in_as_a_person()),
    # the project
    Fault("no project", "project.unknown", no_project, mend=set_env(GOOGLE_CLOUD_PROJECT="acme"), says="GOOGLE_CLOUD_PROJECT"),
    Fault("a project that may not be looked at", "project.denied", revoke("projects/acme", "roles/browser"), level="warning",
          permission="resourcemanager.projects.get"),
    Fault("a project that is not there", "project.missing", answers("GET /v1/projects/acme$", 404, {"error": {
        "code": 404, "status": "NOT_FOUND", "message": "Project not found"}}), mend=no_faulty_answers, says="gcloud projects list"),
    Fault("a project that is being deleted", "project.inactive", lambda s: s.google.projects.update(acme="DELETE_REQUESTED")),
    Fault("a project without billing", "project.billing_disabled", answers("GET /v1/projects/acme$", 403, refusal(
        "BILLING_DISABLED", "This API method requires billing to be enabled.", consumer="projects/acme")), level="warning",
          mend=no_faulty_answers, says="gcloud billing projects link acme"),
    Fault("a perimeter around the project", "project.vpc_service_controls", answers("GET /v1/projects/acme$", 403, refusal(
        "SECURITY_POLICY_VIOLATED", "Request is prohibited by organization's policy. VPC Service Controls.")), level="warning",
          mend=no_faulty_answers, says="perimeter"),
    Fault("Vertex AI that is not enabled", "api.disabled", disable("aiplatform.googleapis.com"), permission="serviceusage.services.enable"),
    Fault("Secret Manager that is not enabled", "api.disabled", disable("secretmanager.googleapis.com"),
          permission="serviceusage.services.enable"),
    Fault("APIs that may not be looked at", "api.permission_denied", revoke("projects/acme", "roles/serviceusage.serviceUsageViewer"),
          level="warning", permission="serviceusage.services.get"),
    Fault("no permission on jobs", "permission.missing", revoke("projects/acme", "roles/aiplatform.user"),
          permission="aiplatform.customJobs.create, aiplatform.customJobs.get, aiplatform.customJobs.list, aiplatform.customJobs.cancel"),
    Fault("some permissions on jobs", "permission.missing", only_some_permissions,
          permission="aiplatform.customJobs.create, aiplatform.customJobs.cancel"),
    Fault("no permission on log lines", "permission.logs_missing", revoke("projects/acme", "roles/logging.viewer"), level="warning",
          permission="logging.logEntries.list"),
    # what jobs want
    Fault("a run-as account that jobs may not use", "account.act_as_denied", revoke(f"accounts/{TRAINER}", "roles/iam.serviceAccountUser"),
          permission="iam.serviceAccounts.actAs"),
    Fault("a run-as account that is not there", "account.missing", drop_from("accounts", TRAINER)),
    Fault("a bucket that is not there", "bucket.missing", drop_from("buckets", "acme-staging")),
    Fault("a bucket that may not be written", "bucket.write_denied", revoke("buckets/acme-staging", "roles/storage.objectUser"),
          permission="storage.objects.create"),
    Fault("a bucket far away", "bucket.location", lambda s: s.google.buckets.update({"acme-staging": "EUROPE-WEST4"}), level="warning",
          says="us-central1", mend=lambda s: s.google.buckets.update({"acme-staging": "US"})),
    Fault("a storage service that fails", "bucket.remote", answers("/iam/testPermissions", 503, b"<html>Service unavailable"),
          mend=no_faulty_answers),
    Fault("a storage service that never answers", "bucket.timeout", change("stalled", "/iam/testPermissions"), says="--timeout",
          mend=change("stalled", None)),
    Fault("a secret that is not there", "secret.missing", drop_from("secrets", ("acme", "hf-token"))),
    Fault("a secret that may not be read", "secret.denied", revoke("secrets/acme/hf-token", "roles/secretmanager.secretAccessor"),
          permission="secretmanager.versions.access"),
    Fault("a secret whose version is disabled", "secret.version_disabled",
          lambda s: s.google.secrets["acme", "hf-token"].update({"1": "DISABLED"})),
    Fault("a secret whose version was destroyed", "secret.version_destroyed",
          lambda s: (s.edit_queue(('key: "1"', "key: latest")), s.google.secrets["acme", "hf-token"].update({"1": "DESTROYED"}))),
    Fault("a secret without that version", "secret.version_missing", lambda s: s.google.secrets["acme", "hf-token"].clear()),
    Fault("an image that was never pushed", "image.missing", lambda s: s.google.repositories["acme/train"].clear()),
    Fault("a repository that is not there", "image.repository_missing", drop_from("repositories", "acme/train"),
          mend=lambda s: s.google.repositories.update({"acme/train": {"trainer": {"v1"}}}), says="gcloud artifacts repositories create"),
    Fault("an image that may not be pulled", "image.denied", revoke("repositories/acme/train", "roles/artifactregistry.reader"),
          permission="artifactregistry.repositories.downloadArtifacts"),
    # the W&B server
    Fault("a server that is down", "server.unreachable", set_env(WANDB_BASE_URL="http://127.0.0.1:1"),
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("a server that never answers", "server.timeout", lambda s: s.env(WANDB_BASE_URL=s.serve(Silent())),
          says="--timeout", mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("a server whose name is wrong", "server.dns", set_env(WANDB_BASE_URL="https://no-such-host.invalid"),
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("a server whose certificate is not believed", "server.tls", untrusted_server, says="SSL_CERT_FILE",
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("a server address that is none", "server.settings", set_env(WANDB_BASE_URL="ftp://here"),
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("something else than a W&B server", "server.not_wandb",
          lambda s: s.env(WANDB_BASE_URL=s.serve(FakeServer(200, "<html>Welcome to nginx"))),
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("no key", "server.no_key", set_env(WANDB_API_KEY=None)),
    Fault("a key in a secret that may not be read", "server.key_unreadable secret.denied", hidden_key,
          permission="secretmanager.versions.access"),
    Fault("a key that is not known", "server.key_refused", set_env(WANDB_API_KEY="f" * 40), mend=set_env(WANDB_API_KEY=KEY),
          says="WANDB_API_KEY"),
    Fault("a key without an entity", "server.no_entity", a_key_of_nobody, says="WANDB_ENTITY",
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url, WANDB_ENTITY="ada")),
    Fault("an entity that is not there", "server.entity_missing", set_env(WANDB_ENTITY="nobody"), mend=set_env(WANDB_ENTITY="ada")),
    Fault("a server of another version", "server.version",
          lambda s: s.env(WANDB_BASE_URL=s.serve(Proxy(s.server_url, Server="slipway/9.9.9"))), level="warning", says="9.9.9",
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    Fault("a server whose clock is another", "clock.skew",
          lambda s: s.env(WANDB_BASE_URL=s.serve(Proxy(s.server_url, Date="Mon, 01 Jan 2001 00:00:00 GMT"))), level="warning",
          mend=lambda s: s.env(WANDB_BASE_URL=s.server_url)),
    # queues
    Fault("a queue that is not there", "queue.missing", set_option("--queue", "forgotten")),
    Fault("a queue without a config", "queue.no_config", a_queue_without_config),
    Fault("a queue of another runner", "queue.wrong_resource", a_queue_of_another_runner, says="kubernetes",
          mend=set_option("--queue", "q")),
    Fault("a config of which no job can be made", "queue.config_invalid",
          lambda s: s.edit_queue(("machine_type: n1-standard-4", "machine_typo: n1-standard-4")), says="machine_typo",
          mend=lambda s: s.edit_queue()),
    Fault("a config that is not YAML", "queue.config_unreadable", lambda s: s.edit_queue(("spec:\n", "spec: [\n")),
          mend=lambda s: s.edit_queue()),
    Fault("a config to be warned of", "queue.config_warning",
          lambda s: s.edit_queue(("machine_type: n1-standard-4", "machine_type: zz9-standard-4")), level="warning",
          mend=lambda s: s.edit_queue()),
]


def test_nothing_is_found_where_nothing_is_wrong(site):
    report = site.doctor()

    assert told(report) == {} and report["problems"] == report["warnings"] == 0
    assert {f["level"] for f in report["findings"]} == {"ok"}
    assert {f["id"].split(".")[0] for f in report["findings"]} == {
        "config", "state", "google", "clock", "credential", "server", "queue", "project", "api", "permission", "quota_project",
        "account", "bucket", "secret", "image"}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_named_and_what_the_finding_says_mends_it(site, fault):
    fault.break_(site)
    slow = ("--timeout", "1") if "timeout" in fault.found else ()
    report = site.doctor(*slow)
    findings = told(report)

    assert set(findings) == set(fault.found.split()), json.dumps(findings, indent=1)
    finding = findings[fault.found.split()[-1]]
    assert finding["level"] == fault.level
    assert finding["permission"] == fault.permission
    assert finding["title"] and finding["cause"] and finding["fix"]
    assert fault.says in f"{finding['cause']} {finding['fix']}"

    if fault.mend:
        fault.mend(site)
    else:
        site.run_fix(finding)
    assert told(site.doctor()) == {}


def test_what_cannot_be_looked_at_says_why(site):
    site.env(SLIPWAY_GOOGLE_CREDENTIALS="/nowhere/key.json", WANDB_API_KEY=None)
    skipped = {f["id"]: f["cause"] for f in site.doctor()["findings"] if f["level"] == "not_checked"}

    assert skipped == {"project": "no token", "api": "no token", "permission": "no token", "quota_project": "no token",
                       "queue": "the server cannot be asked"}


def test_a_check_that_takes_too_long_hides_no_other(site):
    site.google.stalled = "/iam/testPermissions"
    site.google.revoke("secrets/acme/hf-token", "roles/secretmanager.secretAccessor")
    site.google.repositories["acme/train"].clear()

    assert set(told(site.doctor("--timeout", "1"))) == {"bucket.timeout", "secret.denied", "image.missing"}


def test_all_faults_are_told_at_once(site):
    faults = [f for f in FAULTS if f.name in ("Vertex AI that is not enabled", "no permission on jobs", "a run-as account that is not there",
                                              "a bucket that may not be written", "a secret whose version is disabled",
                                              "an image that may not be pulled", "a clock two minutes slow")]
    for fault in faults:
        fault.break_(site)
    findings = told(site.doctor())
    assert set(findings) == {f.found for f in faults}

    for finding in findings.values():
        site.run_fix(finding)
    assert told(site.doctor()) == {}


def test_a_queue_and_a_file_of_two_projects_are_both_looked_at(site):
    site.edit_queue(("project: acme", "project: payer"))
    site.argv["--queue"] = "q"
    findings = told(site.doctor())

    assert "project payer" in findings["project.denied"]["title"]
    assert "payer" in findings["permission.missing"]["fix"] and "payer" in findings["secret.missing"]["fix"]


def test_what_only_a_launch_knows_is_not_looked_at(site):
    site.edit_queue(("gs://acme-staging/launch", "gs://${entity_name}-staging/launch"),
                    ("us-central1-docker.pkg.dev/acme/train/trainer:v1", "${image_uri}"), (f"  service_account: {TRAINER}\n", "  timeout: 60\n"))
    report = site.doctor()

    assert told(report) == {}
    assert not {"bucket", "image", "account"} & {f["id"] for f in report["findings"]}


def test_template_variables_are_looked_at_with_a_value_that_is_allowed(site):
    (site.place.folder / "t.yaml").write_text(QUEUE.replace("acme-staging", "{{bucket}}"))
    (site.place.folder / "v.yaml").write_text("bucket: {schema: {type: string, enum: [acme-other, acme-staging]}}\n")
    site.place.ok("queue", "create", "templates", "--config", "t.yaml", "--template-variables", "v.yaml")
    site.argv["--queue"] = "templates"

    assert "acme-other" in told(site.doctor())["bucket.missing"]["title"]


def test_a_registry_that_wants_a_token_of_its_own_gets_it(site):
    site.google.registry_wants_its_own_token = True
    images = [f for f in site.doctor()["findings"] if f["id"] == "image"]

    assert images[0]["level"] == "ok" and "sha256:" in images[0]["cause"]
    assert any(a.startswith("GET /v2/token?service=here&scope=repository%3Aacme%2Ftrain%2Ftrainer%3Apull") for a in site.google.asked)


def test_the_key_may_be_in_a_secret(site):
    hidden_key(site)
    site.google.grant("secrets/acme/wandb", "roles/secretmanager.secretAccessor")
    report = site.doctor()

    assert told(report) == {}
    assert any("takes the key of ada (WANDB_API_KEY_SECRET)" in f["cause"] for f in report["findings"])
    assert any(f["title"] == "secret projects/acme/secrets/wandb/versions/latest" for f in report["findings"])


def test_images_of_other_registries_are_left_alone(site):
    site.edit_queue(("us-central1-docker.pkg.dev/acme/train/trainer:v1", "docker.io/library/python:3"))

    assert [f["level"] for f in site.doctor()["findings"] if f["id"] == "image"] == ["not_checked"]
    assert not any("/v2/" in a for a in site.google.asked)


def test_what_is_no_registry_is_not_believed(site):
    site.google.answers["/v2/"] = (404, b"<html>not here")

    assert [f["level"] for f in site.doctor()["findings"] if f["id"] == "image"] == ["not_checked"]


def test_text_has_a_line_for_each_finding_and_what_to_do(site):
    site.google.services.remove(("acme", "aiplatform.googleapis.com"))
    site.google.accounts.clear()
    site.edit_queue(("us-central1-docker.pkg.dev/acme/train/trainer:v1", "docker.io/library/python:3"))
    done = site.place.slipway("doctor", "--queue-config", "changed.yaml", "--state-dir", "state")

    assert done.returncode == 1 and done.stderr.endswith("slipway: 2 problems are in the way of a launch\n")
    assert "✓ project acme: is there\n" in done.stdout
    assert "- image docker.io/library/python:3: not checked: it is in no registry of Google's\n" in done.stdout
    assert ("✗ API aiplatform.googleapis.com in acme: it is not enabled\n    permission  serviceusage.services.enable\n"
            "    to mend it  run `gcloud services enable aiplatform.googleapis.com --project=acme`, and wait a minute or two\n"
            "    [api.disabled]\n") in done.stdout
    assert "\r" not in done.stderr  # progress is for terminals


def read_all(terminal):
    """What was written to it, until nobody has its other side open any more."""
    seen = b""
    with contextlib.suppress(OSError):
        while more := os.read(terminal, 100000):
            seen += more
    return seen.decode()


def test_people_at_a_terminal_see_what_is_being_looked_at(site):
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run([BINARY, "doctor", "--queue", "q", "--state-dir", "state"], stdout=subprocess.PIPE, stderr=theirs,
                              env=site.place.env(), cwd=site.place.folder, timeout=20)
    finally:
        os.close(theirs)
    seen = read_all(ours)
    os.close(ours)
    assert done.returncode == 0
    assert "\r\x1b[K1/14 configuration ..." in seen and "\r\x1b[K14/14 images ..." in seen
    assert seen.endswith("\r\x1b[K")  # nothing of it stays


def test_text_says_when_nothing_is_wrong(site):
    assert site.place.ok("doctor", "--queue", "q", "--state-dir", "state").endswith("\nNothing is in the way of a launch.\n")


def test_nothing_is_changed_by_looking(site):
    before = {k: str(v) for k, v in vars(site.google).items() if k in ("policies", "services", "buckets", "secrets", "repositories")}
    site.doctor()

    assert before == {k: str(vars(site.google)[k]) for k in before}
    assert all(a.split()[0] in ("GET", "HEAD") or a.endswith(":testIamPermissions") for a in site.google.asked)
    assert not (site.place.folder / "state").exists()


def test_there_is_a_fault_for_every_finding_that_is_documented():
    text = (pathlib.Path(__file__).parents[2] / "docs/doctor.md").read_text()
    documented = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", text, re.M))
    tried = {i for f in FAULTS for i in f.found.split()}

    assert len(FAULTS) >= 40
    assert tried - documented == set()
    untried = {"state.space"}  # a full disk: tests/unit/cli/test_doctor.c
    assert documented - tried == untried
