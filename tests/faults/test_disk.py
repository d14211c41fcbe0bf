"""A disk that fails under the journal: the agent does nothing that it cannot write down, says so, and goes on when it can."""

import dataclasses
import time

from launches import Case, Tracer


CREATED_BEFORE = 2  # the second commit is the request, as it will be sent


@dataclasses.dataclass(frozen=True)
class FailingDisk(Case):
    """From the nth call of its name on, each fails, until the disk is well again."""

    commit: int
    call: str
    error: str
    nth: int

    def __str__(self):
        return f"{self.error}-from-commit-{self.commit}"

    def run(self, launch):
        launch.start_agent_at_rest()
        tracer = Tracer(launch, "-e", f"inject={self.call}:error={self.error}:when={self.nth}+")
        launch.item = launch.push()
        launch.agent.wait_log("journal.failed", 60)
        time.sleep(3)
        jobs = len(launch.backends.jobs_of(launch.item))
        assert jobs == (1 if self.commit > CREATED_BEFORE else 0)
        tracer.detach()
        launch.agent.wait_log("journal.writable", 60)
        launch.check_exactly_once()
        states = [event["state"] for event in launch.place.item(launch.item)["history"]]
        assert states.count("LEASED") == 1, "an item in hand was dropped, to come again when its lease ran out"
        assert len(launch.agent.events("journal.failed")) == 1


def cases_of(_, recording):
    cases, commit, first = [], 1, 1
    for i, call in enumerate(recording.calls):
        if call == "fdatasync":
            cases.append(FailingDisk(commit, "pwrite64", "ENOSPC", first))
            cases.append(FailingDisk(commit, "fdatasync", "EIO", commit))
        if call == "write":
            commit += 1
            first = 1 + recording.calls[:i].count("pwrite64")
    return cases


def test_a_disk_that_fails_is_waited_for(case, outcome):
    outcome()
