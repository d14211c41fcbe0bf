"""Two agents on one queue, and the first does not move (SIGSTOP) for longer than the lease, then goes on as if nothing had been."""

import dataclasses
import os
import signal
import threading
import time
import typing

from launches import END_S, Case

LEASE_S = 60


@dataclasses.dataclass(frozen=True)
class Frozen(Case):
    """It stops at a request that it has sent; the request arrives when it goes on."""

    backend: str
    name: str
    slow: typing.ClassVar = True

    def __str__(self):
        return f"at-{self.name.replace(' ', '-')}"

    def run(self, launch):
        thawed = threading.Event()

        def freeze():
            os.kill(launch.agent.pid, signal.SIGSTOP)
            proxy.frozen.set()
            return thawed.wait(END_S)

        proxy = launch.proxies[self.backend]
        proxy.frozen = threading.Event()
        proxy.on(self.name, 1, "before", freeze)
        launch.item = launch.push()
        launch.start_agent()
        try:
            assert proxy.frozen.wait(30)
            self.meanwhile(launch, launch.start_other_agent())
        finally:
            os.kill(launch.agent.pid, signal.SIGCONT)
            thawed.set()
        launch.check_exactly_once()


class FrozenAtAck(Frozen):
    """It has the item, but never said so: the other one gets it, and the late ack is refused."""

    def meanwhile(self, launch, other):
        assert launch.item_at_end(launch.item)["state"] == "FINISHED"
        assert other.events("launch.reported")
        assert other.stop() == 0


class FrozenAtCreate(Frozen):
    """The item is its own: the other one gets nothing."""

    def meanwhile(self, launch, other):
        other.wait_log("agent.registered")
        time.sleep(LEASE_S + 10)
        assert other.stop() == 0
        assert not other.events("launch.leased")


def cases_of(*_):
    return [FrozenAtAck("server", "ackRunQueueItem"), FrozenAtCreate("emulator", "POST customJobs")]


def test_an_agent_that_did_not_move_for_longer_than_the_lease(case, outcome):
    outcome()
