"""The benchmarks: their contenders, figures and targets."""

from __future__ import annotations

from .figures import (
    BEST,
    LIBRARIES,
    OURS,
    PEERS,
    STATIC,
    Benchmark,
    Figure,
    Target,
    both,
    fleet,
    parts,
)


__all__ = ["BENCHMARKS"]


def edges() -> tuple[Figure, ...]:
    """The figures of the refresh edge."""
    return tuple(
        figure
        for left in (14, 9)
        for figure in (
            Figure(
                title=f"p50, {left} min left", key=f"p50_{left}", unit="us", ratio=True
            ),
            Figure(
                title=f"p99, {left} min left", key=f"p99_{left}", unit="ms", ratio=True
            ),
            Figure(
                title=f"slowest, {left} min left",
                key=f"max_{left}",
                unit="ms",
                targets=both(0.030),
                ratio=True,
            ),
            Figure(
                title=f"stalled (> 150 ms), {left} min left",
                key=f"stalled_{left}",
                targets=both(0),
            ),
        )
    )


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(
        title="Import, after boto3",
        scenario="import_cost",
        contenders=("stsession", *LIBRARIES),
        rounds=3,
        figures=(
            Figure(
                title="the package alone",
                key="alone",
                unit="ms",
                targets={"stsession": Target(bound=0.005)},
            ),
            Figure(title="with its dependencies", key="import", unit="ms", ratio=True),
            Figure(title="ready to assume a role", key="ready", unit="ms", ratio=True),
        ),
    ),
    Benchmark(
        title="Cold start: from the start of the process to its first signed request",
        scenario="cold_start",
        contenders=(*OURS, *PEERS, STATIC),
        rounds=4,
        figures=(
            Figure(
                title="time",
                key="time",
                unit="ms",
                targets=both(0.65, "recipe"),
                ratio=True,
            ),
            Figure(
                title="instructions",
                key="instructions",
                unit="M",
                ratio=True,
            ),
            Figure(
                title="CPU", key="cpu", unit="ms", targets=both(1, STATIC), ratio=True
            ),
            Figure(
                title="peak memory",
                key="memory",
                unit="MB",
                targets=both(1, STATIC),
                ratio=True,
            ),
        ),
    ),
    Benchmark(
        title="Cold start over TLS",
        scenario="cold_start_tls",
        contenders=(*OURS, "recipe", STATIC),
        rounds=4,
        figures=(
            Figure(
                title="time",
                key="time",
                unit="ms",
                targets=both(0.72, "recipe"),
                ratio=True,
            ),
            Figure(title="CPU", key="cpu", unit="ms", ratio=True),
            Figure(title="peak memory", key="memory", unit="MB", ratio=True),
        ),
    ),
    Benchmark(
        title="Sessions with clients for sts, s3, ec2 and dynamodb",
        scenario="roles",
        contenders=(*OURS, *PEERS),
        rounds=2,
        figures=(
            Figure(
                title="time per further role",
                key="time_more",
                unit="ms",
                targets=parts(8, 300),
                ratio=True,
            ),
            Figure(title="CPU per further role", key="cpu_more", unit="ms", ratio=True),
            Figure(
                title="memory per further role",
                key="memory_more",
                unit="MB",
                targets=parts(13, 400),
                ratio=True,
            ),
            *(
                Figure(
                    title=f"{what}, {count} role{'s' if count > 1 else ''}",
                    key=f"{what}_{count}",
                    unit=unit,
                    ratio=count <= 10,  # peers end there
                    targets=(fleet(bound) if count == 500 else {}),
                )
                for count in (1, 10, 100, 500)
                for what, unit, bound in (
                    ("time", "s", 1.5),
                    ("memory", "MB", 80 * 2**20),
                )
            ),
            Figure(title="AssumeRole calls before the first use", key="requests"),
            Figure(
                title="first use, time per role",
                key="time_fetch",
                unit="ms",
                ratio=True,
            ),
            Figure(
                title="first use, memory per role",
                key="memory_fetch",
                unit="MB",
                ratio=True,
            ),
        ),
    ),
    Benchmark(
        title="Reading fresh credentials: get_frozen_credentials()",
        scenario="hot_path",
        contenders=(*OURS, *PEERS),
        rounds=3,
        figures=tuple(
            Figure(
                title=f"{count} thread{'s' if count > 1 else ''}, {place}",
                key=f"{zone}_{count}",
                unit="us",
                targets=both(0.1, BEST),
                ratio=True,
            )
            for zone, place in (("utc", "UTC"), ("berlin", "Europe/Berlin"))
            for count in (1, 8, 32)
        ),
    ),
    Benchmark(
        title="A whole S3 call",
        scenario="signed_call",
        contenders=(*OURS, "recipe"),
        rounds=3,
        figures=(
            Figure(title="one call", key="call", unit="us"),
            Figure(title="with static keys", key="static", unit="us"),
            Figure(title="ratio", key="of_static", unit="x", targets=both(1.02)),
        ),
    ),
    Benchmark(
        title="An event loop: 200 tasks need credentials, STS takes 300 ms",
        scenario="event_loop",
        contenders=OURS,
        rounds=3,
        figures=tuple(
            Figure(
                title=f"{what}, {title}",
                key=f"{key}_{way}",
                unit=unit if way != "ratio" else "x",
                targets=both(bound) if way == "ratio" else {},
            )
            for what, key, unit, bound in (
                ("loop stalled", "stall", "ms", 0.1),
                ("other work delayed", "work", "ms", 0.1),
                ("fresh read", "fresh", "us", 0.1),
            )
            for title, way in (
                ("stsession.aio", "aio"),
                ("asyncio.to_thread", "thread"),
                ("a call in the loop", "loop"),
                ("ratio", "ratio"),
            )
        ),
    ),
    Benchmark(
        title="Refresh of a one-hour session: 32 threads read, STS takes 300 ms",
        scenario="edge",
        contenders=(*OURS, *PEERS),
        rounds=2,
        figures=(*edges(), Figure(title="AssumeRole calls", key="requests")),
    ),
    Benchmark(
        title="STS returns 503 with 9 min left: 4 threads call S3",
        scenario="outage",
        contenders=(*OURS, *PEERS),
        rounds=1,
        figures=(
            Figure(title="calls", key="calls"),
            Figure(title="failed", key="failed", targets=both(0)),
            Figure(
                title="slowest call",
                key="max",
                unit="ms",
                targets=both(0.1),
                ratio=True,
            ),
        ),
    ),
    Benchmark(
        title="First use by 64 threads at once: STS takes 100 ms",
        scenario="herd",
        contenders=(*OURS, "profile", *LIBRARIES),
        rounds=2,
        figures=(
            Figure(title="AssumeRole calls", key="requests", targets=both(1)),
            Figure(
                title="time until all have credentials",
                key="time",
                unit="ms",
                ratio=True,
            ),
        ),
    ),
    Benchmark(
        title="First use by 16 forked processes at once: STS takes 100 ms",
        scenario="processes",
        contenders=(*OURS, "profile", *LIBRARIES),
        rounds=1,
        figures=(
            Figure(title="AssumeRole calls", key="requests", ratio=True),
            Figure(
                title="time until all have ended", key="time", unit="ms", ratio=True
            ),
        ),
    ),
    Benchmark(
        title="Four hours of 15-minute sessions, one read a minute",
        scenario="day",
        contenders=(*OURS, *PEERS),
        rounds=1,
        figures=(Figure(title="AssumeRole calls", key="requests", ratio=True),),
    ),
    Benchmark(
        title="One call for each of many roles: 16 workers, STS takes 100 ms",
        scenario="fan_out",
        contenders=(*OURS, *PEERS),
        rounds=1,
        figures=(
            Figure(title="time", key="time", unit="s"),
            Figure(
                title="ratio to the ideal time",
                key="of_ideal",
                unit="x",
                targets=fleet(1.6),
                ratio=True,
            ),
            Figure(title="AssumeRole calls", key="requests"),
            Figure(title="most concurrent calls", key="most_in_flight"),
        ),
    ),
    Benchmark(
        title="300 accounts; STS takes 100 ms, throttles above 20 calls a second, "
        "fails every tenth call, and denies three roles",
        scenario="throttled",
        contenders=("fleet",),
        rounds=1,
        figures=(
            Figure(title="results", key="results"),
            Figure(title="errors", key="errors", targets=fleet(3)),
            Figure(title="of these, denials", key="denied"),
            Figure(title="time", key="time", unit="s"),
            Figure(
                title="AssumeRole calls, per account",
                key="requests",
                targets=fleet(1.6),
            ),
            Figure(title="successful, per account", key="granted", targets=fleet(1.1)),
            Figure(
                title="most concurrent calls", key="most_in_flight", targets=fleet(16)
            ),
            Figure(title="memory growth", key="memory", unit="MB"),
        ),
    ),
    Benchmark(
        title="Sessions with clients made, used, dropped",
        scenario="leak",
        contenders=OURS,
        rounds=1,
        figures=(
            Figure(
                title="memory left per session",
                key="bytes",
                unit="B",
                targets=both(1024),
            ),
            Figure(title="threads left", key="threads", targets=both(0)),
            Figure(title="descriptors left", key="descriptors", targets=both(0)),
        ),
    ),
)
