"""The unmodified google-auth and our client, each with the same credential file, against the emulator that asks who
calls: both get a token that works, and what they send is compared field by field."""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.parse

import pytest

from conftest import BINARY, ROOT, wait_for
from recorder import Recorder

PROJECT = "proj-one"
AGENT = f"launch-agent@{PROJECT}.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
SCRIPT = ROOT / "tests/conformance/google_auth_script.py"


class Cloud:
    """An emulator (with --require-auth unless told otherwise), its owner's commands, and a recorder before it."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.log = open(folder / "emulator.log", "wb")
        self.process = subprocess.Popen([BINARY, "emulator", "--data", folder / "emulator", "--gcp-project", PROJECT, "--port", "0",
                                         *(options or ("--require-auth",))], stdout=self.log, stderr=self.log,
                                        env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        address = folder / "emulator/emulator.json"
        wait_for(lambda: address.exists() or self.process.poll() is not None)
        self.address = json.loads(address.read_text())
        self.recorder = Recorder(self.address["url"])
        self.url = self.recorder.url
        self.own("account", "create", "launch-agent")
        self.own("grant", "serviceAccount:" + AGENT, "roles/browser")

    def own(self, *argv):
        done = subprocess.run([BINARY, "emulator", *argv, "--data", self.folder / "emulator"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rest(self, method, path, body=None):
        import requests

        reply = requests.request(method, self.address["url"] + path, json=body, timeout=20,
                                 headers={"Authorization": "Bearer " + self.address["token"]})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def env(self, **more):
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        e = {"PATH": os.environ["PATH"], "HOME": str(home), "CLOUDSDK_CONFIG": str(home / "none"),
             "SLIPWAY_GOOGLE_ENDPOINT": self.url, "GOOGLE_API_USE_CLIENT_CERTIFICATE": "false",
             "GOOGLE_CLOUD_PROJECT": PROJECT, **more}
        if "GOOGLE_APPLICATION_CREDENTIALS" in e:  # with an endpoint for all, we take files only from our own setting
            e["SLIPWAY_GOOGLE_CREDENTIALS"] = e["GOOGLE_APPLICATION_CREDENTIALS"]
        return {k: v for k, v in e.items() if v is not None}

    def python(self, **env):
        """google-auth's token, what it may do, and the requests it made for the token."""
        self.recorder.take()
        done = subprocess.run([sys.executable, SCRIPT, f"{self.url}/v1/projects/{PROJECT}"], env=self.env(**env), capture_output=True,
                              text=True, timeout=60, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        seen = [s for s in self.recorder.take() if s.path != f"/v1/projects/{PROJECT}"]
        return json.loads(done.stdout), seen

    def ours(self, **env):
        self.recorder.take()
        done = subprocess.run([BINARY, "auth", "print-access-token"], env=self.env(**env), capture_output=True, text=True, timeout=60,
                              cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), self.recorder.take()

    def may(self, token):
        """The status of the same harmless call with a token."""
        import requests

        return requests.get(f"{self.address['url']}/v1/projects/{PROJECT}", timeout=20, headers={"Authorization": "Bearer " + token}).status_code

    def close(self):
        self.recorder.close()
        self.process.terminate()
        self.process.wait(15)
        self.log.close()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    c = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        yield c
    finally:
        c.close()


def claims(jwt):
    head, body = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in jwt.split(".")[:2])
    for moment in ("iat", "exp"):
        body[moment + " is a moment"] = isinstance(body.pop(moment), int)
    return [head, body]


def aws_request(token):
    v = json.loads(urllib.parse.unquote(token))
    for h in v["headers"]:
        if h["key"] == "x-amz-date":
            h["value"] = "a date"
        if h["key"] == "Authorization":
            before, _, _ = h["value"].rpartition("Signature=")
            h["value"] = before.replace(before[before.index("/"):before.index("/", before.index("/") + 1)], "/a day")
    return v


def plain(seen):
    """A request without what differs from one moment to the next."""
    body = dict(seen.body) if isinstance(seen.body, dict) else seen.body
    if isinstance(body, dict) and "assertion" in body:
        body["assertion"] = claims(body["assertion"])
    if isinstance(body, dict) and body.get("subject_token", "").startswith("%7B"):
        body["subject_token"] = aws_request(body["subject_token"])
    elif isinstance(body, dict) and body.get("subject_token", "").count(".") == 2:
        body["subject_token"] = claims(body["subject_token"])
    if isinstance(body, dict) and not body.get("delegates", True):
        del body["delegates"]  # of nobody: google-auth says null, we an empty list
    kept = ("content-type", "metadata-flavor", "metadata", "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds")
    headers = {k: v.partition(";")[0] for k, v in seen.headers.items() if k in kept and (seen.raw or k != "content-type")}
    authorization = seen.headers.get("authorization")
    if authorization:
        headers["authorization"] = authorization if authorization.startswith("Basic") else authorization.partition(" ")[0]
    return {"method": seen.method, "path": seen.path, "query": seen.query, "headers": headers, "body": body}


def write(cloud, name, v):
    path = cloud.folder / name
    path.write_text(json.dumps(v))
    path.chmod(0o600)
    return str(path)


def both(cloud, **env):
    """Both get a token that the emulator takes; the requests of each."""
    python, theirs = cloud.python(**env)
    token, ours = cloud.ours(**env)
    assert python["status"] == 200, python
    assert cloud.may(token) == 200
    # the boundary lookup of a Python thread in the background may or may not be seen (reference 4.19)
    theirs = [s for s in theirs if not s.path.endswith("/allowedLocations")]
    return [plain(s) for s in theirs], [plain(s) for s in ours]


def key_file(cloud):
    if not (cloud.folder / "key.json").exists():
        cloud.own("account", "key", "launch-agent", str(cloud.folder / "key.json"))
    key = json.loads((cloud.folder / "key.json").read_text())
    return {**key, "token_uri": cloud.url + "/token"}


def test_a_service_account_key(cloud):
    theirs, ours = both(cloud, GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "sa.json", key_file(cloud)))
    assert theirs == ours
    assert theirs[0]["body"]["assertion"][1]["aud"] == "https://oauth2.googleapis.com/token"


def test_the_metadata_server(cloud):
    theirs, ours = both(cloud, GCE_METADATA_HOST=cloud.recorder.host, GCE_METADATA_IP=cloud.recorder.host)
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    theirs_token, ours_token = ([r for r in seen if r["path"] == path] for seen in (theirs, ours))
    assert theirs_token == ours_token and len(ours_token) == 1
    assert {r["path"] for r in ours} <= {r["path"] for r in theirs}
    assert all(r["headers"]["metadata-flavor"] == "Google" for r in ours if r["path"] != "/")


def provider(cloud, name, body):
    pools = f"/v1/projects/{PROJECT}/locations/global/workloadIdentityPools"
    cloud.rest("POST", f"{pools}?workloadIdentityPoolId={name}-pool", {})
    cloud.rest("POST", f"{pools}/{name}-pool/providers?workloadIdentityPoolProviderId={name}", body)
    number = cloud.rest("GET", f"/v1/projects/{PROJECT}")["projectNumber"]
    pool = f"//iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/{name}-pool"
    return pool, f"{pool}/providers/{name}"


def external(cloud, audience, source, kind="urn:ietf:params:oauth:token-type:jwt", impersonate=True):
    v = {"type": "external_account", "audience": audience, "subject_token_type": kind, "token_url": cloud.url + "/v1/token",
         "credential_source": source, "universe_domain": "googleapis.com"}
    if impersonate:
        v["service_account_impersonation_url"] = \
            f"{cloud.url}/v1/projects/-/serviceAccounts/{AGENT}:generateAccessToken"
    return v


class Issuer:
    """Somebody else's OpenID Connect: a key and tokens."""

    def __init__(self):
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        n = self.key.public_key().public_numbers().n
        self.jwks = json.dumps({"keys": [{"kty": "RSA", "kid": "k", "e": "AQAB",
                                          "n": self.coded(n.to_bytes(256, "big"))}]})

    @staticmethod
    def coded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def token(self, **more):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        now = int(time.time())
        body = {"iss": "https://issuer.example", "sub": "robot", "aud": "us", "iat": now, "exp": now + 600, **more}
        text = ".".join(self.coded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, body))
        return text + "." + self.coded(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


@pytest.fixture(scope="module")
def oidc(cloud):
    issuer = Issuer()
    pool, audience = provider(cloud, "oidc", {"oidc": {"issuerUri": "https://issuer.example", "allowedAudiences": ["us"],
                                                       "jwksJson": issuer.jwks},
                                              "attributeMapping": {"google.subject": "assertion.sub", "attribute.team": "assertion.team"}})
    cloud.own("grant", f"principal:{pool}/subject/robot", "roles/iam.workloadIdentityUser", "--on",
              f"projects/{PROJECT}/serviceAccounts/{AGENT}")
    cloud.own("grant", f"principal:{pool}/subject/robot", "roles/browser")
    return issuer, audience


def test_a_token_in_a_file(cloud, oidc):
    issuer, audience = oidc
    (cloud.folder / "token").write_text(issuer.token())
    v = external(cloud, audience, {"file": str(cloud.folder / "token")})
    theirs, ours = both(cloud, GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "file.json", v))
    assert theirs == ours
    assert [r["path"] for r in ours] == ["/v1/token", f"/v1/projects/-/serviceAccounts/{AGENT}:generateAccessToken"]


def test_a_token_in_a_json_file_without_impersonation(cloud, oidc):
    issuer, audience = oidc
    (cloud.folder / "token.json").write_text(json.dumps({"id": issuer.token()}))
    v = external(cloud, audience, {"file": str(cloud.folder / "token.json"),
                                   "format": {"type": "json", "subject_token_field_name": "id"}}, impersonate=False)
    theirs, ours = both(cloud, GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "direct.json", v))
    assert theirs == ours


def test_a_program_that_prints_a_token(cloud, oidc):
    issuer, audience = oidc
    answer = {"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:jwt", "id_token": issuer.token(),
              "expiration_time": int(time.time()) + 600}
    program = cloud.folder / "give-token"
    program.write_text("#!/bin/sh\ncat <<'EOF'\n" + json.dumps(answer) + "\nEOF\n")
    program.chmod(0o755)
    v = external(cloud, audience, {"executable": {"command": str(program), "timeout_millis": 5000}})
    theirs, ours = both(cloud, GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "program.json", v),
                        GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES="1")
    assert theirs == ours


def test_an_ec2_machine(cloud):
    role = cloud.rest("POST", "/emulator/v1/awsRoles", {"role": "trainer", "account": "123456789012"})
    assert role["account"] == "123456789012"
    pool, audience = provider(cloud, "amazon", {"aws": {"accountId": "123456789012"}})
    cloud.own("grant", f"principalSet:{pool}/*", "roles/iam.workloadIdentityUser", "--on",
              f"projects/{PROJECT}/serviceAccounts/{AGENT}")
    latest = cloud.url + "/latest"
    v = external(cloud, audience, {
        "environment_id": "aws1", "region_url": latest + "/meta-data/placement/availability-zone",
        "url": latest + "/meta-data/iam/security-credentials", "imdsv2_session_token_url": latest + "/api/token",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"},
        kind="urn:ietf:params:aws:token-type:aws4_request")
    theirs, ours = both(cloud, GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "aws.json", v))
    assert [r for r in theirs if r["path"].startswith("/v1/")] == [r for r in ours if r["path"].startswith("/v1/")]
    machine = [[r for r in seen if r["path"].startswith("/latest/")] for seen in (theirs, ours)]
    for r in machine[0]:
        assert r in machine[1], f"google-auth asks {r['method']} {r['path']}, we do not"
    for r in machine[1]:
        assert r in machine[0], f"we ask {r['method']} {r['path']}, google-auth does not"


def test_an_azure_machine(cloud):
    azure = cloud.rest("GET", "/emulator/v1/azure")
    pool, audience = provider(cloud, "azure", {"oidc": {"issuerUri": azure["issuer"], "allowedAudiences": ["api://app"],
                                                        "jwksJson": azure["jwks"]},
                                               "attributeMapping": {"google.subject": "assertion.sub"}})
    cloud.own("grant", f"principalSet:{pool}/*", "roles/iam.workloadIdentityUser", "--on",
              f"projects/{PROJECT}/serviceAccounts/{AGENT}")
    v = external(cloud, audience, {
        "url": cloud.url + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api%3A%2F%2Fapp",
        "headers": {"Metadata": "True"}, "format": {"type": "json", "subject_token_field_name": "access_token"}})
    theirs, ours = both(cloud, GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "azure.json", v))
    assert theirs == ours


def test_a_persons_login(cloud):
    """google-auth always asks Google's own host for these: only our requests are seen here."""
    cloud.own("user", "login", "ada@example.com", str(cloud.folder / "adc.json"))
    cloud.own("grant", "user:ada@example.com", "roles/browser")
    token, ours = cloud.ours(GOOGLE_APPLICATION_CREDENTIALS=str(cloud.folder / "adc.json"))
    assert cloud.may(token) == 200
    assert set(ours[0].body) == {"grant_type", "client_id", "client_secret", "refresh_token"}


def test_impersonation_by_a_key(cloud):
    """As above: google-auth builds Google's own address."""
    cloud.own("account", "create", "target-one")
    target = f"target-one@{PROJECT}.iam.gserviceaccount.com"
    cloud.own("grant", "serviceAccount:" + target, "roles/browser")
    cloud.own("grant", "serviceAccount:" + AGENT, "roles/iam.serviceAccountTokenCreator", "--on",
              f"projects/{PROJECT}/serviceAccounts/{target}")
    v = {"type": "impersonated_service_account", "delegates": [], "source_credentials": key_file(cloud),
         "service_account_impersonation_url":
             f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{target}:generateAccessToken"}
    token, ours = cloud.ours(GOOGLE_APPLICATION_CREDENTIALS=write(cloud, "impersonated.json", v))
    assert cloud.may(token) == 200
    assert [s.path for s in ours] == ["/token", f"/v1/projects/-/serviceAccounts/{target}:generateAccessToken"]


# --- an emulator that believes everybody: the kinds whose proofs the other one does not verify

@pytest.fixture(scope="module")
def open_cloud(tmp_path_factory):
    c = Cloud(tmp_path_factory.mktemp("open"), "--speed", "1000")
    try:
        yield c
    finally:
        c.close()


def test_a_saml_assertion_in_a_file(open_cloud):
    (open_cloud.folder / "saml").write_text("PHNhbWw+")
    v = external(open_cloud, "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/saml",
                 {"file": str(open_cloud.folder / "saml")}, kind="urn:ietf:params:oauth:token-type:saml2")
    theirs, ours = both(open_cloud, GOOGLE_APPLICATION_CREDENTIALS=write(open_cloud, "saml.json", v))
    assert theirs == ours and ours[0]["body"]["subject_token"] == "PHNhbWw+"


def certificate(folder):
    """A key and a certificate that nobody signed but itself, in PEM."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "robot")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1) \
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "cert.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                        serialization.NoEncryption()))
    (folder / "cert.key").chmod(0o600)


def test_a_certificate(open_cloud):
    certificate(open_cloud.folder)
    config = write(open_cloud, "certificate_config.json", {"cert_configs": {"workload": {
        "cert_path": str(open_cloud.folder / "cert.pem"), "key_path": str(open_cloud.folder / "cert.key")}}})
    v = external(open_cloud, "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x509",
                 {"certificate": {"certificate_config_location": config}}, kind="urn:ietf:params:oauth:token-type:mtls")
    theirs, ours = both(open_cloud, GOOGLE_APPLICATION_CREDENTIALS=write(open_cloud, "x509.json", v))
    for seen in (theirs, ours):  # the list of certificates may be spaced as one likes
        seen[0]["body"]["subject_token"] = json.loads(seen[0]["body"]["subject_token"])
    assert theirs == ours and len(ours[0]["body"]["subject_token"]) == 1


def test_a_workforce_users_login(open_cloud):
    v = {"type": "external_account_authorized_user", "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/q",
         "refresh_token": "r", "token_url": open_cloud.url + "/v1/oauthtoken", "client_id": "c", "client_secret": "s"}
    theirs, ours = both(open_cloud, GOOGLE_APPLICATION_CREDENTIALS=write(open_cloud, "workforce.json", v))
    assert theirs == ours and ours[0]["headers"]["authorization"] == "Basic Yzpz"


def test_a_workforce_pool_tells_its_users_project(open_cloud):
    (open_cloud.folder / "workforce-token").write_text("x.y")
    v = external(open_cloud, "//iam.googleapis.com/locations/global/workforcePools/p/providers/q",
                 {"file": str(open_cloud.folder / "workforce-token")}, impersonate=False)
    v["workforce_pool_user_project"] = "999"
    theirs, ours = both(open_cloud, GOOGLE_APPLICATION_CREDENTIALS=write(open_cloud, "pool.json", v))
    assert theirs == ours and "userProject" in ours[0]["body"]["options"]


REFUSALS = {
    "another audience": (dict(aud="them"), "does not match the expected audience"),
    "stale": (dict(iat=1, exp=2), "stale"),
    "another issuer": (dict(iss="https://evil.example"), "does not match the expected ones"),
    "nobody may be the account": (dict(sub="stranger"), "iam.serviceAccounts.getAccessToken"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_explained(cloud, oidc, name):
    issuer, audience = oidc
    change, text = REFUSALS[name]
    (cloud.folder / "bad").write_text(issuer.token(**change))
    path = write(cloud, "bad.json", external(cloud, audience, {"file": str(cloud.folder / "bad")}))
    done = subprocess.run([BINARY, "auth", "print-access-token"], env=cloud.env(GOOGLE_APPLICATION_CREDENTIALS=path), capture_output=True,
                          text=True, timeout=30)
    assert done.returncode != 0 and text in done.stderr, done.stderr
    python = subprocess.run([sys.executable, SCRIPT, cloud.url], env=cloud.env(GOOGLE_APPLICATION_CREDENTIALS=path), capture_output=True,
                            text=True, timeout=60)
    assert python.returncode != 0 and text in python.stderr, python.stderr


def test_a_token_signed_by_somebody_else_is_refused(cloud, oidc):
    _, audience = oidc
    (cloud.folder / "forged").write_text(Issuer().token())
    path = write(cloud, "forged.json", external(cloud, audience, {"file": str(cloud.folder / "forged")}))
    done = subprocess.run([BINARY, "auth", "print-access-token"], env=cloud.env(GOOGLE_APPLICATION_CREDENTIALS=path), capture_output=True,
                          text=True, timeout=30)
    assert done.returncode != 0 and "signature" in done.stderr, done.stderr
