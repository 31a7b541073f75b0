from __future__ import annotations

import gc
import threading
import weakref

from concurrent.futures import BrokenExecutor, Executor, Future
from unittest import mock

import attrs
import pytest

from stsession.exceptions import ExecutorError
from stsession.fleet import _run as _fan_out
from stsession.fleet._accounts import FleetTarget
from stsession.fleet._executors import BUFFERED, Outcome, Plan, Silence
from stsession.fleet._run import FleetRun


def target(number):
    """
    One of many.
    """
    return FleetTarget(
        account_id=f"{number:012}",
        account_name=None,
        role_arn=f"arn:aws:iam::{number:012}:role/Audit",
        region="eu-west-1",
    )


@attrs.define
class ByHand(Executor):
    """
    Does nothing by itself.
    """

    futures: list = attrs.field(factory=list)
    closed: int = 0
    refuses: Exception | None = None

    def open(self):
        """
        What takes tasks, and what ends that.
        """
        return self.take, self.close

    def take(self, given):
        """
        Take a task.
        """
        if self.refuses is not None:
            raise self.refuses
        future = Future()
        future.number = int(given.account_id)
        self.futures.append(future)
        return future

    def close(self):
        """
        There are no more tasks.
        """
        self.closed += 1

    def finish(self, place=0, outcome=None):
        """
        Be done with one of those under way.
        """
        future = [f for f in self.futures if not f.done()][place]
        future.set_running_or_notify_cancel()
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome or Outcome(value=future.number))
        return future.number

    @property
    def under_way(self):
        """
        Tasks that are neither done nor cancelled.
        """
        return sum(not future.done() for future in self.futures)


@pytest.fixture(name="hand")
def _hand():
    return ByHand()


def run_of(hand, count=10, **kw):
    """
    A run over *count* targets, three at once.
    """
    listed = []

    def targets():
        listed.append(count)
        return [target(number) for number in range(count)]

    run = FleetRun(Plan(targets=targets, open=hand.open, **{"max_workers": 3, **kw}))
    run.listed = listed
    return run


def finishing(hand, *places):
    """
    Take a result of *run* for each place, finishing that one when it's waited for.
    """

    def one(run, place):
        if not hand.futures:
            run._fill()
        hand.finish(place)
        return next(run).value

    return lambda run: [one(run, place) for place in places]


def test_lazy(hand):
    """
    Nothing begins before the first result is wanted.
    """
    run = run_of(hand)

    assert [] == run.listed
    assert [] == hand.futures
    assert 0 == run.counts.targets


def test_bounded(hand):
    """
    So many are under way at once, and no more.
    """
    run = run_of(hand)
    run._fill()

    assert 3 == hand.under_way

    finishing(hand, 1)(run)
    run._fill()

    assert 3 == hand.under_way


def test_as_they_finish(hand):
    """
    Results come as they are done.
    """
    assert [2, 0, 1] == finishing(hand, 2, 0, 0)(run_of(hand))


def test_in_order(hand):
    """
    Or in the order of the targets.
    """
    run = run_of(hand, 3, ordered=True)
    run._fill()
    for place in (2, 1, 0):
        hand.finish(place)

    assert [0, 1, 2] == [result.value for result in run]


@pytest.mark.parametrize("ordered", [False, True])
def test_slow_consumer(hand, ordered):
    """
    While results wait to be taken, no more begin than there is room for.
    """
    run = run_of(hand, 100, ordered=ordered)
    run._fill()
    for _ in range(100):
        if not hand.under_way:
            break
        hand.finish()
        run._collect()
        run._fill()

    assert run._plan.room == len(hand.futures)
    assert (12 if ordered else 3 * BUFFERED) == run._plan.room


def test_failures(hand):
    """
    A failure is a result; the run keeps it, and none of the values.
    """
    run = run_of(hand, 2)
    run._fill()
    hand.finish(0, Outcome(error=ValueError("no")))
    hand.finish(0)

    results = list(run)

    assert [False, True] == [result.ok for result in results]
    assert (results[0],) == run.failures
    assert (2, 1, 1, 0) == (
        run.counts.targets,
        run.counts.succeeded,
        run.counts.failed,
        run.counts.left,
    )


def test_what_is_no_exception(hand):
    """
    Ctrl-C and `sys.exit()` in a worker end the run where it is iterated.
    """
    run = run_of(hand)
    run._fill()
    hand.finish(0, KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        next(run)

    assert 1 == hand.closed
    assert [] == list(run)


def test_interrupted(hand, monkeypatch):
    """
    After Ctrl-C the rest is left undone, and what was done can still be had.
    """
    run = run_of(hand)
    run._fill()
    hand.finish(1)

    def interrupted():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "_take", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(run)

    begun = len(hand.futures)

    assert [1] == [result.value for result in run]
    assert begun == len(hand.futures)
    assert 0 == hand.under_way
    assert 1 == hand.closed


def test_interrupted_in_order(hand):
    """
    What is missing then is left out.
    """
    run = run_of(hand, ordered=True)
    run._fill()
    hand.finish(1)
    hand.finish(1)
    run.close()

    assert [1, 2] == [result.value for result in run]


def test_closed_from_another_thread(hand):
    """
    Who waits for a result is told that there won't be one.
    """
    run = run_of(hand)
    run._fill()
    closing = threading.Thread(target=run.close)
    closing.start()

    assert [] == list(run)
    closing.join()


def test_left_early(hand):
    """
    A `with` block ends the run.
    """
    with run_of(hand) as run:
        run._fill()
        hand.finish()
        for _ in run:
            break

    assert all(future.cancelled() for future in hand.futures[1:3])
    assert 1 == hand.closed


def test_forgotten(hand):
    """
    A run that nobody holds any longer ends.
    """
    run = run_of(hand)
    run._fill()
    reference = weakref.ref(run)

    del run
    gc.collect()

    assert reference() is None
    assert all(future.cancelled() for future in hand.futures)
    assert 1 == hand.closed


def test_closed_before_it_began(hand):
    """
    Then there is nothing.
    """
    run = run_of(hand)
    run.close()
    run.close()

    assert [] == list(run)
    assert [] == hand.futures


def test_broken_executor(hand):
    """
    What had been done is delivered before the error.
    """
    run = run_of(hand)
    run._fill()
    hand.finish(0)
    hand.finish(0, BrokenExecutor())
    hand.finish(0)
    values = []

    with pytest.raises(ExecutorError, match="2 of 10 results") as caught:
        values += (result.value for result in iter(lambda: next(run), None))

    assert "BrokenExecutor" == caught.value.type_name
    assert 3 == len(hand.futures)
    assert [] == list(run)


def test_broken_executor_in_order(hand):
    """
    The same where results come in order: what is missing is left out.
    """
    run = run_of(hand, ordered=True)
    run._fill()
    hand.finish(0, BrokenExecutor())
    hand.finish(0)
    hand.finish(0)

    assert [1, 2] == [next(run).value, next(run).value]
    with pytest.raises(ExecutorError):
        next(run)


def test_executor_that_was_shut_down(hand):
    """
    An executor that takes nothing gives an error, not an empty result.
    """
    hand.refuses = RuntimeError("cannot schedule new futures after shutdown")

    with pytest.raises(ExecutorError, match="0 of 10 results"):
        next(run_of(hand))


def test_task_cancelled_by_others(hand):
    """
    So does one that drops tasks.
    """
    run = run_of(hand, 1)
    run._fill()
    hand.futures[0].cancel()
    hand.futures[0].set_running_or_notify_cancel()

    with pytest.raises(ExecutorError, match="0 of 1 results"):
        next(run)


def test_error_of_the_executor(hand):
    """
    What goes wrong around the function is the result of its target.
    """
    run = run_of(hand, 1)
    run._fill()
    hand.finish(0, TypeError("cannot pickle 'module' object"))

    (result,) = run

    assert isinstance(result.error, ExecutorError)
    assert "TypeError" == result.error.type_name
    assert "cannot pickle" in str(result.error)


def test_answer_that_cannot_be_read(hand):
    """
    So is a value whose class isn't here.
    """
    run = run_of(hand, 1)
    run._fill()
    hand.finish(0, b"cnowhere\nNothing\n.")

    (result,) = run

    assert "ModuleNotFoundError" == result.error.type_name


def test_listing_fails(hand):
    """
    If the targets can't be listed, the run says why.
    """

    def targets():
        raise OSError("no")

    run = FleetRun(Plan(targets=targets, open=hand.open, max_workers=1))

    with pytest.raises(OSError, match="no"):
        next(run)
    assert [] == list(run)


def test_summary(hand):
    """
    Failures are grouped by class and code, the most frequent first.
    """
    run = run_of(hand, 14, max_workers=14)
    run._fill()
    hand.finish(0, Outcome(error=KeyError("x")))
    for _ in range(12):
        hand.finish(0, Outcome(error=ValueError("no")))
    hand.finish(0)
    for _ in run:
        pass

    lines = str(run).splitlines()

    assert "14 of 14 done: 1 succeeded, 13 failed" == lines[0]
    assert "    12  ValueError" == lines[1]
    assert lines[2].startswith(
        "        000000000001 eu-west-1, 000000000002 eu-west-1,"
    )
    assert lines[5].endswith("000000000010 eu-west-1, and 2 more")
    assert "        First: no" == lines[6]
    assert [
        "     1  KeyError",
        "        000000000000 eu-west-1",
        "        'x'",
    ] == lines[7:]
    assert "<FleetRun: 14 of 14 done, 13 failed>" == repr(run)


def test_failures_kept(hand):
    """
    The first thousand failures are kept; more are counted.
    """
    run = run_of(hand, 1_005, max_workers=1_005)
    run._fill()
    while hand.futures:
        hand.futures.pop().set_result(Outcome(error=ValueError("no")))
    for _ in run:
        pass

    assert 1_000 == len(run.failures)
    assert 1_005 == run.counts.failed


def test_closed_while_the_targets_are_listed(hand):
    """
    Nothing begins then, and what had been made ready is done away with.
    """
    run = None

    def targets():
        run.close()
        return [target(number) for number in range(5)]

    run = FleetRun(Plan(targets=targets, open=hand.open, max_workers=2))

    assert [] == list(run)
    assert [] == hand.futures
    assert hand.closed


def test_closed_while_a_task_is_given_away(hand):
    """
    Whoever takes tasks may refuse them then; that's no failure.
    """

    def take(_):
        run.close()
        raise RuntimeError("cannot schedule new futures after shutdown")

    run = FleetRun(
        Plan(
            targets=lambda: [target(1)],
            open=lambda: (take, hand.close),
            max_workers=2,
        )
    )

    assert [] == list(run)


def test_refused(hand):
    """
    If nobody has closed the run, the reason is told.
    """
    hand.refuses = RuntimeError("cannot schedule new futures after shutdown")
    run = run_of(hand, 3)

    with pytest.raises(ExecutorError, match="RuntimeError: cannot schedule new fut"):
        next(run)


def test_forked_child(hand):
    """
    A run is over in a child: those who work on it aren't there.
    """
    run = run_of(hand, 3)
    run._fill()
    run._work._after_fork()

    assert [] == list(run)
    assert 0 == hand.closed


def test_waiting_is_told(hand):
    """
    Who draws the progress hears that there's nothing new.
    """
    told = []

    class Progress(Silence):
        def wait(self):
            told.append("nothing new")
            hand.finish()

    run = FleetRun(
        Plan(
            targets=lambda: [target(1)],
            open=hand.open,
            max_workers=1,
            progress=lambda _: Progress(),
        )
    )
    with mock.patch.object(_fan_out, "HEARTBEAT", 0.001):
        assert [1] == [result.value for result in run]
    assert ["nothing new"] == told
