from __future__ import annotations

import sys
import threading

import pytest

from stsession.fleet._executors import DaemonThreads

from .children import run_child


def test_works():
    """
    What is submitted is done, whatever comes of it.
    """
    with DaemonThreads(2) as threads:
        done = [threads.submit(divmod, 7, by) for by in (2, 0)]

        assert (3, 1) == done[0].result()
        assert isinstance(done[1].exception(), ZeroDivisionError)


def test_as_many_threads_as_needed():
    """
    A thread begins where all others are busy, up to the most.
    """
    go, threads = threading.Event(), DaemonThreads(3)
    assert 0 == threads.threads

    futures = [threads.submit(go.wait) for _ in range(2)]
    assert 2 == threads.threads

    futures += [threads.submit(go.wait) for _ in range(5)]
    assert 3 == threads.threads

    go.set()
    assert all(future.result() for future in futures)
    threads.shutdown()
    assert 0 == threads.threads


def test_uses_idle_threads():
    """
    One that has nothing to do takes the next task.
    """
    threads = DaemonThreads(8)
    for _ in range(20):
        threads.submit(abs, -1).result()
        while threads._busy:  # the future is done a moment before its thread
            threading.Event().wait(0.001)

    assert 1 == threads.threads
    threads.shutdown()


@pytest.mark.parametrize("cancel", [False, True])
def test_shutdown(cancel):
    """
    What hasn't begun is done all the same, or left undone.
    """
    begun, go, threads = threading.Event(), threading.Event(), DaemonThreads(1)

    def work():
        begun.set()
        return go.wait()

    first, second = threads.submit(work), threads.submit(abs, -1)
    begun.wait()
    threads.shutdown(wait=False, cancel_futures=cancel)
    threads.shutdown(wait=False, cancel_futures=cancel)
    go.set()
    threads.shutdown()

    assert first.result()
    assert cancel == second.cancelled()
    assert 0 == threads.threads


def test_takes_nothing_after_shutdown():
    """
    Then it says so.
    """
    threads = DaemonThreads(1)
    threads.shutdown()

    with pytest.raises(RuntimeError, match="shut down"):
        threads.submit(abs, -1)


def test_shutdown_after_cancelling_waiting_ends():
    """
    Threads still end if the queue is emptied after they were told to.
    """
    go, threads = threading.Event(), DaemonThreads(2)
    futures = [threads.submit(go.wait) for _ in range(4)]
    threads.shutdown(wait=False)
    threads.shutdown(wait=False, cancel_futures=True)
    go.set()
    threads.shutdown()

    assert 0 == threads.threads
    assert any(future.cancelled() for future in futures)


def test_no_thread_can_be_started(monkeypatch):
    """
    Where there is one already, it has to do; where there is none, it's an error.
    """
    go, threads = threading.Event(), DaemonThreads(2)

    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="new thread"):
            threads.submit(abs, -1)
    first = threads.submit(go.wait)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        second = threads.submit(abs, -1)
    go.set()

    assert first.result()
    assert 1 == second.result()
    assert 1 == threads.threads
    threads.shutdown()


def test_exit_waits_for_nobody():
    """
    The interpreter leaves though a thread is busy for ever.
    """
    program = (
        "import threading\n"
        "from stsession.fleet._executors import DaemonThreads\n"
        "begun = threading.Event()\n"
        "DaemonThreads(1).submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait()\n"
    )

    assert 0 == run_child([sys.executable, "-c", program]).returncode


def test_cancelled_while_it_waits():
    """
    What is cancelled before it begins isn't done.
    """
    go, threads = threading.Event(), DaemonThreads(1)
    first, done = threads.submit(go.wait), []
    second = threads.submit(done.append, 1)

    assert second.cancel()
    go.set()
    threads.shutdown()

    assert first.result()
    assert [] == done


def test_submit_under_the_lock():
    """
    A finalizer on the thread that holds the lock submits work, too.
    """
    outer, inner = DaemonThreads(1), DaemonThreads(1)

    def finalize():
        with inner._lock:
            return inner.submit(lambda: "done")

    assert "done" == outer.submit(finalize).result(timeout=10).result(timeout=10)

    for threads in (outer, inner):
        threads.shutdown(wait=False)
