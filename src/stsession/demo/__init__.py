"""
See a session live through an outage: ``python -m stsession.demo``.

It needs no AWS account and no network but the machine's own. The package is
for looking at; nothing in it is meant to be imported.
"""
