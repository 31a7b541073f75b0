"""The few threads on which advisory refreshes run."""

from __future__ import annotations

import sys
import threading

import pytest

from stsession._core.runtime import DaemonPool


SOON = 60.0


class Tasks:
    """Tasks that end when the test allows it."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.threads: set[threading.Thread] = set()

    def __call__(self) -> None:
        """Begin, and end when the test allows it."""
        self.threads.add(threading.current_thread())
        self.begun.release()
        if self.may_end.wait(SOON):
            self.ended.release()

    def wait_for(self, semaphore: threading.Semaphore, n: int) -> bool:
        """Whether it was released *n* times."""
        return all(semaphore.acquire(timeout=SOON) for _ in range(n))


@pytest.fixture(name="tasks")
def _tasks() -> Tasks:
    return Tasks()


def idle(pool: DaemonPool, tasks: Tasks) -> None:
    """Let the tasks end, and the threads with them."""
    tasks.may_end.set()
    for thread in list(tasks.threads):
        thread.join(SOON)

    assert 0 == pool.threads


def test_threads_while_there_is_something_to_do(tasks):
    """They come with the first task, go with the last, and are daemons."""
    before = threading.active_count()
    pool = DaemonPool()

    assert 0 == pool.threads
    assert before == threading.active_count()

    assert pool.submit(tasks)
    assert tasks.wait_for(tasks.begun, 1)
    assert 1 == pool.threads
    (thread,) = tasks.threads

    assert thread.daemon
    assert "stsession-refresh" == thread.name

    idle(pool, tasks)

    assert not thread.is_alive()


def test_bounded(tasks):
    """Four threads, however many tasks; all of them are run."""
    pool = DaemonPool()
    for _ in range(20):
        assert pool.submit(tasks)

    assert tasks.wait_for(tasks.begun, 4)
    assert 4 == pool.threads == len(tasks.threads)
    assert not tasks.begun.acquire(blocking=False)

    tasks.may_end.set()

    assert tasks.wait_for(tasks.ended, 20)
    assert 4 == len(tasks.threads)

    idle(pool, tasks)


def test_tasks_that_hang(tasks):
    """They take no other task's place: after half a minute there are more threads."""
    now = [0.0]
    pool = DaemonPool(monotonic=lambda: now[0])
    for _ in range(4):
        assert pool.submit(tasks)
    assert tasks.wait_for(tasks.begun, 4)

    assert pool.submit(tasks)
    assert 4 == pool.threads

    now[0] = 31.0

    assert pool.submit(tasks)
    assert tasks.wait_for(tasks.begun, 2)

    idle(pool, tasks)
    assert tasks.wait_for(tasks.ended, 6)


def test_queue_is_bounded(tasks):
    """If it is full, the caller has to run the task."""
    pool = DaemonPool(max_threads=1, max_waiting=2)
    pool.submit(tasks)
    tasks.wait_for(tasks.begun, 1)

    assert [True, True, False] == [pool.submit(tasks) for _ in range(3)]

    tasks.may_end.set()

    assert tasks.wait_for(tasks.ended, 3)

    idle(pool, tasks)


def no_more_threads(thread: threading.Thread) -> None:
    """As `start` fails where there are too many."""
    raise RuntimeError("can't start new thread")


def test_thread_cannot_start(tasks, monkeypatch):
    """The caller has to do it itself; nothing is left behind."""
    pool = DaemonPool()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more_threads)

        assert not pool.submit(tasks)
        assert 0 == pool.threads
    assert pool.submit(tasks)
    assert tasks.wait_for(tasks.begun, 1)
    assert not tasks.begun.acquire(blocking=False)

    idle(pool, tasks)


def test_further_thread_cannot_start(tasks, monkeypatch):
    """Then it waits for one that there is."""
    pool = DaemonPool()
    pool.submit(tasks)
    tasks.wait_for(tasks.begun, 1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more_threads)

        assert pool.submit(tasks)
    tasks.may_end.set()

    assert tasks.wait_for(tasks.ended, 2)
    assert 1 == len(tasks.threads)

    idle(pool, tasks)


def test_tasks_that_may_not_wait(tasks, monkeypatch):
    """The caller runs a task for which there is no thread; it isn't run twice."""
    pool = DaemonPool(may_wait=False)
    pool.submit(tasks)
    tasks.wait_for(tasks.begun, 1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more_threads)

        assert not pool.submit(tasks)
    idle(pool, tasks)

    assert tasks.wait_for(tasks.ended, 1)
    assert not tasks.ended.acquire(blocking=False)


def test_interpreter_shuts_down(tasks, monkeypatch):
    """No new threads then."""
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)

    assert not DaemonPool().submit(tasks)


def test_task_that_raises(tasks):
    """It doesn't cost a thread."""
    pool = DaemonPool(max_threads=1)
    raised = threading.Event()

    def task() -> None:
        raised.set()
        raise SystemExit

    pool.submit(task)

    assert raised.wait(SOON)

    pool.submit(tasks)

    assert tasks.wait_for(tasks.begun, 1)

    idle(pool, tasks)


def test_idle_thread():
    """A thread that waits for its next task takes it, and ends when there is none."""
    pool = DaemonPool(max_threads=1, idle_seconds=SOON)
    done, threads = threading.Semaphore(0), []

    def task() -> None:
        threads.append(threading.current_thread())
        done.release()

    for _ in range(20):
        assert pool.submit(task)
        assert done.acquire(timeout=SOON)

    assert 1 == len(set(threads)) == pool.threads

    short = DaemonPool(idle_seconds=0.001)
    short.submit(task)

    assert done.acquire(timeout=SOON)

    threads[-1].join(SOON)

    assert 0 == short.threads
