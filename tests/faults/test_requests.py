"""At each request of a launch's way somebody is killed: the agent, or the one it asks; before the request arrives, or when it has been
answered and the answer is on its way. Who was killed comes back, and the launch ends as if nothing had been."""

import dataclasses

OF_AN_EMPTY_QUEUE = {("popFromRunQueue", 2)}  # the item is over by then


@dataclasses.dataclass(frozen=True)
class KilledAgent:
    backend: str
    name: str
    nth: int
    when: str
    slow: bool = True
    own_backends: bool = False

    def __str__(self):
        return f"{self.when}-{self.backend}-{self.name.replace(' ', '-')}-{self.nth}"

    def run(self, launch):
        launch.item = launch.push()
        launch.proxies[self.backend].on(self.name, self.nth, self.when, launch.kill_agent)
        launch.start_agent()
        launch.was_killed()
        launch.start_agent()
        launch.check_exactly_once()


@dataclasses.dataclass(frozen=True)
class KilledBackend(KilledAgent):
    own_backends: bool = True

    def run(self, launch):
        proxy = launch.proxies[self.backend]
        proxy.on(self.name, self.nth, self.when, getattr(launch.backends, self.backend).kill)
        launch.item = launch.push()
        launch.start_agent()
        assert proxy.done.wait(60)
        launch.restart(self.backend)
        runs_again = self.backend == "emulator"  # its programs die with it, and the job runs anew
        launch.check_exactly_once(runs=2 if runs_again else 1)


def cases_of(function, recording):
    kind = {"test_the_agent_is_killed": KilledAgent, "test_a_backend_is_killed": KilledBackend}[function]
    return [kind(backend, *request, when) for backend, requests in recording.requests.items()
            for request in requests if request not in OF_AN_EMPTY_QUEUE for when in ("before", "after")]


def test_the_agent_is_killed(case, outcome):
    outcome()


def test_a_backend_is_killed(case, outcome):
    outcome()
