from __future__ import annotations

import builtins
import datetime as dt
import io
import sys

import boto3
import pytest

import stsession

from stsession.fleet._executors import Bar, Silence, progress_of
from stsession.testing import FakeClock, use_runtime


class Terminal(io.StringIO):
    """
    A standard error that is a terminal.
    """

    def isatty(self):
        """
        It is one.
        """
        return True


@pytest.fixture(name="lines")
def _lines(capsys):
    """
    What has been written to standard error, which isn't a terminal.
    """

    def written():
        return capsys.readouterr().err.splitlines()

    return written


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock):
        yield clock


def run_of(count, *, work, progress=True):
    """
    Run a fleet of so many accounts; logging hasn't been set up.
    """
    source = boto3.Session("AKIAIOSFODNN7EXAMPLE", "s3cr3t", region_name="eu-west-1")
    accounts = [f"{number:012}" for number in range(count)]
    fleet = stsession.Fleet(accounts, role_name="Audit", source=source)
    return fleet.map(work, progress=progress, max_workers=1)


def test_a_line_every_few_seconds(clock, lines):
    """
    A run says on standard error how far it is, and at the end.
    """

    def work(session):
        clock.advance(dt.timedelta(seconds=2))
        if session.account_id == "000000000003":
            raise ValueError

    for _ in (run := run_of(9, work=work)):
        pass

    assert 9 == run.counts.done
    written = lines()
    assert "fleet: 9 of 9 done, 1 failed" == written[-1]
    assert 3 <= len(written) <= 5


def test_a_quick_run(clock, lines):
    """
    One that takes no time writes a single line, and one without progress none.
    """
    list(run_of(9, work=lambda _: None))
    assert ["fleet: 9 of 9 done, 0 failed"] == lines()

    list(run_of(9, work=lambda _: None, progress=False))
    assert [] == lines()


def test_lines(clock, lines):
    """
    There is one every five seconds, however many results there are.
    """
    progress = progress_of(1_000)
    for number in range(6):
        progress.advance(ok=number > 0)
        clock.advance(dt.timedelta(seconds=2))

    assert ["fleet: 4 of 1000 done, 1 failed"] == lines()


def test_last_line(clock, lines):
    """
    A run that ends early has a last line, and only one.
    """
    progress = progress_of(1_000)
    progress.close()
    progress.advance(ok=True)
    progress.close()
    progress.close()

    assert ["fleet: 1 of 1000 done, 0 failed"] == lines()


def test_bar(monkeypatch):
    """
    On a terminal there is a bar.
    """
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    progress = progress_of(2)
    progress.advance(ok=True)
    progress.advance(ok=False)
    progress.close()

    assert isinstance(progress, Bar)
    assert "2/2" in terminal.getvalue()
    assert "failed=1" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_no_bar_without_the_extra(clock, monkeypatch):
    """
    Without tqdm there are lines, the first of which says how to have a bar.
    """
    terminal = Terminal()
    real = builtins.__import__

    def without(name, *args, **kw):
        if name == "tqdm":
            raise ImportError(name)
        return real(name, *args, **kw)

    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(builtins, "__import__", without)

    progress = progress_of(2)
    progress.advance(ok=True)
    progress.advance(ok=True)
    progress.close()

    assert [
        "fleet: for a progress bar, pip install stsession[progress]",
        "fleet: 2 of 2 done, 0 failed",
    ] == terminal.getvalue().splitlines()


def closed_stream():
    """
    A standard error that has been closed.
    """
    stream = Terminal()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream()], ids=["none", "closed"])
def test_no_stream(monkeypatch, stream):
    """
    Without a standard error, as in a service, nothing is written.
    """
    monkeypatch.setattr(sys, "stderr", stream)
    progress = progress_of(2)
    progress.advance(ok=True)
    progress.close()

    assert isinstance(progress, Silence)


def test_stream_that_breaks(monkeypatch):
    """
    A run goes on if nothing reads its standard error any longer.
    """

    class Broken:
        written = 0

        def write(self, text):
            self.written += 1
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Broken())
    run = run_of(3, work=lambda session: session.account_id)

    assert 3 == len([result.value for result in run])
    assert 1 == sys.stderr.written


def test_a_line_while_nothing_is_done(clock, lines):
    """
    After five seconds there is one, though there is no result.
    """
    progress = progress_of(200)
    progress.wait()
    clock.advance(dt.timedelta(seconds=6))
    progress.wait()
    progress.wait()

    assert ["fleet: 0 of 200 done, 0 failed"] == lines()


def test_bar_while_nothing_is_done():
    """
    The bar is drawn anew, so that its clock goes on; silence is silent.
    """
    drawn = []

    class Tqdm:
        def refresh(self):
            drawn.append("bar")

    Bar(Tqdm()).wait()
    Silence().wait()

    assert ["bar"] == drawn
