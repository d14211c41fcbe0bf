"""The demo tells the story it promises, with the binary as built, and leaves nothing behind."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness import BINARY, ROOT, Place, group_is_empty, wait_for


class Demo:
    """demo.sh in a process group of its own, its temporary folder below the test's."""

    def __init__(self, place, *options):
        self.tmp = place.folder / "tmp"
        self.tmp.mkdir()
        self.out_file = place.folder / "demo.out"
        with open(self.out_file, "wb") as out:
            self.popen = subprocess.Popen([ROOT / "examples/demo/demo.sh", BINARY, *options], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env=place.env(TMPDIR=str(self.tmp)), start_new_session=True)

    def out(self):
        return self.out_file.read_text()

    def left_behind(self):
        return list(self.tmp.iterdir())


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Two at once, as it takes a while: one that ends, one that stays up."""
    folder = tmp_path_factory.mktemp("demo")
    both = []
    for name, options in (("ends", []), ("kept", ["--keep"])):
        (folder / name).mkdir()
        both.append(Demo(Place(folder / name), *options))
    yield both
    for demo in both:
        if demo.popen.poll() is None:
            demo.popen.terminate()
            demo.popen.wait(15)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def finished(demos):
    assert demos[0].popen.wait(60) == 0, demos[0].out()
    return demos[0]


def section(text, title):
    return re.search(rf"==> {title}.*?(?===> )", text, re.S).group()


def test_the_loss_goes_down(finished):
    losses = [float(x) for x in re.findall(r"loss ([0-9.]+)", section(finished.out(), "a training job"))]

    assert len(losses) == 8
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.5 < losses[0]


def test_every_replica_of_two_pools_reads_its_place(finished):
    places = re.findall(r"(workerpool\d-\d) of (\d)", section(finished.out(), "a job with two worker pools"))

    assert sorted(places) == [("workerpool0-0", "3"), ("workerpool1-0", "3"), ("workerpool1-1", "3")]


def test_the_failed_item_has_its_reason(finished):
    text = section(finished.out(), "a job that fails on purpose")

    assert "state  FAILED" in text
    assert "the learning rate file is missing: /data/rate.json" in text


def test_nothing_is_left(finished):
    assert "nothing is left running" in finished.out()
    assert finished.left_behind() == []
    assert group_is_empty(finished.popen.pid)


def test_keep_stays_up_says_where_to_look_and_ends_at_ctrl_c(demos, place):
    demo = demos[1]
    wait_for(lambda: "tail -f" in demo.out() or demo.popen.poll() is not None, 60)
    env_file = pathlib.Path(re.search(r"  \. (\S+/env) ", demo.out()).group(1))

    looked = place.run("/bin/sh", "-c", '. "$1" && exec "$0" items demo', BINARY, env_file)
    still_up = demo.popen.poll() is None
    os.killpg(demo.popen.pid, signal.SIGINT)  # as a terminal does: to all of them

    assert looked.returncode == 0 and looked.stdout.count("\n") == 2
    assert still_up
    assert demo.popen.wait(15) == 0
    wait_for(lambda: group_is_empty(demo.popen.pid), 5)
    assert demo.left_behind() == []
    assert "nothing is left running" in demo.out().splitlines()[-1]


def test_an_unknown_option_is_refused(place):
    demo = Demo(place, "--kep")

    assert demo.popen.wait(10) == 2
    assert "usage: ./dev demo [--keep]" in demo.out()
