"""A fault-free launch is recorded first; then each of its journal writes and requests is a case. Cases mostly wait (a lease, a
settling wait: 60 s each), so all that were selected run at once, and each test takes the outcome of its own."""

import concurrent.futures
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parents[1] / "cli")]

from harness import Place, make_place, wait_for  # noqa: E402
from scratch import pytest_configure, pytest_unconfigure  # noqa: E402,F401
from launches import Backends, Launch, Tracer, calls_in, kill_behind_create, opening_tracer  # noqa: E402

signal.signal(signal.SIGINT, signal.default_int_handler)

AT_ONCE = 40


class Recording:
    """What a launch does when nothing fails: its requests by backend, and the calls that write the journal."""

    def __init__(self, folder):
        (folder / "user").mkdir()
        place = Place(folder / "user")
        with contextlib.closing(place):
            backends = Backends(place)
            with contextlib.closing(Launch(folder / "recorded", backends)) as launch:
                self.record_launch(launch)
            with contextlib.closing(Launch(folder / "fresh", backends)) as launch:
                self.opening = self.record_opening(launch)
            with contextlib.closing(Launch(folder / "killed", backends)) as launch:
                launch.item = launch.push()
                kill_behind_create(launch)
                self.reopening = self.record_opening(launch)

    def record_launch(self, launch):
        launch.start_agent_at_rest()
        tracer = Tracer(launch)
        launch.item = launch.push()
        launch.place.item_at_end(launch.item)
        wait_for(launch.is_idle)
        tracer.detach()
        self.calls = tracer.calls()
        self.requests = {name: list(proxy.seen) for name, proxy in launch.proxies.items()}
        launch.check_exactly_once()

    @staticmethod
    def record_opening(launch):
        trace = launch.place.folder / "opening"
        launch.start_agent(under=opening_tracer(trace)).wait_log("agent.registered")
        return calls_in(trace)


@pytest.fixture(scope="session")
def backends(tmp_path_factory):
    """A server and an emulator that stay up, for all cases that do not kill them."""
    for place in make_place(tmp_path_factory, "backends"):
        yield Backends(place)


def run_case(case, folder, backends):
    with contextlib.ExitStack() as stack:
        if case.own_backends:
            own = folder / "backends"
            own.mkdir(parents=True)
            place = stack.enter_context(contextlib.closing(Place(own)))
            backends = Backends(place, *case.emulator_options)
        folder.mkdir(exist_ok=True)
        launch = stack.enter_context(contextlib.closing(Launch(folder / folder.name, backends)))
        try:
            case.run(launch)
        except BaseException as e:
            e.add_note(launch.story())
            raise


@pytest.fixture(scope="session")
def outcomes(request, backends, tmp_path_factory):
    """Of each selected case a future."""
    cases = [item.callspec.params["case"] for item in request.session.items if "case" in getattr(item, "callspec", NO_PARAMS).params]
    folder = tmp_path_factory.mktemp("cases")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        cases.sort(key=lambda case: not case.slow)
        futures = {case: pool.submit(run_case, case, folder / f"case-{n}", backends) for n, case in enumerate(cases)}
        try:
            yield futures
        finally:
            pool.shutdown(cancel_futures=True)
            shutil.rmtree(folder, ignore_errors=True)


class NO_PARAMS:
    params = {}


@pytest.fixture
def outcome(outcomes, case):
    """Waits for the test's own case; raises what was wrong."""
    return outcomes[case].result


recordings = []


def pytest_generate_tests(metafunc):
    if "case" not in metafunc.fixturenames:
        return
    if not recordings:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-faults-"))
        try:
            recordings.append(Recording(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    cases = metafunc.module.cases_of(metafunc.function.__name__, recordings[0])
    assert cases
    metafunc.parametrize("case", cases, ids=str)
