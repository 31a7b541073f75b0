"""The iterator that `Fleet.map` returns, its progress, and the threads of its calls."""

from __future__ import annotations

import builtins
import datetime as dt
import gc
import io
import re
import sys
import threading
import weakref

from concurrent.futures import BrokenExecutor, Future

import attrs
import pytest

from stsession.exceptions import AccessDeniedError, ExecutorError
from stsession.fleet import _run
from stsession.fleet._accounts import FleetTarget
from stsession.fleet._executors import Outcome, daemon_threads
from stsession.fleet._results import traceback_of
from stsession.fleet._run import FleetRun

from .children import run_child


def target(number):
    """One of many."""
    return FleetTarget(
        account_id=f"{number:012}",
        account_name=None,
        role_arn=f"arn:aws:iam::{number:012}:role/Audit",
        region="eu-west-1",
    )


@attrs.define(slots=False)
class ByHand:
    """Runs calls when the test says so."""

    futures: list = attrs.field(factory=list)
    raises: Exception | None = None

    def submit(self, given):
        """Take a call."""
        if self.raises is not None:
            raise self.raises
        future = Future()
        future.number = int(given.account_id)
        self.futures.append(future)
        return future

    def finish(self, place=0, outcome=None):
        """End one of the calls in progress."""
        future = [f for f in self.futures if not f.done()][place]
        future.set_running_or_notify_cancel()
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome or Outcome(value=future.number))
        return future.number

    @property
    def under_way(self):
        """The number of calls that are neither done nor cancelled."""
        return sum(not future.done() for future in self.futures)


@pytest.fixture(name="hand")
def _hand():
    return ByHand()


def run_of(hand, count=10, **kw):
    """A run over *count* targets, three at once."""
    targets = [target(number) for number in range(count)]
    kw = {"targets": lambda: targets, "max_workers": 3, **kw}
    return FleetRun(submit=hand.submit, **kw)


def test_lazy(hand):
    """Nothing begins before the first result is wanted."""
    run = run_of(hand, targets=None)

    assert [] == hand.futures
    assert 0 == run.counts.targets


def test_failures(hand):
    """A failure is a result; the run keeps it, and none of the values."""
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
    """Ctrl-C and `sys.exit()` in a worker end the run where it is iterated."""
    run = run_of(hand)
    run._fill()
    hand.finish(0, KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        next(run)

    assert 0 == hand.under_way
    assert [] == list(run)


def test_interrupted(hand, monkeypatch):
    """After Ctrl-C the rest is left undone, and what was done can still be had."""
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


def test_closed_from_another_thread(hand):
    """A thread that waits for a result is woken."""
    run = run_of(hand)
    run._fill()
    closing = threading.Thread(target=run.close)
    closing.start()

    assert [] == list(run)
    closing.join()


def test_left_early(hand):
    """A `with` block ends the run."""
    with run_of(hand) as run:
        run._fill()
        hand.finish()
        for _ in run:
            break

    assert all(future.cancelled() for future in hand.futures[1:3])


def test_forgotten(hand):
    """A run that is garbage-collected ends."""
    run = run_of(hand)
    run._fill()
    reference = weakref.ref(run)

    del run
    gc.collect()

    assert reference() is None
    assert all(future.cancelled() for future in hand.futures)


def test_broken_executor(hand):
    """What had been done is delivered before the error."""
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
    """The same where results come in order: what is missing is left out."""
    run = run_of(hand, ordered=True)
    run._fill()
    hand.finish(0, BrokenExecutor())
    hand.finish(0)
    hand.finish(0)

    assert [1, 2] == [next(run).value, next(run).value]
    with pytest.raises(ExecutorError):
        next(run)


def test_executor_that_was_shut_down(hand):
    """An executor that takes no calls is an error, not an empty result."""
    hand.raises = RuntimeError("cannot schedule new futures after shutdown")

    with pytest.raises(ExecutorError, match="0 of 10 results"):
        next(run_of(hand))


def test_task_cancelled_by_others(hand):
    """So does one that drops tasks."""
    run = run_of(hand, 1)
    run._fill()
    hand.futures[0].cancel()
    hand.futures[0].set_running_or_notify_cancel()

    with pytest.raises(ExecutorError, match="0 of 1 results"):
        next(run)


@pytest.mark.parametrize(
    ("outcome", "type_name", "text"),
    [
        (TypeError("cannot pickle 'module' object"), "TypeError", "cannot pickle"),
        (b"cnowhere\nNothing\n.", "ModuleNotFoundError", "nowhere"),
    ],
)
def test_error_of_the_executor(hand, outcome, type_name, text):
    """A call or a result that can't be pickled is the failure of its target."""
    run = run_of(hand, 1)
    run._fill()
    hand.finish(0, outcome)

    (result,) = run

    assert isinstance(result.error, ExecutorError)
    assert type_name == result.error.type_name
    assert text in str(result.error)


def test_listing_fails(hand):
    """If the targets can't be listed, the run says why."""

    def targets():
        raise OSError("no")

    run = run_of(hand, targets=targets)

    with pytest.raises(OSError, match="no"):
        next(run)
    assert [] == list(run)


def test_summary(hand):
    """Failures are grouped by class and code, the most frequent first."""
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


@pytest.mark.parametrize(("hints", "count"), [(["A.", "A."], 1), (["A.", "B."], 0)])
def test_hints_in_the_summary(hand, hints, count):
    """The hint of several failures is in the summary if it is the same for all."""
    run = run_of(hand, 2)
    run._fill()
    for hint in hints:
        hand.finish(0, Outcome(error=AccessDeniedError("no", hint=hint)))
    assert 2 == len(list(run))

    assert count == run.summary().split().count("A.")


def test_failures_kept(hand):
    """The first thousand failures are kept; more are counted."""
    run = run_of(hand, 1_005, max_workers=1_005)
    run._fill()
    while hand.futures:
        hand.futures.pop().set_result(Outcome(error=ValueError("no")))
    for _ in run:
        pass

    assert 1_000 == len(run.failures)
    assert 1_005 == run.counts.failed


def test_closed_while_the_targets_are_listed(hand):
    """No call begins then."""
    run = None

    def targets():
        run.close()
        return [target(number) for number in range(5)]

    run = run_of(hand, targets=targets, progress=True)

    assert [] == list(run)
    assert [] == hand.futures


@pytest.mark.parametrize("error", [None, RuntimeError("after shutdown")])
def test_closed_while_a_call_is_submitted(hand, error):
    """The call doesn't begin, and an executor that is shut down is no failure then."""
    hand.raises, submit = error, hand.submit

    def close_and_submit(given):
        run.close()
        return submit(given)

    hand.submit = close_and_submit
    run = run_of(hand)

    assert [] == list(run)
    assert 0 == hand.under_way


def test_forked_child(hand):
    """A run is over in a forked child, which has none of its threads."""
    run = run_of(hand, 3)
    run._fill()
    run._work._after_fork()

    assert [] == list(run)


# -- Progress ------------------------------------------------------------------


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self):
        """It is one."""
        return True


class BrokenPipe:
    """A standard error that can't be written to."""

    def write(self, text):
        """Fail."""
        raise BrokenPipeError


def use_terminal(monkeypatch):
    """
    Have standard error be a terminal; pytest replaces it between fixtures and tests.
    """
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def run_through(hand, run, each=lambda number: None):
    """Take all results of *run*, and call *each* before each of them ends."""
    run._fill()
    while hand.under_way:
        each(run.counts.done)
        hand.finish(
            0, Outcome(error=ValueError("no")) if run.counts.done == 3 else None
        )
        next(run)
        run._fill()
    assert [] == list(run)


def test_lines(hand, clock, capsys):
    """
    Standard error says every five seconds how many results there are, and at the end.
    """
    run = run_of(hand, 9, progress=True)
    run_through(hand, run, each=lambda _: clock.advance(dt.timedelta(seconds=2)))

    assert [
        f"fleet: {done} of 9 done, {failed} failed"
        for done, failed in [(3, 0), (6, 1), (9, 1)]
    ] == capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("progress", "lines"), [(True, 1), (False, 0)])
def test_a_quick_run(hand, clock, capsys, progress, lines):
    """A run that takes no time writes a single line, and none without *progress*."""
    run_through(hand, run_of(hand, 9, progress=progress))

    expected = ["fleet: 9 of 9 done, 1 failed"] * lines
    assert expected == capsys.readouterr().err.splitlines()


def test_a_line_while_nothing_is_done(hand, clock, capsys, monkeypatch):
    """There is a line after five seconds even if there is no result yet."""
    monkeypatch.setattr(_run, "HEARTBEAT", 0.001)
    run = run_of(hand, 2, progress=True)
    run._fill()
    clock.advance(dt.timedelta(seconds=6))
    monkeypatch.setattr(run, "_show_progress", shown_before(run, hand.finish))
    next(run)
    run.close()

    assert [
        "fleet: 0 of 2 done, 0 failed",
        "fleet: 1 of 2 done, 0 failed",
    ] == capsys.readouterr().err.splitlines()


def shown_before(run, then):
    """Show the progress of *run*, and call *then* the first time."""
    show, left = run._show_progress, [then]

    def show_progress():
        show()
        if left:
            left.pop()()

    return show_progress


def test_bar(hand, monkeypatch):
    """On a terminal there is a bar, if tqdm is installed."""
    terminal = use_terminal(monkeypatch)
    run_through(hand, run_of(hand, 5, progress=True))

    assert "5/5" in terminal.getvalue()
    assert "failed=1" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_bar_while_nothing_is_done(hand, monkeypatch):
    """The bar is drawn anew meanwhile, so that its clock goes on."""
    use_terminal(monkeypatch)
    run = run_of(hand, 2, progress=True)
    run._fill()
    drawn = []
    monkeypatch.setattr(run._work.progress._bar, "refresh", lambda: drawn.append(1))
    run._show_progress()

    assert [1] == drawn


def test_no_bar_without_tqdm(hand, clock, monkeypatch):
    """Without tqdm there are lines on a terminal, too."""
    terminal, real = use_terminal(monkeypatch), builtins.__import__

    def without(name, *args, **kw):
        if name == "tqdm":
            raise ImportError(name)
        return real(name, *args, **kw)

    monkeypatch.setattr(builtins, "__import__", without)
    run_through(hand, run_of(hand, 2, progress=True))

    assert "fleet: 2 of 2 done, 0 failed\n" == terminal.getvalue()


def closed_stream():
    """A standard error that has been closed."""
    stream = Terminal()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream(), BrokenPipe()])
def test_no_standard_error(hand, monkeypatch, stream):
    """A run goes on where nothing can be written, for example in a service."""
    monkeypatch.setattr(sys, "stderr", stream)
    run = run_of(hand, 5, progress=True)
    run_through(hand, run)

    assert 5 == run.counts.done


# -- Threads -------------------------------------------------------------------


def test_threads():
    """At most *max_workers* calls run at once, each of them whatever the others do."""
    others = set(threading.enumerate())  # those of other tests may not have ended
    go, submit = threading.Event(), daemon_threads(2)
    waiting = [submit(go.wait) for _ in range(5)]
    threads = set(threading.enumerate()) - others

    assert 2 == len(threads)
    assert {"stsession-fleet"} == {thread.name for thread in threads}
    assert all(thread.daemon for thread in threads)

    cancelled, failing = submit(go.wait), submit(divmod, 7, 0)
    leaving, last = submit(sys.exit, 3), submit(divmod, 7, 2)

    assert cancelled.cancel()
    go.set()
    assert all(future.result(10) for future in waiting)
    assert isinstance(failing.exception(10), ZeroDivisionError)
    assert isinstance(leaving.exception(10), SystemExit)
    assert (3, 1) == last.result(10)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_no_thread_can_be_started(hand, monkeypatch):
    """A run without any thread fails; with one, the other calls wait for that one."""
    go, submit = threading.Event(), daemon_threads(2)

    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        hand.submit = lambda _: submit(abs, -1)
        with pytest.raises(ExecutorError, match="can't start new thread"):
            next(run_of(hand))
    first = submit(go.wait)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        second = submit(abs, -1)
    go.set()

    assert first.result(10)
    assert 1 == second.result(10)


def test_program_ends_while_calls_run():
    """The interpreter doesn't wait for a call that never returns."""
    program = (
        "import threading\n"
        "from stsession.fleet._executors import daemon_threads\n"
        "begun = threading.Event()\n"
        "daemon_threads(1)(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait()\n"
    )

    assert 0 == run_child([sys.executable, "-c", program]).returncode


# -- Tracebacks ----------------------------------------------------------------


def test_short_traceback():
    """It's whole, with the cause of the error."""
    try:
        try:
            1 / 0  # noqa: B018 - it's the cause
        except ZeroDivisionError as e:
            raise LookupError("no such thing") from e
    except LookupError as e:
        text = traceback_of(e, e.__traceback__)

    assert "ZeroDivisionError: division by zero\n" in text
    assert "The above exception was the direct cause" in text
    assert text.endswith("LookupError: no such thing\n")


@pytest.mark.parametrize("text", ["no", "long " * 2_000])
def test_long_traceback(text):
    """Of a deep one, the first calls are kept and the last, and never too much text."""
    functions = "def here(n): there(n - 1) if n else fail()\ndef there(n): here(n - 1)"

    def fail():
        raise LookupError(text)

    names = {"fail": fail}
    exec(functions, names)
    try:
        try:
            names["here"](300)
        except LookupError as e:
            raise ValueError(text) from e
    except ValueError as e:
        found = traceback_of(e, e.__traceback__)

    calls = re.findall(r", in (\w+)", found)
    assert "Traceback (most recent call last):" == found.splitlines()[0]
    assert ["test_long_traceback", "here"] == calls[:2]
    assert found.endswith(f"{text[-100:]}\n")
    assert len(found) < 4_010
    assert len(calls) <= 13
