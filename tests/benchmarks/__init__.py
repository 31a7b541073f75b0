"""
Measures what is claimed, on this machine alone: ``python -m tests.benchmarks``.

Each contender runs in a process of its own, against a server in a third one.
Rounds are interleaved, so that a busy machine is unfair to nobody; ratios are
taken within one round. To add a contender, write a class in ``contenders.py``; to
add a measurement, a function in ``scenarios.py`` and what it is about in
``catalog.py``.
"""
