"""What people see of items: reasons of many lines, states and log lines as they come."""

import json

import pytest

from harness import BINARY

FAILING = "import sys\nfor i in range(3): print('line', i, file=sys.stderr)\nsys.exit(1)"
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
    assert all(list(line) == ["timestamp", "severity", "task", "text"] for line in lines)
