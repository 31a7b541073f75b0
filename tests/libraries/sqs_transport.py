"""A transport of kombu with the session of the tests, for Celery by its name."""

from __future__ import annotations

from kombu.transport import SQS

import stsession

from .conftest import ROLE


class Channel(SQS.Channel):
    def new_sqs_client(self, region, **keys):
        return stsession.assume(ROLE, source="ci").client("sqs", region_name=region)


class Transport(SQS.Transport):
    Channel = Channel
