"""An emulator that asks who calls: accounts, keys, roles, policies and services, set up by `slipway emulator ...`."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

JOBS = "/v1/projects/proj-one/locations/us-central1/customJobs"
ACCOUNT = "launch-agent@proj-one.iam.gserviceaccount.com"
MEMBER = "serviceAccount:" + ACCOUNT


class Strict:
    """An emulator with --require-auth and the user who owns it."""

    def __init__(self, place):
        self.place = place
        self.process = place.start("emulator", "--data", "emulator", "--require-auth", "--gcp-project", "proj-one", "--port", "0",
                                   "--speed", "1000")
        self.url = self.process.url()

    def own(self, *argv):
        return self.place.ok("emulator", *argv, "--data", "emulator")

    def call(self, method, path, body=None, token=None, **headers):
        """(status, JSON)"""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": "application/json", **headers})
        if token:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as e:
            return e.code, json.load(e)

    def token(self, who="launch-agent"):
        return self.own("token", who).strip()


@pytest.fixture
def strict(place):
    s = Strict(place)
    s.own("account", "create", "launch-agent", "--key-file", "key.json")
    return s


def reason(answer):
    return answer["error"]["details"][0]["reason"]


def test_a_permission_comes_and_goes_with_its_role(strict):
    token = strict.token()
    status, answer = strict.call("GET", JOBS, token=token)
    assert status == 403 and reason(answer) == "IAM_PERMISSION_DENIED"
    assert "Permission 'aiplatform.customJobs.list' denied on resource '//aiplatform.googleapis.com/projects/proj-one/" \
        in answer["error"]["message"]

    strict.own("grant", MEMBER, "roles/aiplatform.user")
    assert strict.call("GET", JOBS, token=token)[0] == 200

    strict.own("revoke", MEMBER, "roles/aiplatform.user")
    assert strict.call("GET", JOBS, token=token)[0] == 403


def test_a_custom_role_has_what_its_file_says(strict):
    token = strict.token()
    (strict.place.folder / "role.yaml").write_text("title: t\nincludedPermissions:\n- aiplatform.customJobs.get\n")
    name = strict.own("role", "apply", "agent", "role.yaml").strip()
    strict.own("grant", MEMBER, name)
    assert strict.call("GET", JOBS, token=token)[0] == 403

    (strict.place.folder / "role.yaml").write_text("title: t\nincludedPermissions:\n- aiplatform.customJobs.list\n")
    strict.own("role", "apply", "agent", "role.yaml")

    assert strict.call("GET", JOBS, token=token)[0] == 200
    assert strict.call("GET", JOBS + "/1", token=token)[0] == 403


def test_a_role_with_an_unknown_permission_is_refused(strict):
    (strict.place.folder / "role.yaml").write_text("includedPermissions:\n- aiplatform.customJobs.fly\n")
    line = strict.place.fails(8, "emulator", "role", "apply", "agent", "role.yaml", "--data", "emulator")
    assert "Permission aiplatform.customJobs.fly is not valid" in line


def test_what_may_i_do_is_answered(strict):
    token = strict.token()
    strict.own("grant", MEMBER, "roles/iam.serviceAccountUser", "--on", f"projects/proj-one/serviceAccounts/{ACCOUNT}")
    asked = {"permissions": ["aiplatform.customJobs.create", "resourcemanager.projects.get"]}
    assert strict.call("POST", "/v1/projects/proj-one:testIamPermissions", asked, token) == (200, {})

    strict.own("grant", MEMBER, "roles/browser")
    _, answer = strict.call("POST", "/v1/projects/proj-one:testIamPermissions", asked, token)
    assert answer == {"permissions": ["resourcemanager.projects.get"]}
    act = {"permissions": ["iam.serviceAccounts.actAs"]}
    path = "/v1/projects/-/serviceAccounts/%s:testIamPermissions"
    assert strict.call("POST", path % ACCOUNT, act, token)[1] == act
    assert strict.call("POST", path % "nobody@proj-one.iam.gserviceaccount.com", act, token)[0] == 404
    status, answer = strict.call("POST", "/v1/projects/proj-one:testIamPermissions", {"permissions": ["x.y"]}, token)
    assert status == 400 and "Permission x.y is not valid for this resource." in answer["error"]["message"]


def test_a_run_as_account_needs_act_as(strict):
    strict.own("grant", MEMBER, "roles/aiplatform.user")
    strict.own("account", "create", "trainer")
    trainer = "trainer@proj-one.iam.gserviceaccount.com"
    job = {"displayName": "j", "jobSpec": {"serviceAccount": trainer, "workerPoolSpecs": [
        {"replicaCount": 1, "machineSpec": {"machineType": "n1-standard-4"}, "containerSpec": {"imageUri": "i", "command": ["true"]}}]}}
    status, answer = strict.call("POST", JOBS, job, strict.token())
    assert status == 400
    assert f"You do not have permission to act as service_account: {trainer}." in answer["error"]["message"]

    strict.own("grant", MEMBER, "roles/iam.serviceAccountUser", "--on", f"projects/proj-one/serviceAccounts/{trainer}")
    assert strict.call("POST", JOBS, job, strict.token())[0] == 200


def test_a_service_that_is_off_and_a_quota_project_say_so(strict):
    strict.own("grant", MEMBER, "roles/aiplatform.user")
    token = strict.token()
    status, answer = strict.call("GET", JOBS, token=token, **{"x-goog-user-project": "proj-one"})
    assert status == 403 and reason(answer) == "USER_PROJECT_DENIED"

    strict.own("service", "disable", "aiplatform.googleapis.com")
    status, answer = strict.call("GET", JOBS, token=token)
    assert status == 403 and reason(answer) == "SERVICE_DISABLED"
    assert "Vertex AI API has not been used in project" in answer["error"]["message"]
    strict.own("service", "enable", "aiplatform.googleapis.com")
    assert strict.call("GET", JOBS, token=token)[0] == 200


def test_a_condition_narrows_a_binding(strict):
    token = strict.token()
    strict.own("grant", MEMBER, "roles/aiplatform.user", "--condition",
               "request.time < timestamp('2020-01-01T00:00:00Z')")
    assert strict.call("GET", JOBS, token=token)[0] == 403
    line = strict.place.fails(8, "emulator", "grant", MEMBER, "roles/aiplatform.user", "--condition", "1 + 1", "--data", "emulator")
    assert "1 + 1" in line


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_key_signs_and_only_its_own_account(strict):
    from google.auth import crypt

    def grant(key, **claims):
        signer = crypt.RSASigner.from_service_account_info(key)
        now = int(time.time())
        parts = [{"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]},
                 {"iss": key["client_email"], "iat": now, "exp": now + 3600, "scope": "s", "aud": "x", **claims}]
        text = ".".join(coded(json.dumps(p).encode()) for p in parts)
        return text + "." + coded(signer.sign(text))

    def ask(assertion):
        form = urllib.parse.urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion})
        request = urllib.request.Request(strict.url + "/token", data=form.encode())
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as e:
            return json.load(e)["error_description"]

    key = json.loads((strict.place.folder / "key.json").read_text())
    strict.own("account", "create", "other-one", "--key-file", "other.json")
    other = json.loads((strict.place.folder / "other.json").read_text())

    assert ask(grant(key))["access_token"].startswith("ya29.")
    assert ask(grant(key, iss=other["client_email"])) == "Invalid JWT Signature."
    assert ask(grant(key, iss="who@proj-one.iam.gserviceaccount.com")) == "Invalid grant: account not found"
    assert ask(grant(key)[:-6] + "AAAAAA") == "Invalid JWT Signature."
    assert "short-lived" in ask(grant(key, iat=1, exp=3601))
    strict.own("account", "delete", "other-one")
    assert ask(grant(other)) == "Invalid grant: account not found"

    # and a self-signed one is a token itself
    email = key["client_email"]
    bearer = grant(key, sub=email, aud="https://aiplatform.googleapis.com/", scope=None)
    assert strict.call("GET", JOBS, token=bearer)[0] == 403
    strict.own("grant", MEMBER, "roles/aiplatform.user")
    assert strict.call("GET", JOBS, token=bearer)[0] == 200
    assert strict.call("GET", JOBS, token=grant(key, sub="x", aud="https://aiplatform.googleapis.com/"))[0] == 401


def test_the_agents_own_client_takes_a_key_and_a_login(strict):
    strict.own("grant", MEMBER, "roles/aiplatform.user")
    strict.own("user", "login", "ada@example.com", "adc.json")
    form = json.loads((strict.place.folder / "adc.json").read_text())
    assert form["type"] == "authorized_user" and form["quota_project_id"] == "proj-one"
    assert (strict.place.folder / "adc.json").stat().st_mode & 0o777 == 0o600


def test_without_an_emulator_the_command_says_what_to_do(place):
    line = place.fails(6, "emulator", "token", "x", "--data", "nowhere")
    assert "no emulator has served nowhere: start one with 'slipway emulator --data DIR'" in line
