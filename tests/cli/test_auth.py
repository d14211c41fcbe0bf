"""slipway auth: who the agent would be to Google, its token, and one call with it."""

import json
import os
import pty
import subprocess
import urllib.request

import pytest

from harness import BINARY, FakeServer


@pytest.fixture
def emulator(place):
    """An emulator that wants tokens; the place's user has those of its metadata server."""
    process = place.start("emulator", "--data", "emulator", "--port", "0", "--require-auth")
    place.variables = {"SLIPWAY_GOOGLE_ENDPOINT": process.url()}
    return place.variables["SLIPWAY_GOOGLE_ENDPOINT"]


def allow_only(place, url, *permissions):
    """The machine's account has these permissions on the project from now on, by a role made for them."""
    token = place.ok("auth", "print-access-token").strip()

    def post(path, body):
        request = urllib.request.Request(f"{url}/v1/projects/slipway-local{path}", json.dumps(body).encode(),
                                         {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).read()

    bindings = []
    if permissions:
        post("/roles", {"roleId": "only", "role": {"includedPermissions": permissions}})
        bindings = [{"role": "projects/slipway-local/roles/only", "members": ["serviceAccount:slipway-emulator@slipway.local"]}]
    post(":setIamPolicy", {"policy": {"bindings": bindings}})


def write_user_file(place, **more):
    file = place.folder / "user.json"
    file.write_text(json.dumps({"type": "authorized_user", "client_id": "id.apps.googleusercontent.com", "client_secret": "s",
                                "refresh_token": "r", **more}))
    file.chmod(0o600)
    return file


def test_whoami_says_who_and_how_it_was_found(place, emulator):
    who = place.json("auth", "whoami")

    assert who["principal"] == "slipway-emulator@slipway.local"
    assert who["type"] == "metadata" and who["source"]
    assert who["scopes"] == "https://www.googleapis.com/auth/cloud-platform"
    assert who["project"] == "slipway-local" and who["project_found_by"] == "the metadata server"
    assert who["quota_project"] is None and who["base_principal"] is None
    assert who["universe"] == "googleapis.com"
    assert 3000 < who["expires_in_seconds"] <= 3600 and who["expires_at"].endswith("Z")


def test_whoami_as_text_has_the_same(place, emulator):
    text = place.ok("auth", "whoami", GOOGLE_CLOUD_QUOTA_PROJECT="payer")

    for label, value in (("principal", "slipway-emulator@slipway.local"), ("type", "metadata"), ("quota project", "payer"),
                         ("project", "slipway-local (the metadata server)"), ("universe", "googleapis.com")):
        assert f"{label:<15} {value}\n" in text


def test_whoami_tells_which_setting_found_the_file_and_the_project(place):
    with FakeServer(200, '{"access_token": "t", "expires_in": 100}') as google:
        file = write_user_file(place, quota_project_id="payer")
        who = place.json("auth", "whoami", SLIPWAY_GOOGLE_ENDPOINT_OAUTH2=google.url, GOOGLE_CLOUD_PROJECT="p",
                         GOOGLE_APPLICATION_CREDENTIALS=str(file))

    assert who["source"] == str(file) and who["found_by"] == "GOOGLE_APPLICATION_CREDENTIALS"
    assert who["type"] == "authorized_user" and who["quota_project"] == "payer"
    assert who["project"] == "p" and who["project_found_by"] == "GOOGLE_CLOUD_PROJECT"


def test_the_launch_config_decides_for_auth_as_for_the_agent(place, emulator):
    config = place.folder / "launch-config.yaml"
    config.write_text("vertex: {project: of-the-file}\n")

    who = place.json("auth", "whoami", "--config", config)

    assert who["project"] == "of-the-file" and who["project_found_by"] == str(config)
    assert "nowhere" in place.fails(3, "auth", "whoami", "--config", "nowhere.yaml")


def test_whoami_without_any_credential_says_what_was_tried(place):
    said = place.fails(3, "auth", "whoami", GOOGLE_APPLICATION_CREDENTIALS="/nowhere/key.json")
    assert "/nowhere/key.json" in said


def test_print_access_token_prints_the_token_alone(place, emulator):
    done = place.slipway("auth", "print-access-token")

    assert done.returncode == 0 and "slipway:" not in done.stderr
    token = done.stdout.removesuffix("\n")
    assert token and "\n" not in token and " " not in token
    request = urllib.request.Request(f"{emulator}/v1/projects/slipway-local", headers={"Authorization": f"Bearer {token}"})
    assert json.load(urllib.request.urlopen(request, timeout=10))["projectId"] == "slipway-local"


def test_print_access_token_warns_who_prints_it_on_a_terminal(place, emulator):
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run([BINARY, "auth", "print-access-token"], stdout=theirs, stderr=subprocess.PIPE, text=True,
                              env=place.env(), cwd=place.folder, timeout=20)
        assert done.returncode == 0 and "whoever reads it" in done.stderr
        assert os.read(ours, 10000).strip()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_call_that_works_is_told(place, emulator):
    result = place.json("auth", "test")

    assert result["principal"] == "slipway-emulator@slipway.local" and result["project"] == "slipway-local"
    assert result["calls"] == [{"call": "Resource Manager projects.get", "worked": True}]
    assert "worked, for project slipway-local" in place.ok("auth", "test")


def test_vertex_is_asked_when_resource_manager_refuses(place, emulator):
    allow_only(place, emulator, "aiplatform.customJobs.list")

    first, second = place.json("auth", "test", GOOGLE_CLOUD_REGION="europe-west4")["calls"]

    assert not first["worked"] and "does not have permission" in first["refusal"]
    assert second == {"call": "Vertex AI customJobs.list in europe-west4", "worked": True}


def test_a_token_that_may_do_nothing_is_refused_with_the_command_that_mends_it(place, emulator):
    allow_only(place, emulator)

    said = place.fails(5, "auth", "test")

    assert "the token is good" in said and "aiplatform.customJobs.list" in said
    assert "gcloud projects add-iam-policy-binding slipway-local" in said and "roles/aiplatform.user" in said


def test_a_login_that_has_expired_is_explained(place):
    with FakeServer(400, '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}') as google:
        said = place.fails(4, "auth", "test", SLIPWAY_GOOGLE_ENDPOINT_OAUTH2=google.url, GOOGLE_CLOUD_PROJECT="p",
                           GOOGLE_APPLICATION_CREDENTIALS=str(write_user_file(place)))

    assert "no token" in said and "gcloud auth application-default login" in said


def test_a_good_token_without_a_project_says_what_to_set(place):
    with FakeServer(200, '{"access_token": "t", "expires_in": 100}') as google:
        said = place.fails(3, "auth", "test", SLIPWAY_GOOGLE_ENDPOINT_OAUTH2=google.url,
                           GOOGLE_APPLICATION_CREDENTIALS=str(write_user_file(place)))

    assert "GOOGLE_CLOUD_PROJECT" in said
