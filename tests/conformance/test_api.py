"""What users do with wandb.Api() beyond reading runs, by each release of the unmodified package against our server: files of
runs, collections of artifacts, people, and what the server has none of. A release does all of it in one process; each part is a test."""

import concurrent.futures
import json
import os
import re
import textwrap

import pytest

from clients import RELEASES, Client, record
from test_clients import refused

PARTS = {}  # name: (code that ends with a result, what the result must be)

FRAME = """
import traceback
def fails(do):
    try:
        do()
    except Exception as e:
        return str(e) or type(e).__name__
    return "did not fail"
answers = {}
"""
PART = """
def part():
{code}
try:
    answers[{name!r}] = part()
except BaseException:
    answers[{name!r}] = traceback.format_exc()
"""


def part(name, code, wanted):
    PARTS[name] = (code, wanted)


SETUP = """
pathlib.Path("f.txt").write_text("hi")
pathlib.Path("g.txt").write_text("there")
with wandb.init(id="base", project=project) as run:
    run.log({"loss": 1})
    run.save("f.txt", policy="now")
    run.save("g.txt", policy="now")
    for name in ("data", "gone"):
        for version in range(2):
            artifact = wandb.Artifact(name, type="dataset")
            with artifact.new_file("v.txt") as file:
                file.write(f"{name} {version}")
            run.log_artifact(artifact).wait()
"""

part("a file of a run is deleted", """
run = api.run(f"admin/{project}/base")
run.file("f.txt").delete()
run = wandb.Api().run(f"admin/{project}/base")
return sorted(f.name for f in run.files() if f.name in ("f.txt", "g.txt"))
""", ["g.txt"])

part("a collection is described, renamed, tagged and found again", """
c = api.artifact_collection("dataset", f"admin/{project}/data")
c.description, c.name, c.tags = "words", "other", ["red", "blue"]
c.save()
c = wandb.Api().artifact_collection("dataset", f"admin/{project}/other")
first = [c.name, c.description, sorted(c.tags), [a.name for a in c.artifacts()]]
c.tags = ["green"]
c.save()
return first + [wandb.Api().artifact_collection("dataset", f"admin/{project}/other").tags]
""", ["other", "words", ["blue", "red"], ["other:v1", "other:v0"], ["green"]])

part("a collection gets another type", """
c = api.artifact_collection("dataset", f"admin/{project}/other")
c.type = "table"
c.save()
return [[n.name for n in wandb.Api().artifact_type(t, project).collections()] for t in ("dataset", "table")]
""", [["gone"], ["other"]])

part("a name that another collection has is refused", """
c = api.artifact_collection("table", f"admin/{project}/other")
c.name = "gone"
return "already" in fails(c.save)
""", True)

part("a collection is deleted with its versions", """
api.artifact_collection("dataset", f"admin/{project}/gone").delete()
api2 = wandb.Api()
return [api2.artifact_collection_exists(f"admin/{project}/gone", "dataset"), api2.artifact_exists(f"admin/{project}/gone:v0"),
        api2.artifact_exists(f"admin/{project}/other:v0"), [a.name for a in api2.run(f"admin/{project}/base").logged_artifacts()]]
""", [False, False, True, ["other:v1", "other:v0"]])


part("users and teams are found", """
users = [u.username for u in api.users("adm")]
team = api.team("crew")
return [users, api.user("admin").username, api.user("nobody"), team.name, [[m.username, m.admin, m.account_type] for m in team.members]]
""", [["admin"], "admin", None, "crew", [["admin", True, "USER"]]])

part("what the server has none of is empty", """
return [list(api.reports(f"admin/{project}")), list(api.automations()), list(api.automations(entity="admin")),
        list(api.slack_integrations()), list(api.webhook_integrations()), api.project(project).name == project]
""", [[], [], [], [], [], True])

part("registries are said to be missing", """
return "not enabled" in fails(lambda: list(api.registries()))
""", True)

part("the last values of a run's metrics are known", """
keys = api.run(f"admin/{project}/base").history_keys
return [keys["keys"]["loss"]["previousValue"], keys["lastStep"], keys["keys"]["loss"]["typeCounts"]]
""", [1, 0, [{"type": "number", "count": 1}]])


def all_parts(client):
    code = FRAME + f"project = {client.project!r}\n" + SETUP
    for name, (body, _) in PARTS.items():
        code += PART.format(name=name, code=textwrap.indent(body.strip(), "    "))
    return client.script(code + "\nprint(json.dumps(answers))")


@pytest.fixture(scope="module")
def answers(system):
    system.slipway("admin", "team", "create", "crew", "--admin", "admin", "--data", system.folder / "state/server")
    clients = [Client(system, release) for release in RELEASES]
    with concurrent.futures.ThreadPoolExecutor(len(clients) + 1) as pool:
        verify = pool.submit(system.run, "wandb", "verify", "--host", system.url, timeout=240)
        futures = {c.release: pool.submit(all_parts, c) for c in clients}
    yield {"verify": verify, **{c.release: (futures[c.release], c.documents()) for c in clients}}
    for client in clients:
        client.close()


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("release", RELEASES)
def test_a_user_of_the_api_finds(answers, release, name):
    got = answers[release][0].result()[name]
    assert got == PARTS[name][1], got


def test_wandb_verify_finds_nothing_wrong_but_that_it_is_not_https(answers):
    done = answers["verify"].result()
    checks = dict(re.findall(r"^(Check\w+ .*?)\.{3,}(.)", done.stdout, re.M))
    failed = sorted(name for name, sign in checks.items() if sign != "\u2705")
    assert failed == ["Checking requests made over signed URLs", "Checking requests to base url"], done.stdout
    assert len(checks) > 8, done.stdout


@pytest.mark.parametrize("release", RELEASES)
def test_what_it_sent_is_valid_to_graphql_js(answers, release):
    sent = answers[release][1]
    if "SLIPWAY_RECORD" in os.environ:
        record(release, sent)
    assert refused(sent) == {}
