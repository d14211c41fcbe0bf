"""What people see of items: reasons of many lines, states and log lines as they come."""

import contextlib
import http.server
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest

from harness import BINARY, HeldJob, wait_for

FAILING = "import sys\nfor i in range(3): print('line', i, file=sys.stderr)\nsys.exit(1)"
TALKING = HeldJob.PROGRAM.replace("while", "print('before', flush=True)\nwhile") + "print('after')\n"
SHOUTS = "import sys; sys.stderr.write('\\x1b[2J\\x07cleared\\n'); sys.exit(1)"


@pytest.fixture(scope="module")
def failed(up):
    item = up.place.launch("q", "-c", FAILING)
    return up.place.item_at_end(item)


def test_json_keeps_the_whole_reason(failed):
    assert failed["state"] == "FAILED"
    assert "line 0\nline 1\nline 2" in failed["error"]["message"]


def test_a_table_has_one_line_for_each_item(up, failed):
    lines = up.place.ok("items", "q").splitlines()

    ours = [line for line in lines if failed["id"] in line]
    assert len(ours) == 1
    assert ours[0].endswith(" ...")
    assert all(line.split()[1] in ("PENDING", "LEASED", "CLAIMED", "RUNNING", "FINISHED", "FAILED", "STOPPED") for line in lines)


def test_show_indents_the_further_lines_of_a_reason(up, failed):
    lines = up.place.ok("items", "show", failed["id"]).splitlines()

    first = next(i for i, line in enumerate(lines) if line.startswith("reason "))
    assert lines[first + 1].startswith("       line 1")
    assert lines[first + 2].startswith("       line 2")
    assert "stage  run" in lines
    history = lines[lines.index("history") + 1:]
    assert len(history) == len(failed["history"])
    assert history[-1].endswith(" ...")


def test_wait_prints_a_line_for_each_state_and_one_for_the_failure(up):
    done = up.place.slipway("launch", "-q", "q", "-d", "docker.io/library/python:3", "--wait", "--", "-c", FAILING)

    assert done.returncode == 13
    lines = done.stderr.splitlines()
    assert "PENDING put into the queue" in lines
    assert lines[-2].startswith("FAILED ") and lines[-2].endswith(" ...")
    assert lines[-1].startswith("slipway: item ") and "ended FAILED" in lines[-1]


def test_control_characters_of_a_job_do_not_reach_the_terminal(up):
    item = up.place.item_at_end(up.place.launch("q", "-c", SHOUTS))

    assert "\x1b" in item["error"]["message"]
    for text in (up.place.ok("items", "q"), up.place.ok("items", "show", item["id"])):
        assert "cleared" in text
        assert "\x1b" not in text and "\x07" not in text


def test_follow_shows_states_and_log_lines_in_the_order_of_their_times(up):
    """Both streams into one file, as on a terminal."""
    script = f"exec '{BINARY}' launch -q q -d docker.io/library/python:3 --follow -- -c 'print(6 * 7)' 2>&1"
    done = up.place.run("/bin/sh", "-c", script)

    assert done.returncode == 0, done.stdout
    lines = done.stdout[:done.stdout.index("\nitem ")].splitlines()
    words = [line.split()[0] if line.split()[0].isalpha() else line.split(None, 1)[1] for line in lines]
    story = ("PENDING", "CLAIMED", "service        Waiting", "workerpool0-0  42", "service        Job completed", "FINISHED")
    order = [[w.startswith(x) for w in words].index(True) for x in story]
    assert order == sorted(order), done.stdout
    assert words[-1] == "FINISHED"


def test_follow_as_json_keeps_standard_output_for_the_item(up):
    done = up.place.slipway("launch", "-q", "q", "-d", "docker.io/library/python:3", "-f", "-o", "json", "--", "-c", "print('hello')")

    assert json.loads(done.stdout)["state"] == "FINISHED"
    assert "hello" in done.stderr


def test_follow_goes_on_to_the_end_when_the_log_cannot_be_read(up):
    done = up.place.slipway("launch", "-q", "q", "-d", "docker.io/library/python:3", "-f", "--", "-c", "pass",
                            SLIPWAY_GOOGLE_ENDPOINT="http://127.0.0.1:1")

    assert done.returncode == 0, done.stderr
    assert "the log cannot be followed" in done.stderr
    assert "FINISHED" in done.stdout


def test_logs_of_an_item_as_text_and_as_json(up):
    item = up.place.launch("q", "-c", "print('one'); print('two')")
    up.place.item_at_end(item)

    text = up.place.ok("logs", item)
    lines = [json.loads(line) for line in up.place.ok("logs", "-f", item, "-o", "json").splitlines()]

    assert text.index("one") < text.index("two")
    assert [line["text"] for line in lines if line["task"] == "workerpool0-0"] == ["one", "two"]
    assert all(list(line) == ["timestamp", "severity", "task", "text", "item"] for line in lines)


# --- watching

def test_watch_prints_a_line_for_each_change_and_ends_with_ctrl_c(world):
    there = world.place.launch("q", "-c", "pass")
    watch = world.place.start("items", "q", "--watch")
    wait_for(lambda: there in watch.out())
    world.start_agent()
    later = world.place.launch("q", "-c", "import sys; sys.exit('no luck')")
    wait_for(lambda: re.search(later + r" +FAILED .*no luck", watch.out()) and re.search(there + r" +FINISHED", watch.out()))
    assert watch.stop(signal.SIGINT) == 0

    states = lambda item: [line.split()[2] for line in watch.out().splitlines() if line.split()[1] == item]
    assert states(there)[0] == "PENDING" and states(there)[-1] == "FINISHED"
    assert states(later)[:3] == ["PENDING", "LEASED", "CLAIMED"] and states(later)[-1] == "FAILED"
    assert "\x1b" not in watch.out()
    assert len(set(watch.out().splitlines())) == len(watch.out().splitlines())


def test_watch_as_json_gives_an_object_a_change_and_outlives_the_server(world):
    watch = world.place.start("items", "q", "-w", "-o", "json")
    item = world.place.launch("q", "-c", "pass")
    wait_for(lambda: item in watch.out())
    world.server.kill()
    wait_for(lambda: "; trying again" in watch.log())
    world.start_server()
    world.place.ok("stop", item)
    wait_for(lambda: "STOPPED" in watch.out())
    assert watch.stop(signal.SIGINT) == 0

    changes = [json.loads(line) for line in watch.out().splitlines()]
    assert [(c["item"], c["state"], c["by"]) for c in changes] == [(item, "PENDING", "user ada"), (item, "STOPPED", "user ada")]
    assert all(list(c) == ["at", "item", "state", "by", "note"] for c in changes)


def test_watch_of_a_queue_that_is_not_there(up):
    assert 'no queue "nowhere"' in up.place.fails(6, "items", "nowhere", "--watch")


def test_watch_redraws_on_a_terminal(world):
    item = world.place.launch("q", "-c", "pass")
    ours, theirs = pty.openpty()
    watch = subprocess.Popen([BINARY, "items", "q", "--watch"], stdin=subprocess.DEVNULL, stdout=theirs, env=world.place.env())
    os.close(theirs)
    screen = b""
    try:
        while b"STOPPED" not in screen:
            assert select.select([ours], [], [], 20)[0], screen
            screen += os.read(ours, 65536)
            if item.encode() in screen and screen.count(b"\x1b[H") == 2:
                world.place.ok("stop", item)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 0
    finally:
        watch.kill()
        watch.wait(10)
        os.close(ours)
    frames = screen.decode().split("\x1b[H")
    assert f"{item} " in frames[1] and "PENDING" in frames[1]
    assert "queue q, 1 item" in frames[1] and frames[1].count("\x1b[K") == 2


# --- the logs of many

def test_logs_of_several_items_begin_with_their_ids(up):
    items = [up.place.launch("q", "-c", f"print('text {n}')") for n in range(3)]

    lines = up.place.ok("logs", "-f", *items).splitlines()

    for n, item in enumerate(items):
        ours = [line for line in lines if line.startswith(item + " ")]
        assert sum(line.endswith(f" text {n}") for line in ours) == 1
    assert all(line.split(" ", 1)[0] in items for line in lines)


def test_logs_are_followed_through_restarts_of_server_and_emulator_and_no_line_is_lost_or_doubled(world):
    world.start_agent()
    jobs = [HeldJob(world.place, program=TALKING) for _ in range(2)]
    follow = world.place.start("logs", "-f", *(job.item for job in jobs))
    for job in jobs:
        job.wait_started()
    wait_for(lambda: follow.out().count(" before") == 2)
    world.server.kill()
    wait_for(lambda: "; trying again" in follow.log())
    world.start_server()
    wait_for(lambda: "it answers again" in follow.log())
    for job in jobs:
        job.let_go()

    assert follow.ends(60) == 0, follow.log()
    for job in jobs:
        texts = [line.split(None, 3)[3] for line in follow.out().splitlines() if line.startswith(job.item)
                 and "workerpool0-0" in line]
        assert texts == ["before", "after"]


def test_an_emulator_that_comes_back_is_read_again(world):
    world.start_agent()
    job = HeldJob(world.place)
    job.wait_started()
    follow = world.place.start("logs", "-f", job.item, "-o", "json")
    wait_for(lambda: "Waiting" in follow.out())
    world.emulator.kill()
    wait_for(lambda: "; trying again" in follow.log())
    world.start_emulator()
    job.let_go()

    assert follow.ends(60) == 0, follow.log()
    lines = [json.loads(line) for line in follow.out().splitlines()]
    assert "Job completed" in lines[-1]["text"]
    keys = [(line["timestamp"], line["task"], line["text"]) for line in lines]
    assert len(keys) == len(set(keys))


class Logging:
    """Cloud Logging as far as entries:list goes, with a server whose items all ran the jobs it has lines of."""

    def __init__(self, refuse=0):
        self.reads = []
        self.refuse = refuse
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers, answer = fake.answer(self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                for key, value in headers:
                    self.send_header(key, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data)

            def do_GET(self):
                data = b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}'
                self.send_response(200)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def answer(self, path, body):
        if path.endswith("/graphql"):
            return 200, [], {"data": {key: self.item(value) for key, value in body["variables"].items()}}
        self.reads.append(time.monotonic())
        if len(self.reads) <= self.refuse:
            error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded for quota metric 'Read requests'"}
            return 429, [("Retry-After", "1")], {"error": error}
        self.filter = body["filter"]
        jobs = re.findall(r'"(\d+)"', body["filter"].split("timestamp")[0])
        entries = [self.entry(job, n) for n in range(2) for job in jobs]
        page = int(body.get("pageToken", 0))  # an empty page first, then one entry a page
        answer = {"entries": entries[page - 1:page]} if page else {}
        return 200, [], answer if page == len(entries) else {**answer, "nextPageToken": str(page + 1)}

    def item(self, name):
        job = f"Vertex job projects/1/locations/us-central1/customJobs/{name[4:]}"
        return {"id": name, "state": "FINISHED", "createdAt": "2026-01-01T00:00:00Z",
                "history": [{"at": "2026-01-01T00:00:01Z", "state": "CLAIMED", "by": "agent a", "note": job}]}

    def entry(self, job, n):
        return {"timestamp": f"2026-01-01T00:01:0{n}.000000123Z", "insertId": str(n), "severity": "INFO",
                "resource": {"labels": {"job_id": job, "task_name": "workerpool0-0"}}, "textPayload": f"line {n} of {job}"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_refused_read_is_tried_again_after_the_time_that_google_names(place):
    with Logging(refuse=1) as fake:
        place.use(fake.url, fake.url)
        done = place.slipway("logs", "-f", "item7", "item8", GOOGLE_CLOUD_PROJECT="p")

    assert done.returncode == 0, done.stderr
    assert "Quota exceeded" in done.stderr and "it answers again" in done.stderr
    assert fake.reads[1] - fake.reads[0] >= 1
    assert sorted(line.split(None, 3)[3] for line in done.stdout.splitlines()) == [
        "line 0 of 7", "line 0 of 8", "line 1 of 7", "line 1 of 8"]
    assert all(line.startswith(f"item{line[-1]} ") for line in done.stdout.splitlines())
    assert '("7" OR "8")' in fake.filter


def test_reads_stay_within_what_cloud_logging_allows(place):
    """Ten at once, then one every 1.2 seconds: never more than sixty in any minute."""
    with Logging() as fake:
        place.use(fake.url, fake.url)
        done = place.slipway("logs", *(f"item{n}" for n in range(100, 107)), GOOGLE_CLOUD_PROJECT="p")

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 14
    assert len(fake.reads) == 15  # an empty page, and one for each line
    assert fake.reads[-1] - fake.reads[0] >= 4 * 1.2


class LateLogging(Logging):
    """Two lines that are shown a minute of log time apart; one of between comes when both were read."""

    def answer(self, path, body):
        if path.endswith("/graphql"):
            return super().answer(path, body)
        self.reads.append(time.monotonic())
        since = re.search(r'timestamp>="([^"]+)"', body["filter"]).group(1)
        seconds = [0, 59] if len(self.reads) == 1 else [0, 20, 59]
        entries = [{**self.entry("7", n), "timestamp": f"2026-01-01T00:01:{n:02}.000Z"} for n in seconds]
        return 200, [], {"entries": [entry for entry in entries if entry["timestamp"] >= since]}


def test_a_line_that_comes_late_is_printed_and_none_twice(place):
    with LateLogging() as fake:
        place.use(fake.url, fake.url)
        lines = [json.loads(line) for line in place.ok("logs", "-f", "item7", "-o", "json", GOOGLE_CLOUD_PROJECT="p").splitlines()]

    assert [line["text"] for line in lines] == ["line 0 of 7", "line 59 of 7", "line 20 of 7"]
