"""W&B's own launch agent and ours, side by side: what each says to the server while it is idle, takes an item that goes
well and one that cannot be launched, is told to end, and has no server for a while. Our server is behind both, with its
name hidden, so that our agent takes it for W&B's."""

import base64
import json
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import BINARY, ROOT, wait_for
from recorder import Recorder, operation
from test_wandb import api

IDLE_S = 31  # three of W&B's rounds
AWAY_S = 30  # W&B's agent bears an outage of 20 s

# What only one of the two sends, with the reason.
ALONE = {
    "theirs Viewer": "whose key it is, for its console; a wrong key shows at our first operation",
    "theirs EntityIsTeam": "for a warning on its console",
    "theirs ServerFeaturesQuery": "its own run, made at the start; ours is made when there is a file for it",
    "theirs OrganizationCoreWeaveOrganizationID": "the same",
    "theirs RunStoppedStatus": "a request for each job; ours asks for the state and the stop of 50 at once: RunStatuses",
    "theirs RunState": "the same",
    "ours RunStatuses": "the same",
}
# Operations of both whose variables differ, with the reason.
VARIABLES = {
    "UpsertBucket": "theirs also tells program, host and settings of the agent; ours tells what the run is",
}


class Side:
    """One agent, what it sent in each part of its life, and how it ended."""

    def __init__(self, system, name, argv, **env):
        self.system, self.name, self.queue = system, name, f"{name}-queue"
        self.stopping = False
        self.recorder = Recorder(system.url, hide=("server",), edit=self.edit)
        self.parts, self.error, self.status = {}, None, None
        self.log = open(system.folder / f"{name}.log", "wb")
        argv = [a.format(queue=self.queue, url=self.recorder.url) for a in argv]
        self.process = subprocess.Popen(argv, env=system.env(WANDB_BASE_URL=self.recorder.url, **env), cwd=system.folder,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.thread = threading.Thread(target=self.live_or_fail)

    def edit(self, seen, data):
        if self.stopping and operation(seen) == "LaunchAgent":
            return data.replace(b'"stopPolling":false', b'"stopPolling":true')
        return data

    def sent(self, name):
        return [s for s in self.recorder.seen if operation(s) == name]

    def end_part(self, name):
        self.parts[name] = [(operation(s), s) for s in self.recorder.take() if operation(s)]

    def push(self, run_id, **spec):
        spec = {"run_id": run_id, **spec}
        done = self.system.slipway("launch", "-q", self.queue, "-p", "demo", "-c", json.dumps(spec), "-o", "json")
        return json.loads(done.stdout)["item"]

    def live_or_fail(self):
        try:
            self.live()
        except Exception as error:  # told by the test
            self.error = error

    def live(self):
        wait_for(lambda: self.sent("popFromRunQueue"), 60)
        time.sleep(2)
        self.end_part("start")
        time.sleep(IDLE_S)
        self.end_part("idle")
        make_run(self.system, f"{self.name}good")
        self.push(f"{self.name}good", **self.good())
        wait_for(self.is_good_over, 60)
        self.end_part("good")
        item = self.push(f"{self.name}bad", uri="placeholder-uri", resource="nowhere", overrides={"entry_point": ["true"]})
        wait_for(lambda: self.system.item(item)["state"] == "FAILED", 60, 0.5)
        wait_for(lambda: any(s.path.endswith(f"{item}/error/error.log") for s in self.sent("PUT")), 60)
        self.bad_item = item
        self.end_part("bad")
        self.stopping = True
        self.status = self.process.wait(60)
        self.end_part("stop")

    def sent_ever(self, name):
        return [s for op, s in self.operations() if op == name]

    def operations(self):
        return [both for part in self.parts.values() for both in part]

    def close(self):
        self.thread.join()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.recorder.close()
        self.log.close()


class Theirs(Side):
    def __init__(self, system, name="theirs"):
        super().__init__(system, name, ["wandb", "launch-agent", "-q", "{queue}", "-e", "admin"])

    def good(self):
        return {"uri": "placeholder-uri", "resource": "local-process", "overrides": {"entry_point": ["sleep", "2"]}}

    def is_good_over(self):
        return self.sent("RunState")


class Ours(Side):
    def __init__(self, system, name="ours"):
        super().__init__(system, name, [str(BINARY), "agent", "-q", "{queue}", "-e", "admin", "--state-dir", name,
                                        "--log-format", "text"], SLIPWAY_GCP_PROJECT="slipway-local")

    def good(self):
        return {"docker": {"docker_image": "example.com/sleep:1"}, "overrides": {"args": ["2"]}}

    def is_good_over(self):
        return b"launch.reported" in (self.system.folder / "ours.log").read_bytes()


def live_through_outage(side):
    """The server is away for longer than W&B's agent bears."""
    wait_for(lambda: side.sent("popFromRunQueue"), 60)
    side.recorder.is_down = True
    time.sleep(AWAY_S)
    side.end_part("away")
    side.recorder.is_down = False


class TheirsAway(Theirs):
    def live(self):
        live_through_outage(self)
        self.status = self.process.wait(60)


class OursAway(Ours):
    def live(self):
        live_through_outage(self)
        item = self.push("oursaway", **self.good())
        wait_for(lambda: self.system.item(item)["state"] not in ("PENDING", "LEASED"), 90, 0.5)
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(30)


def make_run(system, name):
    """The run that the job would make."""
    text = "mutation M($n: String) { upsertBucket(input: {name: $n, modelName: \"demo\", entityName: \"admin\"}) { inserted } }"
    request = urllib.request.Request(
        system.url + "/graphql", json.dumps({"query": text, "variables": {"n": name}}).encode(),
        {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(b"api:" + system.key.encode()).decode()})
    with urllib.request.urlopen(request, timeout=20) as reply:
        assert json.load(reply)["data"]["upsertBucket"]["inserted"]


@pytest.fixture(scope="module")
def lives(system):
    """All at the same time, for each is mostly waiting."""
    api(system, """
for name in ("theirs-queue", "theirs-away-queue"):
    queue = api.create_run_queue(name=name, type="local-process", entity="admin", config={})
print(json.dumps(queue.id))
""")
    for name in ("ours-queue", "ours-away-queue"):
        system.slipway("queue", "create", name, "--config", ROOT / "examples/queues/minimal.yaml")
    sides = [Theirs(system), Ours(system), TheirsAway(system, "theirs-away"), OursAway(system, "ours-away")]
    for side in sides:
        side.thread.start()
    for side in sides:
        side.close()
    for side in sides:
        if side.error:
            raise AssertionError(f"{side.name}: {side.error}\n{(system.folder / side.log.name).read_text()}") from side.error
    return {side.name: side for side in sides}


@pytest.fixture(scope="module")
def sides(lives):
    return lives["theirs"], lives["ours"]


def test_only_one_of_the_two_sends_what_is_listed(sides):
    theirs, ours = ({name for name, _ in side.operations()} for side in sides)
    assert {f"theirs {n}" for n in theirs - ours} | {f"ours {n}" for n in ours - theirs} == set(ALONE)


PHASES = {  # of an agent's life: the part in which it shows, and what it sends there in this order, among other things
    "start": ("start", "Viewer ProjectRunQueues createLaunchAgent EntityIsTeam LaunchAgent popFromRunQueue"),
    "loop": ("idle", "LaunchAgent popFromRunQueue LaunchAgent"),
    "state": ("idle", "updateLaunchAgent"),
    "own run": ("bad", "CreateRunFiles PUT"),
    "job": ("good", "popFromRunQueue ackRunQueueItem"),
    "tracking": ("good", "ackRunQueueItem RunStoppedStatus RunState"),
    "end": ("bad", "CreateRunFiles PUT failRunQueueItem"),
    "stop": ("stop", "updateLaunchAgent"),
}
OURS = {"Viewer": None, "EntityIsTeam": None, "RunStoppedStatus": "RunStatuses", "RunState": None}  # in place of theirs: ALONE says why


@pytest.mark.parametrize("who", ["theirs", "ours"])
@pytest.mark.parametrize("phase", PHASES)
def test_the_agent_sends(lives, phase, who):
    part, order = PHASES[phase]
    sent = [name for name, _ in lives[who].parts[part]]
    order = [OURS.get(name, name) if who == "ours" else name for name in order.split()]
    if (phase, who) == ("end", "theirs"):  # its file goes up beside, or later
        order = ["failRunQueueItem"]
    rest = iter(sent)
    assert all(name in rest for name in order if name), sent


FIXED = ("project", "projectName", "stage", "jobType")


def shape(seen):
    """Which variables are given, of which types, and the values that the protocol fixes."""
    out = {}
    for name, value in (seen.body.get("variables") or {}).items():
        if value is not None:
            out[name] = value if name in FIXED else type(value).__name__
    return out


def test_what_both_send_has_the_same_variables(sides):
    theirs, ours = ({}, {})
    for side, shapes in zip(sides, (theirs, ours)):
        for name, seen in side.operations():
            if seen.path == "/graphql":
                shapes.setdefault(name, []).append(shape(seen))
    unlike = {name for name in theirs if name in ours and any(s not in theirs[name] for s in ours[name])}
    assert unlike == set(VARIABLES)
    for mine in ours["UpsertBucket"]:  # what ours tells, theirs tells as well
        assert mine.items() <= theirs["UpsertBucket"][0].items()
    configs = [json.loads(s.body["variables"]["agentConfig"]) for side in sides for s in side.sent_ever("createLaunchAgent")]
    assert configs[0].keys() == configs[1].keys()


def count(side, part, operation_name):
    return sum(name == operation_name for name, _ in side.parts[part])


def gaps(side, operation_name):
    """Seconds between one such request and the next, from the first pop on until there is work."""
    at = [s.at for part in ("start", "idle") for name, s in side.parts[part] if name == operation_name]
    return [later - earlier for earlier, later in zip(at, at[1:])]


def test_an_idle_agent_sends_no_more_than_wandbs(sides):
    theirs, ours = sides
    for name, pause_s in (("popFromRunQueue", 10), ("LaunchAgent", 10), ("updateLaunchAgent", 20)):
        assert min(gaps(ours, name)) > pause_s - 0.5  # W&B's constants
        assert 1 <= count(ours, "idle", name) <= count(theirs, "idle", name) + 1  # the end may cut a round
    assert len(ours.parts["idle"]) <= len(theirs.parts["idle"])
    assert len(ours.parts["start"]) <= len(theirs.parts["start"])


def states(side):
    """The states it told, without repetitions."""
    told = [s.body["variables"]["agentStatus"] for name, s in side.operations() if name == "updateLaunchAgent"]
    return [state for i, state in enumerate(told) if i == 0 or told[i - 1] != state]


def test_the_states_and_the_end(sides):
    for side in sides:
        assert set(states(side)) == {"POLLING", "RUNNING", "KILLED"}
        assert states(side)[0] == "POLLING" and states(side)[-1] == "KILLED"
        assert side.status == 0
        assert "RUNNING" in [s.body["variables"]["agentStatus"] for n, s in side.parts["good"] if n == "updateLaunchAgent"]
    assert sides[1].operations()[-1][0] == "updateLaunchAgent"


def test_an_item_is_taken_in_the_same_order(sides):
    for side in sides:
        order = [name for name, _ in side.parts["good"] if name in ("popFromRunQueue", "ackRunQueueItem")]
        assert order.count("ackRunQueueItem") == 1
        assert order[order.index("ackRunQueueItem") - 1] == "popFromRunQueue"  # the one that brought it; others may have found nothing
        assert not [1 for name, _ in side.parts["good"] if name == "failRunQueueItem"]


def test_the_file_of_a_failed_item_has_the_same_name_and_ours_is_there_before_it_is_named(sides):
    for side in sides:
        parts = side.parts["bad"]
        fails = [s.body["variables"] for name, s in parts if name == "failRunQueueItem"]
        path = f"{side.bad_item}/error/error.log"
        assert [(v["filePaths"], v["stage"], v["runQueueItemId"]) for v in fails] == [([path], "agent", side.bad_item)]
        asked = [s.body["variables"] for name, s in parts if name == "CreateRunFiles" and path in s.body["variables"]["files"]]
        runs = {s.body["variables"]["name"] for name, s in side.operations() if name == "UpsertBucket"}
        assert {v["run"] for v in asked} == runs and len(runs) == 1
        put = [s for name, s in parts if name == "PUT" and s.path.endswith(path)]
        assert "nowhere" in put[0].body and "authorization" not in put[0].headers
    names = [name for name, _ in sides[1].parts["bad"]]
    assert names.index("CreateRunFiles") < names.index("PUT") < names.index("failRunQueueItem")


def test_an_outage_that_ends_wandbs_agent_is_survived_without_a_storm(lives):
    assert lives["theirs-away"].status == 1
    assert lives["ours-away"].status == 0  # it took an item afterwards, and was told to end
    assert 4 <= len(lives["ours-away"].parts["away"]) <= 25
