"""
Benchmarks of stsession and other libraries: ``python -m tests.benchmarks``.

Each contender runs in a process of its own, against a server in a third one.
Rounds are interleaved, so that other load on the machine affects all alike; ratios are
taken within one round. To add a contender, write a class in ``contenders.py``; to
add a measurement, a function in ``scenarios.py`` and its
figures in ``catalog.py``.
"""
