"""At each request of a launch's way somebody is killed: the agent, or the one it asks; before the request arrives, or when it has been
answered and the answer is on its way. Who was killed comes back, and the launch ends as if nothing had been."""

import dataclasses
import typing

from launches import Case

OF_AN_EMPTY_QUEUE = {("popFromRunQueue", 2)}  # the item is over by then
CREATE = ("emulator", "POST customJobs", 1)


@dataclasses.dataclass(frozen=True)
class Request(Case):
    backend: str
    name: str
    nth: int
    when: str

    def __str__(self):
        return f"{self.when}-{self.backend}-{self.name.replace(' ', '-')}-{self.nth}"

    @property
    def slow(self):
        return self.name in ("popFromRunQueue", "POST customJobs")


class KilledAgent(Request):
    def run(self, launch):
        launch.item = launch.push()
        self.kill(launch)
        launch.start_agent()
        launch.check_exactly_once()

    def kill(self, launch):
        launch.proxies[self.backend].on(self.name, self.nth, self.when, launch.kill_agent)
        launch.start_agent()
        launch.was_killed()


class KilledBackend(Request):
    own_backends: typing.ClassVar = True

    def run(self, launch):
        proxy = launch.proxies[self.backend]
        proxy.on(self.name, self.nth, self.when, getattr(launch.backends, self.backend).kill)
        launch.item = launch.push()
        launch.start_agent()
        assert proxy.done.wait(60)
        launch.restart(self.backend)
        runs_again = self.backend == "emulator"  # its programs die with it, and the job runs anew
        launch.check_exactly_once(runs=2 if runs_again else 1)


class KilledAgentAndLists(KilledAgent):
    """A job is in lists only half a minute after it was made: the first two looks for it find nothing."""

    own_backends: typing.ClassVar = True
    emulator_options: typing.ClassVar = ("--list-lag", "30")


class StoppedMeanwhile(KilledAgent):
    """A user asks for the end while no agent is there."""

    def run(self, launch):
        launch.item = launch.push("echo ran >>ran; exec sleep 600")
        self.kill(launch)
        launch.place.ok("stop", launch.item)
        launch.start_agent()
        launch.check_stopped()


def cases_of(function, recording):
    every = [(backend, *request, when) for backend, requests in recording.requests.items()
             for request in requests if request not in OF_AN_EMPTY_QUEUE for when in ("before", "after")]
    before_its_end = [r for r in every if r[1] not in ("finishRunQueueItem", "GET customJobs/JOB")]
    return {"test_the_agent_is_killed": lambda: [KilledAgent(*r) for r in every],
            "test_a_backend_is_killed": lambda: [KilledBackend(*r) for r in every],
            "test_the_agent_is_killed_at_a_create_that_lists_do_not_show_yet": lambda: [KilledAgentAndLists(*CREATE, "after")],
            "test_the_agent_is_killed_and_a_user_stops_the_item": lambda: [StoppedMeanwhile(*r) for r in before_its_end]}[function]()


def test_the_agent_is_killed(case, outcome):
    outcome()


def test_a_backend_is_killed(case, outcome):
    outcome()


def test_the_agent_is_killed_at_a_create_that_lists_do_not_show_yet(case, outcome):
    outcome()


def test_the_agent_is_killed_and_a_user_stops_the_item(case, outcome):
    outcome()
