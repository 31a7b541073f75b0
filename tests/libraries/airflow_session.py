"""The session factory of the tests, which Airflow imports by its name."""

from __future__ import annotations

from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory

import stsession
import stsession.aio


class SessionFactory(BaseSessionFactory):
    def create_session(self, deferrable=False):
        if not self.conn or not self.role_arn:
            return super().create_session(deferrable)
        session = stsession.assume(
            self.role_arn, source=self.basic_session, region=self.region_name
        )
        return stsession.aio.session(session) if deferrable else session
