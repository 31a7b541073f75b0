from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import threading

import attrs
import pytest

import stsession

from stsession.demo import _cli, _engine
from stsession.demo._contenders import TARGET, FastClock, Recipe, demo_environment
from stsession.demo._engine import (
    Measured,
    Outage,
    OutageSchedule,
    Run,
    Settings,
    Worker,
)
from stsession.testing import Fault

from .children import child, run_child


DEMO = [sys.executable, "-m", "stsession.demo"]


class ByHand(FastClock):
    """A clock whose seconds are set."""

    seconds = 0.0

    def elapsed(self):
        """The seconds that were set."""
        return self.seconds


@attrs.define
class Due:
    """Contender with a known time of its next refresh."""

    name: str
    at: dt.datetime
    session: None = None

    def due_at(self):
        return self.at


class Client:
    """A session and its S3 client, with a list of outcomes."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.done = threading.Event()

    def client(self, service):
        assert "s3" == service

        return self

    def list_objects_v2(self, Bucket):  # noqa: N803 - boto3's name
        if not self.outcomes:
            self.done.set()
        elif (outcome := self.outcomes.pop(0)) is not None:
            raise outcome

    def close(self):
        pass


def measured(**values):
    """Measurements of a contender."""
    defaults = {
        "api_calls": 190,
        "failures": 0,
        "slowest_call_seconds": 0.017,
        "assume_role_calls": 27,
        "assume_role_failures": 15,
        "generations": 7,
        "errors": {},
    }
    return Measured(**{**defaults, **values})


def run_of(ours=None, recipe=None):
    """A run with one outage."""
    return Run(
        settings=Settings(),
        outages=(Outage(begins=9.5, ends=10.7),),
        contenders={
            "stsession": ours or measured(),
            "recipe": recipe or measured(),
        },
    )


@pytest.fixture(name="main")
def _main(monkeypatch):
    """Run the program, whose demo ends with a given run at once."""

    def main(run, *arguments):
        def run_demo(settings, *, output):
            output("something happens")
            return attrs.evolve(run, settings=settings)

        monkeypatch.setattr(_cli, "run_demo", run_demo)
        return _cli.main(arguments)

    return main


class Program:
    """The demo as a program, with a folder for its temporary files."""

    def __init__(self, folder):
        self.folder = folder
        self.options = {
            "env": {**os.environ, "TMPDIR": str(folder)},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }

    def run(self, *arguments):
        return run_child([*DEMO, *arguments], **self.options)

    def started(self):
        return child(DEMO, **self.options)

    def finds(self, name, code):
        """Have it import *code* by the name of another module."""
        (self.folder / name).write_text(code)
        self.options["env"]["PYTHONPATH"] = str(self.folder)


@pytest.fixture(name="played", scope="module")
def _played():
    """A short run, its lines, and the server it ran against."""
    lines, servers = [], []

    @contextlib.contextmanager
    def remembered(clock):
        with demo_environment(clock) as local:
            servers.append(local)
            yield local

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_engine, "demo_environment", remembered)
        run = _engine.run_demo(Settings(seconds=2.5), output=lines.append)
    return run, lines, servers[0]


def test_all_numbers_are_measured(played):
    """The results of both are what the server received from them."""
    run, _, local = played
    ours, recipe = run.contenders["stsession"], run.contenders["recipe"]

    served = [call for call in local.calls("ListObjectsV2") if call.status == 200]

    assert len(served) == sum(m.api_calls - m.failures for m in (ours, recipe))
    assert local.count("AssumeRole") == sum(m.assume_role_calls for m in (ours, recipe))
    assert (
        len({call.access_key_id for call in served})
        == ours.generations + recipe.generations
        <= len(local.issued(role_arn=TARGET))
    )
    for contender in (ours, recipe):
        assert contender.failures == sum(contender.errors.values())
        assert 0 < contender.slowest_call_seconds
        assert 1 <= contender.generations


def test_there_are_outages(played):
    """STS fails during the reported outages."""
    run, lines, local = played

    refused = [call for call in local.calls("AssumeRole") if call.status == 503]

    assert 1 <= len(run.outages) <= 2
    assert len(run.outages) == sum("STS goes down for 12 min" in line for line in lines)
    assert len(refused) == sum(m.assume_role_failures for m in run.contenders.values())


def test_prints_what_happens(played):
    """There is a line for each second, and one for each event."""
    _, lines, _ = played

    live = [line.split() for line in lines if re.match(r" *[\d.]+ s  (up|DOWN) ", line)]

    assert 1 <= len(live)
    assert all(9 == len(columns) for columns in live)
    assert any(
        "stsession: Reader assumed (first), generation 1" in line for line in lines
    )


def test_one_role_gets_external_id_and_policy(played):
    """Both assume the first role with both, and the second one from there."""
    _, _, local = played

    names = {"ExternalId", "Policy"}
    first, then = (
        [c.params.keys() & names for c in local.calls("AssumeRole", role_arn=arn)]
        for arn in ("arn:aws:iam::111111111111:role/Hub", TARGET)
    )

    assert names == set.union(*first) == set.intersection(*first)
    assert set() == set.union(*then)


def test_leaves_nothing_behind(tmp_path, monkeypatch):
    """The environment is as before, and the temporary files are gone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    before = dict(os.environ)

    with demo_environment(FastClock(1)):
        assert "demo" == os.environ["AWS_PROFILE"]
        assert "HTTPS_PROXY" not in os.environ
        assert list(tmp_path.iterdir())

    assert before == dict(os.environ)
    assert [] == list(tmp_path.iterdir())


def test_worker_counts():
    """Failures are counted, and printed when they begin and end."""
    lines = []
    client = Client(None, ValueError("no"), ValueError("no"), None, OSError())
    worker = Worker(name="it", session=client, elapsed=lambda: 1.0, output=lines.append)

    with worker.working():
        assert client.done.wait(30)

    assert 3 == worker.failures
    assert 6 <= worker.calls
    assert {"ValueError: no": 2, "OSError: ": 1} == dict(worker.errors)
    assert [
        "it: API calls fail: ValueError: no",
        "it: API calls work again",
        "it: API calls fail: OSError: ",
        "it: API calls work again",
    ] == lines


def test_recipe_prints_refreshes(monkeypatch):
    """A failing refresh is printed once, a successful one at most once a second."""
    lines = []
    clock = ByHand(1)
    with demo_environment(clock) as local:
        recipe = Recipe(duration_seconds=900, clock=clock, output=lines.append)
        credentials = recipe.session.get_credentials()
        local.faults.add(Fault.status(503), times=2)

        for _ in range(4):  # each of them refreshes
            credentials.get_frozen_credentials()

    assert 1 + 2 + 1 + 1 + 1 + 1 == local.count("AssumeRole") - 1
    assert [
        "recipe: could not assume the roles (ClientError); next attempt in the next "
        "API call",
        "recipe: both roles assumed",
    ] == lines


@pytest.mark.parametrize(
    ("due", "begins"),
    [
        ((5, 30), [4, 29]),  # once for each, and no further one
        ((5, 8), [4]),  # both in the first half of one outage
        ((5, 15), [4, 24]),  # not before there was time to recover
    ],
)
def test_outages_begin_before_refreshes(due, begins):
    """There is an outage of ten minutes shortly before the refresh of each."""
    clock = ByHand(60)
    contenders = tuple(
        Due(name, clock.now() + dt.timedelta(minutes=minutes))
        for name, minutes in zip(("stsession", "recipe"), due, strict=True)
    )
    with demo_environment(clock) as local:
        schedule = OutageSchedule(
            local=local,
            clock=clock,
            contenders=contenders,
            length=dt.timedelta(minutes=10),
        )
        begun = []
        for clock.seconds in range(60):
            if schedule.begin_if_due():
                begun.append(clock.seconds)

    assert begins == begun
    assert [Outage(begins=b, ends=b + 10) for b in begins] == schedule.outages
    assert schedule.sts_is_up


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            stsession.RefreshEvent(
                name="succeeded", hop=TARGET, reason="advisory", generation=2
            ),
            "Reader assumed (advisory), generation 2",
        ),
        (
            stsession.RefreshEvent(
                name="failed",
                hop=TARGET,
                error="StsUnavailableError",
                remaining=dt.timedelta(minutes=13),
                next_attempt_in=dt.timedelta(seconds=14),
            ),
            "could not assume Reader, 13 min left; next attempt in 14 s",
        ),
        (
            stsession.RefreshEvent(name="failed", hop=TARGET, error="MfaError"),
            "could not assume Reader (MfaError); next attempt in 0 s",
        ),
        (stsession.RefreshEvent(name="started", hop=TARGET), None),
    ],
)
def test_describes_events(event, expected):
    """An event is described in one line, or not at all."""
    assert expected == _engine.refresh_event(event)


def test_text(main, capsys):
    """An introduction, the lines as they come, and a table of what was measured."""
    run = run_of(recipe=measured(failures=10, generations=4))

    assert 0 == main(run)
    out, err = capsys.readouterr()
    intro, rest = out.split("something happens\n")
    table, _, conclusion = rest.strip().partition("\n\n")
    assert "600 times as fast" in intro
    assert "12 min each" in intro
    assert [
        ["stsession", "recipe"],
        ["API", "calls", "190", "190"],
        ["API", "calls", "failed", "0", "10"],
        ["slowest", "call", "17", "ms", "17", "ms"],
        ["AssumeRole", "calls", "27", "27"],
        ["AssumeRole", "failed", "15", "15"],
        ["generations", "7", "4"],
    ] == [line.split() for line in table.splitlines()]
    assert _engine.conclusion(run) == conclusion.rstrip()
    assert "" == err


@pytest.mark.parametrize(("calls", "explained"), [(26, True), (27, False)])
def test_conclusion(calls, explained):
    """It gives the reasons, among them that of more calls, and ends with the result."""
    run = run_of(recipe=measured(failures=10, assume_role_calls=calls))

    text = " ".join(_engine.conclusion(run).split())

    assert text.endswith(
        "Result: 0 of 190 API calls failed with stsession, and 10 of 190 with the "
        "recipe, while STS was down once."
    )
    assert "refreshes in the background" in text
    assert explained is ("called AssumeRole more often" in text)


def test_conclusion_without_an_outage():
    """Without an outage there is nothing to compare."""
    text = _engine.conclusion(attrs.evolve(run_of(), outages=()))

    assert "STS had no outage in this run; more --seconds leave time for one." == text


def test_lines_fit_80_columns(played):
    """None is longer, not even in a long run or with the longest error."""
    run, lines, _ = played
    error = "recipe: API calls fail: " + "ClientError: an error occurred " * 9
    event = stsession.RefreshEvent(
        name="failed",
        hop=TARGET,
        error="StsUnavailableError",
        remaining=dt.timedelta(minutes=59),
        next_attempt_in=dt.timedelta(minutes=30),
    )
    worker = Worker(name="it", session=None, elapsed=None, output=None)
    worker.calls, worker.failures = 99_999, 99_999
    texts = [
        *lines,
        _engine.intro(Settings(seconds=99, duration_seconds=3600)),
        _engine.event_line(999.9, error),
        _engine.event_line(99.9, f"stsession: {_engine.refresh_event(event)}"),
        _engine.live_line(999.9, False, [worker] * 2, {"it": 9999}),
        _engine.table(run),
        _engine.conclusion(run),
    ]

    assert 80 >= max(len(line) for text in texts for line in text.splitlines())


def test_json(main, capsys):
    """With ``--json`` there is one document, and nothing else."""
    run = run_of(recipe=measured(errors={"E: no": 3}))

    assert 0 == main(run, "--json", "--seconds", "7.5", "--duration-seconds", "900")
    document = json.loads(capsys.readouterr().out)
    assert (7.5, 900, 400.0) == (
        document["seconds"],
        document["session_duration_seconds"],
        document["clock_factor"],
    )
    assert [{"begins": 9.5, "ends": 10.7}] == document["outages"]
    assert {"E: no": 3} == document["contenders"]["recipe"]["errors"]
    assert {"python", "boto3", "botocore"} == document["versions"].keys()


@pytest.mark.parametrize(
    "ours", [measured(failures=1), measured(api_calls=0)], ids=["failed", "idle"]
)
def test_status_is_1_if_ours_failed(main, ours):
    """The exit status shows whether each call with stsession succeeded."""
    assert 1 == main(run_of(ours), "--json")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seconds", "4"],
        ["--seconds", "inf"],
        ["--seconds", "nan"],
        ["--seconds", "soon"],
        ["--duration-seconds", "60"],
        ["--fast"],
    ],
)
def test_rejects_invalid_arguments(arguments, capsys):
    """Invalid arguments are rejected at once, with their name and the limit."""
    with pytest.raises(SystemExit) as e:
        _cli.main(arguments)

    err = capsys.readouterr().err
    assert 2 == e.value.code
    assert arguments[0] in err
    if "--seconds" in arguments:
        assert f"{arguments[1]!r} isn't a number of at least 5" in err


@pytest.fixture(name="program")
def _program(tmp_path):
    return Program(tmp_path)


def test_program_prints_json_only(program):
    """As a program, it prints one document, no warning, and no traceback."""
    short = (
        "import sys; from stsession.demo import _cli; _cli.SHORTEST = 1;"
        "sys.exit(_cli.main(['--json', '--seconds', '1.5']))"
    )
    done = run_child([sys.executable, "-c", short], **program.options)

    assert "" == done.stderr
    assert {"stsession", "recipe"} == json.loads(done.stdout)["contenders"].keys()
    assert done.returncode in (0, 1)
    assert [] == list(program.folder.iterdir())


needs_signals = pytest.mark.skipif(os.name == "nt", reason="there are no such signals")


@needs_signals
def test_control_c(program):
    """Ctrl-C ends it at once, without a traceback or a temporary file."""
    with program.started() as process:
        for line in process.stdout:
            if "Reader assumed" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert "Interrupted.\n" == err
    assert 130 == process.returncode
    assert [] == list(program.folder.iterdir())


@needs_signals
def test_early_control_c(program):
    """While it is imported, Ctrl-C ends it without a traceback as well."""
    program.finds(
        "boto3.py",
        "import threading; print('imported', flush=True); threading.Event().wait()\n",
    )
    with program.started() as process:
        assert "imported\n" == process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert "" == err
    assert -signal.SIGINT == process.returncode


@needs_signals
def test_ignored_control_c(program):
    """In the background of a shell SIGINT is ignored, and stays so."""
    program.finds(
        "sitecustomize.py",
        "import atexit, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT)))\n",
    )

    assert str(signal.SIG_IGN) == program.run("--help").stdout.splitlines()[-1]


@needs_signals
def test_output_that_is_read_no_further(program):
    """``| head`` ends it without a traceback or a temporary file."""
    with program.started() as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=30)

    assert "" == err
    assert 141 == process.returncode
    assert [] == list(program.folder.iterdir())


@needs_signals
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_result_that_is_not_read(main, monkeypatch, arguments):
    """The same goes for what is printed last, and written when the program ends."""
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert 141 == main(run_of(), *arguments)
        monkeypatch.undo()
