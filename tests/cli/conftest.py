"""Fixtures over the real binary."""

import pathlib
import signal
import sys

import pytest

from harness import Up, World, make_place

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from postgres import private_server  # noqa: E402
from scratch import pytest_configure, pytest_unconfigure  # noqa: E402,F401

# Started in the background of a script, we ignore Ctrl-C, and so would every process we start: a shell could not trap it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def place(tmp_path_factory):
    """A user with an empty home."""
    yield from make_place(tmp_path_factory, "user")


@pytest.fixture(params=["sqlite", "postgresql"])
def options(request):
    """A server's folder and database, of each engine."""
    if request.param == "sqlite":
        yield ("--data", "server")
        return
    with private_server() as url:
        yield ("--data", "server", "--db", url)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """`slipway up` for a whole module; its user is up.place."""
    places = make_place(tmp_path_factory, "up")
    for p in places:
        yield Up(p)


@pytest.fixture
def world(place):
    """Server, emulator and a queue `q`; the agent is the test's to start."""
    return World(place)
