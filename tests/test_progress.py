from __future__ import annotations

import builtins
import datetime as dt
import io
import logging
import sys

import pytest

from stsession._progress import Bar, Lines, Silence, progress_of
from stsession.testing import FakeClock, installed


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
def _lines(caplog):
    """
    What has been logged.
    """
    caplog.set_level(logging.INFO, logger="stsession")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with installed(clock=clock):
        yield clock


def test_a_line_for_each_tenth(clock, lines):
    """
    There are ten lines, however many results.
    """
    progress = Lines(200)
    for number in range(200):
        progress.advance(ok=number != 7)
    progress.close()

    assert 10 == len(lines())
    assert "fleet: 20 of 200 done, 1 failed" == lines()[0]
    assert "fleet: 200 of 200 done, 1 failed" == lines()[-1]


def test_a_line_each_half_minute(clock, lines):
    """
    Slow ones are told of sooner.
    """
    progress = Lines(1_000)
    for _ in range(6):
        progress.advance(ok=True)
        clock.advance(dt.timedelta(seconds=10))

    assert ["fleet: 4 of 1000 done, 0 failed"] == lines()


def test_last_line(clock, lines):
    """
    A run that ends early has a last line, and only one.
    """
    progress = Lines(1_000)
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


def test_no_bar_without_the_extra(monkeypatch, lines):
    """
    Without tqdm there are lines, the first of which says how to have a bar.
    """
    real = builtins.__import__

    def without(name, *args, **kw):
        if name == "tqdm":
            raise ImportError(name)
        return real(name, *args, **kw)

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(builtins, "__import__", without)

    progress = progress_of(2)
    progress.advance(ok=True)
    progress.advance(ok=True)

    assert [
        "fleet: for a progress bar, pip install stsession[progress]",
        "fleet: 1 of 2 done, 0 failed",
        "fleet: 2 of 2 done, 0 failed",
    ] == lines()


def test_no_terminal(lines):
    """
    Elsewhere there are lines.
    """
    assert isinstance(progress_of(2), Lines)


def test_silence(lines, capsys):
    """
    Who wasn't asked says nothing.
    """
    progress = Silence()
    progress.advance(ok=True)
    progress.close()

    assert [] == lines()
    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize("stream", [None, "closed"])
def test_no_stream(monkeypatch, stream):
    """
    Without a standard error, as in a service, there are lines in the log.
    """
    if stream == "closed":
        stream = Terminal()
        stream.close()
        monkeypatch.setattr(Terminal, "isatty", io.StringIO.isatty)
    monkeypatch.setattr(sys, "stderr", stream)

    assert isinstance(progress_of(2), Lines)


def test_a_line_while_nothing_is_done(clock, lines):
    """
    After half a minute there is one, though there is no result.
    """
    progress = Lines(200)
    progress.wait()
    clock.advance(dt.timedelta(seconds=31))
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
