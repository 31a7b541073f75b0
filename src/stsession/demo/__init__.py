"""
Demo of a session during an outage of STS: ``python -m stsession.demo``.

It needs neither an AWS account nor a network. Nothing in this package is meant to
be imported.
"""
