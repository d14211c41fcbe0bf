"""A Google of the test's own: what `slipway doctor` asks, over state that a test breaks and gcloud's commands mend."""

import base64
import email.utils
import http.server
import json
import re
import shlex
import threading
import time
import urllib.parse

from harness import KEY

AGENT = "agent@acme.iam.gserviceaccount.com"
ROLES = {
    "roles/aiplatform.user": ["aiplatform.customJobs.create", "aiplatform.customJobs.get", "aiplatform.customJobs.list",
                              "aiplatform.customJobs.cancel"],
    "roles/aiplatform.viewer": ["aiplatform.customJobs.get", "aiplatform.customJobs.list"],
    "roles/logging.viewer": ["logging.logEntries.list"],
    "roles/browser": ["resourcemanager.projects.get"],
    "roles/serviceusage.serviceUsageViewer": ["serviceusage.services.get"],
    "roles/serviceusage.serviceUsageConsumer": ["serviceusage.services.get", "serviceusage.services.use"],
    "roles/iam.serviceAccountUser": ["iam.serviceAccounts.actAs"],
    "roles/iam.serviceAccountTokenCreator": ["iam.serviceAccounts.getAccessToken"],
    "roles/storage.objectUser": ["storage.objects.create", "storage.objects.get", "storage.objects.list"],
    "roles/storage.legacyBucketReader": ["storage.buckets.get", "storage.objects.list"],
    "roles/secretmanager.secretAccessor": ["secretmanager.versions.access"],
    "roles/secretmanager.viewer": ["secretmanager.versions.get"],
    "roles/artifactregistry.reader": ["artifactregistry.repositories.downloadArtifacts"],
}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Refusal(Exception):
    def __init__(self, status, word, message, reason=None, **metadata):
        super().__init__(message)
        error = {"code": status, "status": word, "message": message}
        if reason:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                                 "domain": "googleapis.com", "metadata": metadata}]
        self.status, self.body = status, {"error": error}


class FakeGoogle:
    """All services at one address, the metadata server too; its state is healthy for the config of test_doctor.py."""

    def __init__(self):
        self.projects = {"acme": "ACTIVE", "payer": "ACTIVE"}
        self.services = {("acme", "aiplatform.googleapis.com"), ("acme", "secretmanager.googleapis.com"),
                         ("acme", "serviceusage.googleapis.com"), ("payer", "serviceusage.googleapis.com")}
        self.accounts = {"trainer@acme.iam.gserviceaccount.com"}
        self.buckets = {"acme-staging": "US-CENTRAL1"}
        self.secrets = {("acme", "hf-token"): {"1": "ENABLED"}}
        self.repositories = {"acme/train": {"trainer": {"v1"}}}
        self.policies = {}  # resource -> {role: {member}}
        for role in ("roles/aiplatform.user", "roles/logging.viewer", "roles/browser", "roles/serviceusage.serviceUsageViewer"):
            self.grant("projects/acme", role)
        self.grant("accounts/trainer@acme.iam.gserviceaccount.com", "roles/iam.serviceAccountUser")
        self.grant("buckets/acme-staging", "roles/storage.objectUser")
        self.grant("buckets/acme-staging", "roles/storage.legacyBucketReader")
        self.grant("secrets/acme/hf-token", "roles/secretmanager.secretAccessor")
        self.grant("secrets/acme/hf-token", "roles/secretmanager.viewer")
        self.grant("repositories/acme/train", "roles/artifactregistry.reader")
        self.clock_s = 0  # ahead of the real one
        self.payload = KEY.encode()  # of every secret
        self.scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        self.answers = {}  # pattern of "METHOD path" -> (status, body): instead of ours
        self.stalled = None  # pattern of what is not answered until the end
        self.oauth_error = None  # of the token endpoint: (error, description[, subtype])
        self.bearer = "good"
        self.registry_wants_its_own_token = False
        self.asked = []
        self.over = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    # --- policies

    def grant(self, resource, role, member=f"serviceAccount:{AGENT}"):
        self.policies.setdefault(resource, {}).setdefault(role, set()).add(member)

    def revoke(self, resource, role):
        del self.policies[resource][role]

    def may(self, permission, *resources, member=f"serviceAccount:{AGENT}"):
        return any(permission in ROLES[role] and member in members
                   for r in resources for role, members in self.policies.get(r, {}).items())

    # --- HTTP

    def handler(self):
        google = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                what = f"{self.command} {self.path}"
                google.asked.append(what)
                if google.stalled and re.search(google.stalled, what):
                    google.over.wait(30)
                    return
                status, reply, headers = google.reply(self, body)
                data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response_only(status)
                self.send_header("Date", email.utils.formatdate(time.time() + google.clock_s, usegmt=True))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_POST = do_HEAD = answer

            def log_message(self, *_):
                pass

        return Handler

    def reply(self, request, body):
        what = f"{request.command} {request.path}"
        for pattern, (status, reply) in self.answers.items():
            if re.search(pattern, what):
                return status, reply, {}
        url = urllib.parse.urlsplit(request.path)
        try:
            if url.path.startswith("/computeMetadata/"):
                return 200, self.metadata(url.path), {"Metadata-Flavor": "Google"}
            if url.path.startswith("/v2/"):
                return self.registry(url, request.headers.get("Authorization", ""))
            if url.path == "/token":
                return self.token()
            if url.path == "/":
                return 404, {}, {}
            if request.headers.get("Authorization") != f"Bearer {self.bearer}":
                raise Refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
            payer = request.headers.get("x-goog-user-project")
            if payer and not self.may("serviceusage.services.use", f"projects/{payer}") and "testIam" not in url.path:
                raise Refusal(403, "PERMISSION_DENIED", "Caller does not have required permission to use project "
                              f"{payer}.", "USER_PROJECT_DENIED", consumer=f"projects/{payer}")
            return 200, self.call(url, json.loads(body or b"{}")), {}
        except Refusal as r:
            return r.status, r.body, {}

    # --- who

    def metadata(self, path):
        if path.endswith("/token"):
            return {"access_token": "good", "expires_in": 3599, "token_type": "Bearer"}
        if path.endswith("project/project-id"):
            return b"acme"
        return {"email": AGENT, "scopes": self.scopes, "aliases": ["default"]}

    def token(self):
        if self.oauth_error:
            error, description, *subtype = self.oauth_error
            reply = {"error": error, "error_description": description}
            return 400, reply | ({"error_subtype": subtype[0]} if subtype else {}), {}
        return 200, {"access_token": "good", "expires_in": 3599, "token_type": "Bearer"}, {}

    # --- services

    def call(self, url, body):
        for pattern, function in self.CALLS:
            found = re.fullmatch(pattern, url.path)
            if found:
                return function(self, *map(urllib.parse.unquote, found.groups()),
                                body if "Permissions" in pattern and "storage" not in pattern else urllib.parse.parse_qs(url.query))
        raise Refusal(404, "NOT_FOUND", f"no such call: {url.path}")

    def tested(self, body, *resources):
        return {"permissions": [p for p in body["permissions"] if self.may(p, *resources)]}

    def project(self, project, _):
        if project not in self.projects or not self.may("resourcemanager.projects.get", f"projects/{project}"):
            raise Refusal(403, "PERMISSION_DENIED", "The caller does not have permission")
        return {"projectId": project, "projectNumber": "123", "lifecycleState": self.projects[project]}

    def test_project(self, project, body):
        if project not in self.projects:
            raise Refusal(403, "PERMISSION_DENIED", "The caller does not have permission")
        return self.tested(body, f"projects/{project}")

    def service(self, project, service, _):
        if (project, "serviceusage.googleapis.com") not in self.services:
            raise Refusal(403, "PERMISSION_DENIED", "Service Usage API has not been used in project 123 before or it is disabled.",
                          "SERVICE_DISABLED", service="serviceusage.googleapis.com", consumer=f"projects/{project}")
        if not self.may("serviceusage.services.get", f"projects/{project}"):
            raise Refusal(403, "PERMISSION_DENIED", "Permission denied to get service", "AUTH_PERMISSION_DENIED")
        return {"name": f"projects/123/services/{service}", "state": "ENABLED" if (project, service) in self.services else "DISABLED"}

    def test_account(self, account, body):
        if account not in self.accounts:
            raise Refusal(404, "NOT_FOUND", f"Unknown service account {account}")
        return self.tested(body, f"accounts/{account}", f"projects/{account.split('@')[1].split('.')[0]}")

    def bucket(self, name, _):
        if name not in self.buckets:
            raise Refusal(404, "NOT_FOUND", "The specified bucket does not exist.")
        if not self.may("storage.buckets.get", f"buckets/{name}"):
            raise Refusal(403, "PERMISSION_DENIED", f"{AGENT} does not have storage.buckets.get access to the Google Cloud "
                          "Storage bucket. Permission 'storage.buckets.get' denied on resource (or it may not exist).")
        return {"name": name, "location": self.buckets[name], "locationType": "region"}

    def test_bucket(self, name, query):
        if name not in self.buckets:
            raise Refusal(404, "NOT_FOUND", "The specified bucket does not exist.")
        return self.tested(query, f"buckets/{name}")

    def test_secret(self, project, secret, body):
        if (project, secret) not in self.secrets:
            raise Refusal(404, "NOT_FOUND", f"Secret [projects/{project}/secrets/{secret}] not found.")
        return self.tested(body, f"secrets/{project}/{secret}")

    def version(self, project, secret, version, _):
        if not self.may("secretmanager.versions.get", f"secrets/{project}/{secret}"):
            raise Refusal(403, "PERMISSION_DENIED", "Permission 'secretmanager.versions.get' denied")
        versions = self.secrets[project, secret]
        number = max(versions, key=int, default=None) if version == "latest" else version
        if number not in versions:
            raise Refusal(404, "NOT_FOUND", f"Secret Version [projects/{project}/secrets/{secret}/versions/{version}] not found.")
        return {"name": f"projects/123/secrets/{secret}/versions/{number}", "state": versions[number]}

    def access(self, project, secret, version, _):
        if not self.may("secretmanager.versions.access", f"secrets/{project}/{secret}"):
            raise Refusal(403, "PERMISSION_DENIED", "Permission 'secretmanager.versions.access' denied for resource "
                          f"'projects/{project}/secrets/{secret}/versions/{version}' (or it may not exist).")
        return {"name": f"projects/123/secrets/{secret}/versions/1",
                "payload": {"data": base64.b64encode(self.payload).decode(), "dataCrc32c": str(crc32c(self.payload))}}

    CALLS = [
        (r"/v1/projects/([^/]+)/secrets/([^/]+)/versions/([^/:]+):access", access),
        (r"/v1/projects/([^/:]+)", project),
        (r"/v1/projects/([^/:]+):testIamPermissions", test_project),
        (r"/v1/projects/([^/]+)/services/([^/]+)", service),
        (r"/v1/projects/-/serviceAccounts/([^/:]+):testIamPermissions", test_account),
        (r"/storage/v1/b/([^/]+)", bucket),
        (r"/storage/v1/b/([^/]+)/iam/testPermissions", test_bucket),
        (r"/v1/projects/([^/]+)/secrets/([^/:]+):testIamPermissions", test_secret),
        (r"/v1/projects/([^/]+)/secrets/([^/]+)/versions/([^/:]+)", version),
    ]

    # --- the registry

    def registry(self, url, authorization):
        if url.path == "/v2/token":
            user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            good = user == "oauth2accesstoken" and password == self.bearer and "repository:" in urllib.parse.unquote(url.query)
            return (200, {"token": "of-the-registry"}, {}) if good else (401, {}, {})
        if self.registry_wants_its_own_token and authorization != "Bearer of-the-registry":
            return 401, {}, {"WWW-Authenticate": f'Bearer realm="{self.url}/v2/token",service="here",scope="x"'}
        path, _, tag = url.path.removeprefix("/v2/").partition("/manifests/")
        project, repository, image = path.split("/", 2)
        images = self.repositories.get(f"{project}/{repository}")
        if images is None:
            return 404, {"errors": [{"code": "NAME_UNKNOWN", "message": f'Repository "{repository}" not found'}]}, {}
        if not self.may("artifactregistry.repositories.downloadArtifacts", f"repositories/{project}/{repository}"):
            return 403, {"errors": [{"code": "DENIED", "message": "Permission \"artifactregistry.repositories.downloadArtifacts\" "
                                     "denied on resource"}]}, {}
        if tag not in images.get(image, ()):
            return 404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "Failed to fetch"}]}, {}
        return 200, {"schemaVersion": 2}, {"Docker-Content-Digest": "sha256:" + "a" * 64}

    # --- what people type

    def run(self, command):
        """A command of gcloud's (or docker push) that a fix names."""
        words = shlex.split(command)
        flags = dict(w[2:].split("=", 1) for w in words if w.startswith("--") and "=" in w)
        words = [w for w in words if not w.startswith("--")]
        for pattern, function in self.COMMANDS:
            found = re.fullmatch(pattern, " ".join(words))
            if found:
                return function(self, *found.groups(), flags)
        raise AssertionError(f"no such command: {command}")

    def bind(self, resource, flags):
        assert flags["role"] in ROLES, flags
        self.grant(resource, flags["role"], flags["member"])

    COMMANDS = [
        (r"gcloud projects add-iam-policy-binding (\S+)", lambda g, p, f: g.bind(f"projects/{p}", f)),
        (r"gcloud projects describe (\S+)", lambda g, p, f: None),
        (r"gcloud projects undelete (\S+)", lambda g, p, f: g.projects.update({p: "ACTIVE"})),
        (r"gcloud services enable (\S+)", lambda g, s, f: g.services.add((f["project"], s))),
        (r"gcloud iam service-accounts add-iam-policy-binding (\S+)", lambda g, a, f: g.bind(f"accounts/{a}", f)),
        (r"gcloud iam service-accounts create (\S+)",
         lambda g, n, f: g.accounts.add(f"{n}@{f['project']}.iam.gserviceaccount.com")),
        (r"gcloud storage buckets create gs://(\S+)", lambda g, b, f: g.buckets.update({b: f["location"].upper()})),
        (r"gcloud storage buckets add-iam-policy-binding gs://(\S+)", lambda g, b, f: g.bind(f"buckets/{b}", f)),
        (r"gcloud secrets create (\S+)", lambda g, s, f: g.secrets.update({(f["project"], s): {"1": "ENABLED"}})),
        (r"gcloud secrets add-iam-policy-binding (\S+)", lambda g, s, f: g.bind(f"secrets/{f['project']}/{s}", f)),
        (r"gcloud secrets versions enable (\S+)",
         lambda g, v, f: g.secrets[f["project"], f["secret"]].update({v: "ENABLED"})),
        (r"gcloud secrets versions add (\S+)",
         lambda g, s, f: g.secrets[f["project"], s].update({str(len(g.secrets[f["project"], s]) + 1): "ENABLED"})),
        (r"gcloud artifacts repositories add-iam-policy-binding (\S+)",
         lambda g, r, f: g.bind(f"repositories/{f['project']}/{r}", f)),
        (r"docker push [^/]+/([^/]+/[^/]+)/(\S+):(\S+)",
         lambda g, r, i, t, f: g.repositories[r].setdefault(i, set()).add(t)),
        (r"gcloud auth application-default login", lambda g, f: setattr(g, "oauth_error", None)),
        (r"gcloud compute instances set-service-account \S+",
         lambda g, f: setattr(g, "scopes", ["https://www.googleapis.com/auth/" + f["scopes"]])),
        (r"timedatectl set-ntp true", lambda g, f: setattr(g, "clock_s", 0)),
    ]
