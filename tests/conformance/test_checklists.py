"""What W&B's clients need from a server, item by item, and what they and we make of the same values: without a client, so each
in milliseconds. What the clients themselves do is in test_clients.py, what agents send in test_agents.py."""

import base64
import hashlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import ROOT
from recorder import Recorder

SERVER, VECTORS = {}, {}
ENV_CHECK = ROOT / os.environ.get("SLIPWAY_BUILD", "build") / "tests/conformance/env_check"


def needs(name):
    return lambda function: SERVER.setdefault(name, function)


def vector(name):
    return lambda function: VECTORS.setdefault(name, function)


class Caller:
    """Somebody with the admin's key, and a queue with an agent and an item."""

    def __init__(self, system):
        self.system = system
        self.data('mutation{upsertModel(input:{entityName:"admin",name:"p"}){inserted}}')
        self.queue = self.data('mutation{createRunQueue(input:{entityName:"admin",projectName:"model-registry",queueName:"listed",'
                               'access:PROJECT}){queueID}}')["createRunQueue"]["queueID"]
        self.agent = self.data('mutation{createLaunchAgent(input:{entityName:"admin",projectName:"model-registry",hostname:"h",runQueues:["%s"]})'
                               '{launchAgentId}}' % self.queue)["createLaunchAgent"]["launchAgentId"]

    def send(self, method, path, body=None, key="", **headers):
        """(status, body); @key None: without one."""
        request = urllib.request.Request(path if path.startswith("http") else self.system.url + path, body, headers, method=method)
        if key is not None:
            login = base64.b64encode(f"api:{key or self.system.key}".encode()).decode()
            request.add_header("Authorization", f"Basic {login}")
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def post(self, body, **more):
        status, text = self.send("POST", "/graphql", json.dumps(body).encode(), **{"Content-Type": "application/json"}, **more)
        return status, json.loads(text)

    def data(self, query, **variables):
        status, answer = self.post({"query": query, "variables": variables})
        assert status == 200 and "errors" not in answer, answer
        return answer["data"]

    def push(self, spec):
        return self.data('mutation($s:JSONString!){pushToRunQueueByName(input:{entityName:"admin",projectName:"model-registry",'
                         'queueName:"listed",runSpec:$s}){runQueueItemId runSpec}}', s=json.dumps(spec))["pushToRunQueueByName"]

    def pop(self):
        return self.data('mutation{popFromRunQueue(input:{entityName:"admin",projectName:"model-registry",queueName:"listed",'
                         'launchAgentId:"%s"}){runQueueItemId runSpec}}' % self.agent)["popFromRunQueue"]

    def run(self, name):
        made = self.data('mutation($n:String!){upsertBucket(input:{entityName:"admin",modelName:"p",name:$n}){bucket{id name '
                         'config project{id name entity{id name}} historyLineCount} inserted}}', n=name)["upsertBucket"]
        assert made["inserted"] and made["bucket"]["project"]["entity"]["name"] == "admin"
        return made["bucket"]

    def run_has(self, name, field):
        return self.data('query($n:String!){project(name:"p",entityName:"admin"){run(name:$n){%s}}}' % field, n=name)["project"]["run"]


@pytest.fixture(scope="module")
def caller(system):
    return Caller(system)


@needs("a key of forty characters, as the password of the user api")
def key(c):
    assert re.fullmatch(r"\w{40,}", c.system.key)
    assert c.data("{viewer{username}}")["viewer"]["username"] == "admin"


@needs("401 for a wrong key")
def wrong_key(c):
    assert c.post({"query": "{viewer{id}}"}, key="x" * 40)[0] == 401


@needs("an operation name that is empty is none, and variables that are not declared do no harm")
def operation_name(c):
    assert c.post({"query": "query Viewer { viewer { id } }", "operationName": "", "variables": {"usedAs": None}})[0] == 200
    assert c.post({"query": "#graphql\n{ viewer { id } },", "variables": None})[0] == 200


@needs("a list is given as one value")
def list_of_one(c):
    name = c.data('mutation{upsertSweep(input:{entityName:"admin",projectName:"p",config:"{method: custom}"}){sweep{name}}}')["upsertSweep"]["sweep"]["name"]
    got = c.data('query($s:String!,$specs:[JSONString!]!){project(name:"p",entityName:"admin"){sweep(sweepName:$s){runs{edges{node{'
                 'sampledHistory(specs:$specs)}}}}}}', s=name, specs="{}")
    assert got["project"]["sweep"]["runs"]["edges"] == []


@needs("every selected field is answered, by its alias, through fragments and whole-object variables")
def every_field(c):
    got = c.data("query($i: UpsertModelInput!) { ...Q } fragment Q on Query { me: viewer { __typename id entity flags email deletedAt teams { edges "
                 "{ node { name } } } } serverInfo @include(if: true) { features { name isEnabled } } }".replace("($i: UpsertModelInput!)", ""))
    assert got["me"].keys() == {"__typename", "id", "entity", "flags", "email", "deletedAt", "teams"}
    made = c.data("mutation CreateProject($input: UpsertModelInput!) { result: upsertModel(input: $input) { project { id name } inserted } }",
                  input={"entityName": "admin", "name": "p"})
    assert made["result"]["project"]["name"] == "p"


@needs("the words for a field that is not there")
def unknown_field(c):
    status, answer = c.post({"query": "{serverInfo{nothing}}"})
    assert status == 400 and answer["errors"][0]["message"] == 'Cannot query field "nothing" on type "ServerInfo".'


@needs("queues: listed, made, changed and deleted in the project model-registry")
def queues(c):
    c.data('mutation{createDefaultResourceConfig(input:{entityName:"admin",resource:"local-process",config:"{\\"resource_args\\":{}}"})'
           '{defaultResourceConfigID success}}')
    assert c.data('mutation{upsertRunQueue(input:{entityName:"admin",projectName:"model-registry",queueName:"more",resourceType:"local-process",'
                  'resourceConfig:"{\\"resource_args\\":{}}"}){success configSchemaValidationErrors}}')["upsertRunQueue"]["success"]
    listed = c.data('{project(entityName:"admin",name:"model-registry"){runQueues{id name createdBy access}}}')["project"]["runQueues"]
    more = {q["name"]: q for q in listed}["more"]
    assert more["access"] == "PROJECT"
    assert c.data('mutation{deleteRunQueues(input:{queueIDs:["%s"]}){success}}' % more["id"])["deleteRunQueues"]["success"]


@needs("a spec is pushed as text and popped as an object")
def text_in_object_out(c):
    pushed = c.push({"entity": "admin", "project": "p", "docker": {"docker_image": "i"}})
    popped = c.pop()
    assert json.loads(pushed["runSpec"])["docker"] == popped["runSpec"]["docker"] == {"docker_image": "i"}
    assert popped["runQueueItemId"] == pushed["runQueueItemId"]
    assert c.pop() is None  # leased


@needs("an item is acknowledged once, and names its run")
def ack(c):
    item = c.push({"entity": "admin", "project": "p"})["runQueueItemId"]
    assert c.pop()["runQueueItemId"] == item
    acked = 'mutation{ackRunQueueItem(input:{runQueueItemId:"%s",runName:"acked001"}){success}}' % item
    assert c.data(acked)["ackRunQueueItem"]["success"]
    got = c.data('{project(name:"model-registry",entityName:"admin"){runQueue(name:"listed"){runQueueItem(id:"%s"){id state associatedRunId}}}}' % item)
    assert got["project"]["runQueue"]["runQueueItem"]["associatedRunId"] == "acked001"


@needs("an item fails before it was acknowledged, with its stage and file; and is warned of")
def fail(c):
    item = c.push({"entity": "admin", "project": "p"})["runQueueItemId"]
    words = '(input:{runQueueItemId:"%s",message:"m",stage:"agent",filePaths:["%s/error/error.log"]}){success}' % (item, item)
    assert c.data("mutation{updateRunQueueItemWarning%s}" % words)["updateRunQueueItemWarning"]["success"]
    assert c.data("mutation{failRunQueueItem%s}" % words)["failRunQueueItem"]["success"]
    assert c.data('{runQueueItem(id:"%s"){state}}' % item)["runQueueItem"]["state"] == "FAILED"


@needs("agents: a name, states, and whether to stop")
def agents(c):
    assert c.data('mutation{updateLaunchAgent(input:{launchAgentId:"%s",agentStatus:"POLLING"}){success}}' % c.agent)["updateLaunchAgent"]["success"]
    got = c.data('{launchAgent(id:"%s"){id name runQueues hostname agentStatus stopPolling heartbeatAt}}' % c.agent)["launchAgent"]
    assert got["name"] and got["agentStatus"] == "POLLING" and got["stopPolling"] is False and got["runQueues"] == [c.queue]
    assert c.data('{entity(name:"admin"){id isTeam}}')["entity"]["isTeam"] is False


@needs("a run: made, streamed, uploaded, stopped")
def runs(c):
    run = c.run("listed01")
    url = "/files/admin/p/listed01/file_stream"
    assert json.loads(c.send("POST", url, b"{}")[1])["stopped"] is False
    asked = c.data('mutation{createRunFiles(input:{entityName:"admin",projectName:"p",runName:"listed01",files:["a/b.txt"]})'
                   '{runID uploadHeaders files{name uploadUrl}}}')["createRunFiles"]
    assert [f["name"] for f in asked["files"]] == ["a/b.txt"]
    assert c.send("PUT", asked["files"][0]["uploadUrl"], b"x", key=None)[0] == 200  # the address is the right
    assert c.run_has("listed01", "state stopped") == {"state": "running", "stopped": False}
    assert c.data('mutation{stopRun(input:{id:"%s"}){success}}' % run["id"])["stopRun"]["success"]
    assert json.loads(c.send("POST", url, b"{}")[1])["stopped"] is True
    c.send("POST", url, b'{"complete": true, "exitcode": 255}')
    assert c.run_has("listed01", "state stopped")["state"] == "killed"


@needs("a run that is not there: to be resumed, and asked for its state")
def no_run(c):
    got = c.data('{model(name:"p",entityName:"admin"){bucket(name:"nothere0",missingOk:true){id}}}')
    assert got["model"]["bucket"] is None and c.run_has("nothere0", "state") is None


def created(c, digest):
    return c.data('mutation{createArtifact(input:{entityName:"admin",projectName:"p",artifactTypeName:"t",artifactCollectionName:"listed",digest:"%s",'
                  'clientID:"client1",sequenceClientID:"sequence1",digestAlgorithm:MANIFEST_MD5,enableDigestDeduplication:true}){artifact{id state}}}' % digest)["createArtifact"]["artifact"]


@needs("artifacts: files and manifest by addresses without a key, the same digest twice is one")
def artifacts(c):
    md5 = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    digest = hashlib.md5(f"wandb-artifact-manifest-v1\na.txt:{md5}\n".encode()).hexdigest()
    artifact = created(c, digest)
    assert artifact["state"] == "PENDING" and created(c, digest)["id"] == artifact["id"]
    file = c.data('mutation($m:String!){createArtifactFiles(input:{artifactFiles:[{artifactID:"%s",name:"a.txt",md5:$m}],storageLayout:V2})'
                  '{files{edges{node{storagePath uploadUrl uploadHeaders artifact{id}}}}}}' % artifact["id"], m=md5)
    assert c.send("PUT", file["createArtifactFiles"]["files"]["edges"][0]["node"]["uploadUrl"], b"hello", key=None)[0] == 200
    manifest = json.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"},
                           "contents": {"a.txt": {"digest": md5, "size": 5, "birthArtifactID": artifact["id"]}}}).encode()
    put = c.data('mutation($d:String!){createArtifactManifest(input:{artifactID:"%s",name:"wandb_manifest.json",digest:$d,entityName:"admin",'
                 'projectName:"p",runName:"",type:FULL}){artifactManifest{id file{id uploadUrl uploadHeaders}}}}' % artifact["id"],
                 d=base64.b64encode(hashlib.md5(manifest).digest()).decode())["createArtifactManifest"]["artifactManifest"]["file"]
    assert c.send("PUT", put["uploadUrl"], manifest, key=None)[0] == 200
    assert c.data('mutation{commitArtifact(input:{artifactID:"%s"}){artifact{id digest}}}' % artifact["id"])["commitArtifact"]["artifact"]["digest"] == digest
    assert created(c, digest) == {"id": artifact["id"], "state": "COMMITTED"}
    read = c.data('{artifact(id:"%s"){currentManifest{file{directUrl}}}}' % artifact["id"])["artifact"]["currentManifest"]["file"]["directUrl"]
    assert json.loads(c.send("GET", read, key=None)[1])["contents"].keys() == {"a.txt"}


@needs("posts of telemetry")
def telemetry(c):
    for what in ("metrics", "logs"):
        assert c.send("POST", f"/sdk/otel/v1/{what}", b"\x0a\x00", **{"Content-Type": "application/x-protobuf"})[0] == 200


@needs("sweeps: made, and heartbeats that say what to do")
def sweeps(c):
    name = c.data('mutation{upsertSweep(input:{entityName:"admin",projectName:"p",config:"{method: grid, parameters: {x: {values: [1]}}}"})'
                  '{sweep{name project{name}} configValidationWarnings}}')["upsertSweep"]["sweep"]["name"]
    agent = c.data('mutation{createAgent(input:{host:"h",entityName:"admin",projectName:"p",sweep:"%s"}){agent{id}}}' % name)["createAgent"]["agent"]["id"]
    beat = c.data('mutation{agentHeartbeat(input:{id:"%s",metrics:"{}",runState:"{}"}){agent{id} commands}}' % agent)["agentHeartbeat"]
    assert [(told["type"], told["args"]) for told in json.loads(beat["commands"])] == [("run", {"x": {"value": 1}})]
    assert c.send("POST", "/graphql", b'{"query": "mutation{agentHeartbeat(input:{id:\\"gone\\"}){commands}}"}')[0] == 404


@needs("introspection, also of a type that is not there")
def introspection(c):
    got = c.data('{a: __type(name:"LaunchAgent"){name} b: __type(name:"CreateLaunchAgentInput"){inputFields{name}} c: __type(name:"Nothing"){fields{name}}}')
    assert got["a"] == {"name": "LaunchAgent"} and {"agentConfig", "version"} <= {f["name"] for f in got["b"]["inputFields"]}
    assert got["c"] in (None, {"fields": []})


@pytest.mark.parametrize("name", SERVER)
def test_the_server_has(caller, name):
    SERVER[name](caller)


@vector("authorization")
def authorization(c, recorder):
    c.system.slipway("queue", "list", WANDB_BASE_URL=recorder.url)
    assert {s.headers["authorization"] for s in recorder.seen} == {"Basic " + base64.b64encode(f"api:{c.system.key}".encode()).decode()}


@vector("global id of a run")
def global_run_id(c, recorder):
    assert base64.b64decode(c.run("vector01")["id"]).decode() == "Run:v1:vector01:p:admin"


def environment(**overrides):
    """Of a job of ours."""
    request = {"spec": {"entity": "e", "project": "p", "overrides": overrides}, "base_url": "u", "run_id": "r", "queue": "q", "queue_entity": "e",
               "item": "i"}
    done = subprocess.run([ENV_CHECK], input=json.dumps(request) + "\n", capture_output=True, text=True, check=True, timeout=20)
    return dict(json.loads(done.stdout))


@vector("config text")
def config_text(c, recorder):
    assert environment(run_config={"a": [1, 2], "b": "é"})["WANDB_CONFIG"] == '{"a": [1, 2], "b": "\\u00e9"}'


@vector("sharding")
def sharding(c, recorder):
    env = environment(run_config={"k": "v" * (32670 + 1 - len('{"k": ""}'))})
    assert {name: len(env[name]) for name in env if name.startswith("WANDB_CONFIG")} == {"WANDB_CONFIG_0": 32670, "WANDB_CONFIG_1": 1}


@vector("macros")
def macros(c, recorder):
    config = {"spec": {"display_name": "${run_id}-${nope}-${run_id}", "staging_bucket": "gs://b", "worker_pool_specs": [
        {"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1, "container_spec": {"image_uri": "${image_uri}"}}]}, "run": {}}
    (c.system.folder / "macros.json").write_text(json.dumps(config))
    shown = c.system.slipway("queue", "render", "macros.json", "--image", "i:1", "--run-id", "ab12", "-o", "json").stdout
    assert json.loads(shown)["displayName"] == "ab12-${nope}-ab12"


@vector("set-var")
def set_var(c, recorder):
    schema = {"n": {"schema": {"type": "integer", "minimum": 1}}}
    c.data('mutation($v:JSONString!){upsertRunQueue(input:{entityName:"admin",projectName:"model-registry",queueName:"tiled",resourceType:"gcp-vertex",'
           'resourceConfig:"{\\"resource_args\\":{\\"gcp-vertex\\":{\\"n\\":\\"{{n}}\\"}}}",templateVariables:$v}){success}}', v=json.dumps(schema))
    c.system.slipway("launch", "-q", "tiled", "-p", "p", "-d", "i", "--set-var", "n=3", WANDB_BASE_URL=recorder.url)
    sent = [s.body["variables"]["input"] for s in recorder.seen if "input" in (s.body.get("variables") or {})]
    assert [json.loads(made["templateVariableValues"]) for made in sent] == [{"n": 3}]


@pytest.mark.parametrize("name", VECTORS)
def test_vector(caller, name):
    recorder = Recorder(caller.system.url)
    try:
        VECTORS[name](caller, recorder)
    finally:
        recorder.close()
