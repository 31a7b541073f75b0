import importlib
import importlib.util
import json
import re

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from .benchmarks import report
from .benchmarks.aws import SOURCE_KEY, Aws
from .benchmarks.catalog import BENCHMARKS
from .benchmarks.contenders import CONTENDERS
from .benchmarks.figures import Benchmark, Figure, Target
from .benchmarks.first_requests import program
from .benchmarks.harness import measure
from .benchmarks.results import Outcome, Results, Spread
from .benchmarks.scenarios import SCENARIOS
from .benchmarks.server import role_arn
from .pages import DOCS


@pytest.fixture(name="drawing")
def _drawing(monkeypatch):
    path = DOCS / "_scripts" / "draw_benchmarks.py"
    monkeypatch.syspath_prepend(path.parent)  # as Python does for a script
    spec = importlib.util.spec_from_file_location("draw_benchmarks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="telling")
def _telling(drawing):
    return importlib.import_module("tell_benchmarks")


FIGURE = Figure(
    title="time",
    key="time",
    unit="ms",
    targets={"fleet": Target(bound=0.5, against="best peer")},
    ratio=True,
)


def results_of(*rounds, figure=FIGURE):
    """Results with these times of each contender; a text is a failure."""
    names = tuple(rounds[0])
    benchmark = Benchmark(
        title="Something",
        scenario="something",
        contenders=names,
        rounds=len(rounds),
        figures=(figure,),
    )
    outcomes = [
        {
            name: Outcome(numbers={}, failed=value)
            if isinstance(value, str)
            else Outcome(numbers={"time": value})
            for name, value in times.items()
        }
        for times in rounds
    ]
    return Results(benchmark=benchmark, rounds=outcomes)


def once(benchmark, *names):
    """One round of a benchmark, for these contenders."""
    return replace(benchmark, contenders=names, rounds=1)


class TestProgram:
    """``python -m tests.benchmarks``."""

    @pytest.fixture(name="run")
    def _run(self, monkeypatch):
        """Run it with *arguments*, for a target that is missed."""
        program = importlib.import_module("tests.benchmarks.__main__")
        results = results_of({"fleet": 9.0, "recipe": 1.0})
        monkeypatch.setattr(program, "BENCHMARKS", [results.benchmark])
        monkeypatch.setattr(program, "measure", lambda _, *, size: results)

        def run(*arguments):
            monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
            return program.main()

        return run

    @pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--check"], 1)])
    def test_missed(self, run, capsys, arguments, status):
        """What is missed stands at the end."""
        assert status == run(*arguments)
        assert capsys.readouterr().out.endswith("Missed:\n  Something: time, fleet\n")

    def test_quick(self, run, capsys):
        """A quick run has no such list, as its numbers mean nothing."""
        assert 0 == run("--quick")
        assert "Missed" not in capsys.readouterr().out

    def test_quick_check(self, run, capsys):
        """Nor can they be checked."""
        with pytest.raises(SystemExit):
            run("--quick", "--check")

        assert "--check can't be used with --quick" in capsys.readouterr().err


class TestResults:
    """What is made of the numbers of all rounds."""

    def test_spread(self):
        """Minimum, median and maximum over the rounds."""
        results = results_of({"fleet": 3.0}, {"fleet": 1.0}, {"fleet": 5.0})

        assert Spread(minimum=1.0, median=3.0, maximum=5.0) == results.spread(
            "fleet", FIGURE
        )

    def test_best_peer_is_looked_for_in_each_round(self):
        """A ratio is to the peer that did best in that round."""
        results = results_of(
            {"fleet": 1.0, "recipe": 4.0, "profile": 8.0},
            {"fleet": 1.0, "recipe": 9.0, "profile": 2.0},
        )

        assert Spread(minimum=0.25, median=0.375, maximum=0.5) == results.ratio(
            "fleet", "best peer", FIGURE
        )

    def test_ours_are_no_peers(self):
        """Neither ours nor static keys count as the best peer."""
        results = results_of(
            {"fleet": 1.0, "stsession": 0.1, "static keys": 0.1, "recipe": 2.0}
        )

        assert 0.5 == results.ratio("fleet", "best peer", FIGURE).median

    def test_nothing_to_divide_by(self):
        """There is no ratio to nothing, nor to a contender that failed."""
        results = results_of({"fleet": 1.0, "recipe": 0.0, "profile": "Error: no"})

        assert results.ratio("fleet", "recipe", FIGURE) is None
        assert results.ratio("fleet", "profile", FIGURE) is None

    @pytest.mark.parametrize(("time", "met"), [(1.0, True), (1.1, False)])
    def test_target(self, time, met):
        """A target is met up to its bound."""
        results = results_of({"fleet": time, "recipe": 2.0})

        assert met is results.is_met("fleet", FIGURE)
        assert met is (not results.missed())

    def test_failure_misses_the_target(self):
        """A contender that can't has missed, with the reason."""
        results = results_of({"fleet": "ValueError: no", "recipe": 2.0})

        assert ["Something: time, fleet"] == results.missed()
        assert "ValueError: no" == results.failure("fleet")
        assert "  fleet failed: ValueError: no" == list(report.lines(results))[-1]

    def test_lines(self):
        """A line has the spread, the ratio, and the target."""
        results = results_of({"fleet": 0.001, "recipe": 0.004})

        _, fleet, recipe = report.lines(results)

        assert ["fleet", "1", "(1", "to", "1)", "ms"] == fleet.split()[:6]
        assert fleet.endswith(
            "0.25 (0.25 to 0.25) of best peer; target 0.5 of best peer: met"
        )
        assert recipe.endswith("4 (4 to 4) ms")


class TestAws:
    """The server with canned answers."""

    def sign(self, key, token=None):
        """The head of a request that is signed with a key."""
        lines = [f"Authorization: AWS4-HMAC-SHA256 Credential={key}/x"]
        if token is not None:
            lines.append(f"X-Amz-Security-Token: {token}")
        return ("\r\n" + "\r\n".join(lines)).encode()

    def assume(self, aws, *, role=0, key=SOURCE_KEY):
        """Ask for the credentials of a role."""
        form = {"Action": "AssumeRole", "RoleArn": role_arn(role)}
        head = b"POST / HTTP/1.1" + self.sign(key)
        return aws.answer(head, urlencode(form).encode())

    def list_objects(self, aws, answer):
        """Use what `assume()` has given."""
        text = answer.body.decode()
        key, token = (
            re.search(f"<{name}>(.*?)<", text)[1]
            for name in ("AccessKeyId", "SessionToken")
        )
        head = b"GET /bucket HTTP/1.1" + self.sign(key, token)
        return aws.answer(head, b"").status

    def test_issued_keys_are_good_until_they_expire(self):
        """S3 answers to a role's keys for as long as they live."""
        aws = Aws()
        answer = self.assume(aws)

        assert 200 == self.list_objects(aws, answer)

        aws.clock.ahead = 3601.0

        assert 403 == self.list_objects(aws, answer)

    def test_unknown_keys(self):
        """Requests with unknown keys, or without any, are rejected."""
        aws = Aws()

        assert 403 == self.assume(aws, key="ASIAUNKNOWN").status
        assert 403 == aws.answer(b"GET /bucket HTTP/1.1", b"").status
        assert (1, 0) == (aws.requests, aws.granted)

    def test_faults(self):
        """It denies, fails, throttles, and counts."""
        aws = Aws()
        aws.denied, aws.failing, aws.rate = [role_arn(1)], 3, 4.0
        statuses = [self.assume(aws, role=role).status for role in (0, 1, 2, 3, 4)]

        assert [200, 403, 500, 200, 400] == statuses
        assert (5, 2, 1) == (aws.requests, aws.granted, aws.throttled)


class TestCatalog:
    """What is measured, and that it can be."""

    def test_knows_whom_and_what_it_names(self):
        """Each benchmark has a scenario, and each contender a class."""
        for benchmark in BENCHMARKS:
            assert benchmark.scenario in SCENARIOS
            assert set(benchmark.contenders) <= set(CONTENDERS)
            for figure in benchmark.figures:
                assert figure.unit in report.SCALE

    def test_a_whole_measurement(self):
        """In a process of its own a contender is measured: one call for 64 threads."""
        (herd,) = (b for b in BENCHMARKS if b.scenario == "herd")

        results = measure(once(herd, "stsession"), size="quick")

        assert results.failure("stsession") is None
        assert [1.0] == results.values("stsession", "requests")

    def test_first_requests(self):
        """Each contender of the start has a program, and ours reaches S3."""
        starts = [b for b in BENCHMARKS if b.scenario.startswith("cold_start")]
        for start in starts:
            assert all(map(program, start.contenders))

        results = measure(once(starts[0], "stsession"), size="quick")

        assert results.failure("stsession") is None
        assert all(time > 0 for time in results.values("stsession", "time"))

    def test_failures_are_results(self):
        """A scenario that raises is reported, and breaks nothing."""
        benchmark = Benchmark(
            title="",
            scenario="import_cost",  # static keys have nothing to import
            contenders=("static keys",),
            rounds=1,
            figures=(),
        )

        results = measure(benchmark, size="quick")

        assert "KeyError: 'static keys'" == results.failure("static keys")


class TestPage:
    """The page with the results."""

    def test_pages_have_the_measured_numbers(self, drawing):
        """All tables are what the script makes of the committed measurements."""
        document = json.loads(drawing.NUMBERS.read_text("utf-8"))

        for path in drawing.PAGES:
            page = path.read_text("utf-8")
            assert drawing.fill_in(page, document) == page

    def test_page_has_no_other_numbers(self, drawing, telling):
        """Nothing that was measured stands outside of the markers."""
        page = drawing.PAGE.read_text("utf-8")
        prose = telling.MARKED.sub("", page)

        assert [] == re.findall(r"[\d.,]+ ?(?:µs|[KMG]B|%)", prose)

    def test_drawings_are_of_the_measured_numbers(self, drawing):
        """So are all drawings, and each of them is shown."""
        document = json.loads(drawing.NUMBERS.read_text("utf-8"))
        page = drawing.PAGE.read_text("utf-8")
        drawings = dict(drawing.drawings(document))

        assert set(drawing.PLOTS) == {path.name for path in drawings}
        for path, text in drawings.items():
            assert text == path.read_text("utf-8")
            assert f"({path.name})" in page

    def test_page_shows_each_benchmark(self, drawing, telling):
        """What is measured is shown."""
        page = drawing.PAGE.read_text("utf-8")
        shown = {match["what"].split()[0] for match in telling.MARKED.finditer(page)}

        assert set(SCENARIOS) | set(telling.PARTS) == shown

    def test_missed_targets_and_failures_are_told(self, telling):
        """The page hides neither."""
        results = results_of({"fleet": 2.0, "recipe": 2.0, "profile": "Error: no"})
        document = json.loads(json.dumps(report.document([results])))
        marked = "<!-- measured: {} -->\n<!-- end -->"

        table = telling.fill_in(marked.format("something time"), document)

        assert "| fleet | 2,000 |" in table
        assert (
            "- fleet, time: 1 times that of the best peer; "
            "target: at most 0.5 times, **missed**." in table
        )
        assert "`profile` failed: `Error: no`" in table

    def test_losses_are_told(self, telling):
        """A peer that is better is reported."""
        results = results_of({"fleet": 3.0, "recipe": 2.0})
        document = json.loads(json.dumps(report.document([results])))

        (line,) = telling.losses(document)

        assert line.endswith("fleet takes 3,000 ms, 1.5 times that of the best peer.")
