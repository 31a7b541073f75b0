"""Libraries that make their own sessions, with ours: ``nox -s libraries``."""
