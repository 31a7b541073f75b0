"""Async libraries with sessions of ours: ``nox -s aio``."""
