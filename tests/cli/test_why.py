"""`slipway why`: the cause an item is told, from real processes."""

import base64
import contextlib
import http.server
import json
import sqlite3
import threading
import urllib.request

from harness import HeldJob, wait_for

KEYS = ["item", "state", "cause", "since", "summary", "evidence", "fix"]


def why(place, item, *options):
    answer = place.json("why", item, *options)
    assert list(answer) == KEYS and answer["item"] == item
    assert answer["summary"] and answer["fix"]
    return answer


def has(lines, part):
    return any(part in line for line in lines)


def put(place, *argv):
    return place.launch("q", *(argv or ("-c", "pass")))


def test_an_item_of_a_queue_without_an_agent(world):
    item = put(world.place)

    answer = why(world.place, item)
    assert (answer["state"], answer["cause"]) == ("PENDING", "no_agent")
    assert has(answer["fix"], "slipway agent --queue q")
    text = world.place.ok("why", item)
    assert "cause  no_agent: no agent listens to its queue\n" in text and "\nwhat to do\n  - start one" in text


def test_an_agent_that_has_ended_and_one_that_is_silent(world):
    world.start_agent().stop()
    item = put(world.place)
    assert has(why(world.place, item)["evidence"], "it said that it ends")

    with contextlib.closing(sqlite3.connect(world.place.folder / "server/slipway.db", timeout=10)) as db:
        db.execute("UPDATE agents SET status = 'POLLING', heartbeat_unix_ms = 1767225600000")
        db.commit()
    answer = why(world.place, item)
    assert (answer["cause"], answer["since"]) == ("agents_silent", "2026-01-01T00:00:00.000Z")


def test_items_behind_others_when_all_slots_are_taken(world):
    world.start_agent("-j", "1")
    first = HeldJob(world.place)
    first.wait_started()
    second, third = put(world.place), put(world.place)

    answer = why(world.place, third)
    assert answer["cause"] == "slots_taken"
    assert has(answer["evidence"], "1 item of queue q is taken before it")
    assert has(answer["evidence"], "agents have 1 item of the queue, for 1 slot (max_jobs)")
    assert has(why(world.place, second)["evidence"], "0 items of queue q are taken before it")
    first.let_go()
    world.place.item_at_end(third)


def test_an_item_that_runs_and_one_that_somebody_stopped(world):
    world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    wait_for(lambda: world.place.item(job.item)["state"] == "RUNNING")
    answer = why(world.place, job.item)
    assert answer["cause"] == "running" and has(answer["evidence"], "customJobs/")

    world.place.ok("stop", job.item)
    world.place.item_at_end(job.item)
    answer = why(world.place, job.item)
    assert answer["cause"] == "stopped_by_user" and has(answer["evidence"], "user ada asked for it at")


def test_a_vertex_that_cannot_be_reached(world):
    world.emulator.stop()
    agent = world.start_agent()
    item = put(world.place)
    agent.wait_log("launch.waiting")
    wait_for(lambda: why(world.place, item)["cause"] != "submitting")

    answer = why(world.place, item)
    assert answer["cause"] == "waiting_outage" and has(answer["evidence"], "connect")
    assert not has(answer["evidence"], "sent so far")
    answer = why(world.place, item, "--state-dir", "agent")  # of the agent that works on it
    assert answer["cause"] == "waiting_outage" and has(answer["evidence"], "sent so far")


def test_a_quota_that_is_used_up(world):
    world.place.ok("emulator", "capacity", "set", "-", "--data", "emulator", stdin="[{region: us-central1, quota: 0}]")
    agent = world.start_agent()
    item = put(world.place)
    agent.wait_log("launch.waiting")
    wait_for(lambda: why(world.place, item)["cause"] != "submitting")

    for options in (), ("--state-dir", "agent"):
        answer = why(world.place, item, *options)
        assert (answer["state"], answer["cause"]) == ("CLAIMED", "waiting_quota")
        assert has(answer["evidence"], "exceed quota limits") and has(answer["evidence"], "the next try is at 20")
        assert has(answer["fix"], "iam-admin/quotas")


def fail(place, item, message):
    """What an agent says of an item whose launch went wrong before there was a job."""
    query = ("mutation F($i: ID!, $m: String!) { failRunQueueItem(input: "
             '{runQueueItemId: $i, message: $m, stage: "agent"}) { success } }')
    key = base64.b64encode(f"api:{place.variables['WANDB_API_KEY']}".encode()).decode()
    request = urllib.request.Request(place.variables["WANDB_BASE_URL"] + "/graphql", headers={
        "Authorization": f"Basic {key}", "Content-Type": "application/json",
    }, data=json.dumps({"query": query, "variables": {"i": item, "m": message}}).encode())
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert json.load(reply)["data"]["failRunQueueItem"]["success"]


def test_refusals_of_google_come_with_the_permission_and_the_command(world):
    for message, cause, permission, fix in (
            ("INVALID_ARGUMENT: You do not have permission to act as service_account: "
             "train@p.iam.gserviceaccount.com. (or it may not exist).",
             "failed_act_as_denied", "iam.serviceAccounts.actAs",
             "gcloud iam service-accounts add-iam-policy-binding train@p.iam.gserviceaccount.com"),
            ("PERMISSION_DENIED (SERVICE_DISABLED): Vertex AI API has not been used in project 12 before: the API "
             "aiplatform.googleapis.com is not enabled in project 12; to mend it, run `gcloud services enable "
             "aiplatform.googleapis.com --project=12`, and wait a minute or two",
             "failed_service_disabled", "serviceusage.services.enable", "gcloud services enable aiplatform.googleapis.com --project=12"),
            ("PERMISSION_DENIED: Permission 'aiplatform.customJobs.create' denied on resource",
             "failed_permission_denied", "aiplatform.customJobs.create", "gcloud projects add-iam-policy-binding")):
        item = put(world.place)
        fail(world.place, item, message)

        answer = why(world.place, item)
        assert answer["cause"] == cause
        assert has(answer["evidence"], f"missing permission: {permission}"), answer
        assert has(answer["fix"], fix), answer


def test_a_program_that_fails(up):
    item = put(up.place, "-c", "import sys; sys.exit('out of luck')")
    up.place.item_at_end(item)

    answer = why(up.place, item)
    assert (answer["state"], answer["cause"]) == ("FAILED", "failed_program")
    assert has(answer["evidence"], "out of luck") and has(answer["evidence"], "exit code 1")
    assert has(answer["fix"], f"slipway logs {item}")


def test_a_program_that_is_not_in_its_image(up):
    item = up.place.json("launch", "-q", "q", "-d", "docker.io/library/no-such-image:1", "--", "x")["item"]
    up.place.item_at_end(item)

    answer = why(up.place, item)
    assert answer["cause"] == "failed_cannot_start" and has(answer["evidence"], "StartError")


class WandbServer:
    """What a W&B server knows of an item: its state, in its queue."""

    def __init__(self, state):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
                status, answer = 200, {"data": {"project": {"runQueue": {"runQueueItem": {"id": "i7", "state": state}}}}}
                if "query Why" in query:
                    status, answer = 400, {"errors": [{"message": 'Cannot query field "runQueueItem" on type "Query".'}]}
                elif "runQueues" in query:
                    answer = {"data": {"project": {"runQueues": [{"id": "1", "name": "gpu"}]}}}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

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


def test_a_wandb_server_tells_the_state_and_no_more(place):
    with WandbServer("PENDING") as server:
        place.use(server.url)
        answer = why(place, "i7")
        assert (answer["state"], answer["cause"], answer["since"]) == ("PENDING", "pending", None)
        assert has(answer["evidence"], "does not say which agents listen to queue gpu")
        assert why(place, "i7", "--queue", "cpu")["evidence"] != answer["evidence"]
    with WandbServer("FAILED") as server:
        place.use(server.url)
        assert why(place, "i7")["cause"] == "failed"


def test_an_item_that_was_deleted_and_one_that_never_was(world):
    assert "was deleted from its queue, or never was there" in world.place.fails(6, "why", "nothing")

    world.start_agent()
    item = put(world.place)
    world.place.item_at_end(item)
    with contextlib.closing(sqlite3.connect(world.place.folder / "server/slipway.db", timeout=10)) as db:
        db.execute("DELETE FROM item_lines WHERE item_seq = (SELECT seq FROM items WHERE uid = ?)", (item,))
        db.execute("DELETE FROM items WHERE uid = ?", (item,))
        db.commit()
    answer = why(world.place, item, "--state-dir", "agent")
    assert (answer["state"], answer["cause"]) == (None, "deleted")
    assert has(answer["evidence"], "this machine's agent had it: ")
