"""The agent is killed at each call that writes its journal: each write into the log, the sync behind them, and the message to the loop that
they are on the disk. kill -9 at a call's entry: it has no effect any more. Then an agent without faults goes on."""

import dataclasses

from launches import Case, Tracer, calls_in, kill_behind_create, opening_tracer


@dataclasses.dataclass(frozen=True)
class JournalWrite(Case):
    """The nth call of its name on the way of a launch. Each of its commits makes some."""

    commit: int
    call: str
    nth: int

    def __str__(self):
        return f"commit-{self.commit}-{self.call}-{self.nth}"

    @property
    def slow(self):
        return self.commit == 1 or self.call == "write"

    def run(self, launch):
        launch.start_agent_at_rest()
        tracer = Tracer(launch, "-e", f"inject={self.call}:signal=KILL:when={self.nth}")
        launch.item = launch.push()
        launch.was_killed()
        tracer.detach()
        assert tracer.calls().count(self.call) == self.nth and tracer.calls()[-1] == self.call
        launch.start_agent()
        launch.check_exactly_once()


@dataclasses.dataclass(frozen=True)
class Opening(Case):
    """The nth call of its name while the journal is opened. The main thread does that."""

    call: str
    nth: int

    def __str__(self):
        return f"{self.call}-{self.nth}"

    def run(self, launch):
        launch.item = launch.push()
        self.prepare(launch)
        trace = launch.place.folder / "opening"
        launch.start_agent(under=opening_tracer(trace, "-e", f"inject={self.call}:signal=KILL:when={self.nth}"))
        launch.was_killed()
        assert calls_in(trace).count(self.call) == self.nth
        launch.start_agent()
        launch.check_exactly_once()

    def prepare(self, launch):
        """The folder is new."""


class Reopening(Opening):
    def prepare(self, launch):
        kill_behind_create(launch)


def numbered(kind, calls):
    return [kind(call, 1 + calls[:i].count(call)) for i, call in enumerate(calls)]


def launch_calls(recording):
    cases, commit = [], 1
    for i, call in enumerate(recording.calls):
        cases.append(JournalWrite(commit, call, 1 + recording.calls[:i].count(call)))
        commit += call == "write"  # the last of a commit
    assert commit > 5, recording.calls  # taken, resolved, to be submitted, submitted, ended, reported
    return cases


def cases_of(function, recording):
    return {"test_killed_at_a_journal_write": lambda: launch_calls(recording),
            "test_killed_while_a_new_journal_is_made": lambda: numbered(Opening, recording.opening),
            "test_killed_while_a_journal_with_a_lost_create_is_opened": lambda: numbered(Reopening, recording.reopening)}[function]()


def test_killed_at_a_journal_write(case, outcome):
    outcome()


def test_killed_while_a_new_journal_is_made(case, outcome):
    outcome()


def test_killed_while_a_journal_with_a_lost_create_is_opened(case, outcome):
    outcome()
