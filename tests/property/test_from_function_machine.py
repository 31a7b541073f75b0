"""A function that returns credentials, fails, or returns something else."""

from __future__ import annotations

import datetime as dt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import stsession

from stsession.testing import FakeClock, use_runtime

from ..engine import busiest
from ..wire import at_once


class Machine(RuleBasedStateMachine):
    """A session is used while time passes and the function changes its behavior."""

    @initialize(jitter=st.floats(0, 1), lifetime=st.sampled_from([60, 900, 43_200]))
    def begin(self, jitter, lifetime):
        """Make the session."""
        self.clock, self.lifetime, self.behavior = FakeClock(), lifetime, "good"
        self.failures, self.issued, self.failed = [], 0, False
        with use_runtime(clock=self.clock, random=lambda: jitter, submit=at_once):
            self.session = stsession.from_function(self.get)

    def get(self):
        """Return credentials, or something else."""
        self.failed = self.behavior != "good"
        self.failures = [*self.failures, self.clock.monotonic()] if self.failed else []
        if self.behavior == "raises":
            raise ConnectionError
        if self.behavior == "nothing":
            return None
        self.issued += self.behavior != "same"
        age = self.lifetime + 1 if self.behavior == "expired" else 0
        return {
            "AccessKeyId": f"ASIA{self.issued}",
            "SecretAccessKey": f"secret {self.issued}",
            "SessionToken": f"token {self.issued}",
            "Expiration": self.clock.wall() + self.lifetime - age,
        }

    @rule(behavior=st.sampled_from(["good", "raises", "nothing", "same", "expired"]))
    def changes(self, behavior):
        """Behave differently from now on."""
        self.behavior = behavior

    @rule(part=st.sampled_from([0.01, 0.3, 0.6, 0.9, 1.1]))
    def passes(self, part):
        """Let a part of the lifetime pass, with a use in each hundredth."""
        for _ in range(round(part * 100)):
            self.clock.advance(dt.timedelta(seconds=self.lifetime / 100))
            self.use()

    @rule()
    def use(self):
        """All parts are of one set, which is valid unless the last call failed."""
        try:
            credentials = self.session.credentials()
        except stsession.RefreshError:
            assert self.failed
            return
        number = credentials.access_key_id.removeprefix("ASIA")
        assert f"secret {number}" == credentials.secret_access_key
        assert f"token {number}" == credentials.session_token
        assert self.failed or credentials.expires_at > self.clock.now()

    @rule()
    def refresh(self):
        """It returns other credentials, or is an error."""
        try:
            before = self.session.credentials()
            after = self.session.refresh()
        except stsession.RefreshError:
            assert self.failed
            return
        assert before.access_key_id != after.access_key_id

    @invariant()
    def pauses(self):
        """After failures, the function isn't called more often than the policy says."""
        attempts = stsession.RefreshPolicy().attempts_per_minute
        # It is called twice if it returns expired credentials.
        assert busiest(getattr(self, "failures", []), 60.0) <= 2 * attempts


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=30, stateful_step_count=12)
