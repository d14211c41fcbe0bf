"""The agent is killed at each call that writes its journal on the way of a launch: each write into the log, the sync behind them, and the
message to the loop that they are on the disk. kill -9 at a call's entry: it has no effect any more. Then an agent without faults goes on."""

import dataclasses

from launches import Tracer


@dataclasses.dataclass(frozen=True)
class JournalWrite:
    """The nth call of its name. Each of the launch's commits makes some."""

    commit: int
    call: str
    nth: int
    slow: bool = True
    own_backends: bool = False

    def __str__(self):
        return f"commit-{self.commit}-{self.call}-{self.nth}"

    def run(self, launch):
        launch.start_agent().wait_log("agent.registered")
        tracer = Tracer(launch, "-e", f"inject={self.call}:signal=KILL:when={self.nth}")
        launch.item = launch.push()
        launch.was_killed()
        tracer.detach()
        assert tracer.calls().count(self.call) == self.nth and tracer.calls()[-1] == self.call
        launch.start_agent()
        launch.check_exactly_once()


def cases_of(_, recording):
    cases, commit = [], 1
    for i, call in enumerate(recording.calls):
        cases.append(JournalWrite(commit, call, 1 + recording.calls[:i].count(call)))
        commit += call == "write"  # the last of a commit
    assert commit > 5, recording.calls  # taken, resolved, to be submitted, submitted, ended, reported
    return cases


def test_killed_at_a_journal_write(case, outcome):
    outcome()
