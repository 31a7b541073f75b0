from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.test_fleet_run import ByHand, run_of


class Runs(RuleBasedStateMachine):
    """A run whose tasks end in any order, and which may be closed at any point."""

    @initialize(
        count=st.integers(0, 30), workers=st.integers(1, 5), ordered=st.booleans()
    )
    def begin(self, count, workers, ordered):
        self.hand = ByHand()
        self.count, self.workers, self.ordered = count, workers, ordered
        self.run = run_of(self.hand, count, max_workers=workers, ordered=ordered)
        self.room = workers * (4 if ordered else 2)
        self.finished, self.taken, self.closed = set(), [], False

    @rule()
    def fill(self):
        """Look at what is done, and begin all that may begin."""
        self.run._collect()
        self.run._fill()
        begun = len(self.hand.futures)

        assert (
            self.closed
            or self.hand.under_way == self.workers
            or begun == self.count
            or begun - len(self.taken) == self.room
        )

    @precondition(lambda self: self.hand.under_way)
    @rule(place=st.integers(0, 4))
    def finish(self, place):
        self.finished.add(self.hand.finish(place % self.hand.under_way))

    def can_take(self):
        """Whether a result can be had without waiting."""
        waiting = self.finished - set(self.taken)
        if self.ordered and not self.closed:
            return len(self.taken) in waiting
        return bool(waiting)

    @precondition(lambda self: self.can_take())
    @rule()
    def take(self):
        self.taken.append(next(self.run).value)

    @rule()
    def close(self):
        self.run.close()
        self.closed = True

    @invariant()
    def each_once(self):
        """No result comes twice, nor before its task is done."""
        if hasattr(self, "run"):
            assert len(set(self.taken)) == len(self.taken)
            assert set(self.taken) <= self.finished

    @invariant()
    def bounded(self):
        """No more is under way, or waits, than may be."""
        if hasattr(self, "run"):
            assert self.hand.under_way <= self.workers
            undelivered = len(self.hand.futures) - len(self.taken)
            assert self.closed or undelivered <= self.room

    @invariant()
    def in_order(self):
        """If they are to come in order, they do."""
        if hasattr(self, "run") and self.ordered:
            assert sorted(self.taken) == self.taken

    def teardown(self):
        """What is done comes; all of it, unless the run was closed."""
        if not hasattr(self, "run"):
            return
        while not self.closed:
            self.run._collect()
            self.run._fill()
            if not self.hand.under_way and not self.can_take():
                break
            while self.hand.under_way:
                self.finish(0)
            while self.can_take():
                self.take()

        self.taken += (result.value for result in self.run)

        assert sorted(self.finished) == sorted(self.taken)
        assert self.closed or list(range(self.count)) == sorted(self.taken)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=100, stateful_step_count=40)
