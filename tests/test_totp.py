from __future__ import annotations

import copy
import datetime as dt
import logging
import pickle
import sys

import pytest

import stsession

from stsession import totp
from stsession.testing import FakeClock, StubSTS, use_runtime

from .wire import READER, full_text, source_of


SEED = "GEZDGNBVGY3TQOJQ" * 2  # of RFC 6238
SERIAL = "arn:aws:iam::123456789012:mfa/ci"


@pytest.fixture(name="clock")
def _clock():
    return FakeClock(dt.datetime(2005, 3, 18, 1, 58, 29, tzinfo=dt.timezone.utc))


@pytest.mark.parametrize(
    "seed", [SEED, SEED.lower(), f"  {SEED}\n", " ".join([SEED[:16], SEED[16:]])]
)
def test_codes_are_those_of_the_rfc(clock, seed):
    """The seed may have spaces; the time is that of the session's clock."""
    with use_runtime(clock=clock):
        code = totp(seed)

        assert "081804" == code(SERIAL)

        clock.advance(dt.timedelta(seconds=2))
        assert "050471" == code(SERIAL)


@pytest.mark.parametrize(
    "seed", ["not-a-seed-189", "GEZDGNBVGY3TQOJQ1", "sécret", "", " \n"]
)
def test_invalid_seed(seed):
    """It is an error when it is passed, and isn't quoted."""
    with pytest.raises(stsession.MfaError, match="seed of the MFA device") as caught:
        totp(seed)

    assert "QR code" in caught.value.hint
    assert not seed.strip() or seed not in full_text(caught.value)


def test_without_pyotp(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "pyotp", None)

    with pytest.raises(ImportError, match=r"pip install 'stsession\[totp\]'") as caught:
        totp(SEED)

    assert SEED not in full_text(caught.value)


def test_shows_no_seed(clock, caplog):
    """Neither in its repr nor in the log."""
    caplog.set_level(logging.DEBUG)
    with use_runtime(clock=clock):
        code = totp(SEED)
        code(SERIAL)

    for text in (repr(code), str(code), caplog.text):
        assert SEED not in text
        assert "081804" not in text


@pytest.mark.parametrize("do", [pickle.dumps, copy.copy, copy.deepcopy])
def test_is_not_pickled(do):
    """Nor copied; the error says what to pass instead."""
    with pytest.raises(TypeError, match="fetches the seed there") as caught:
        do(totp(SEED))

    assert SEED not in full_text(caught.value)


def test_sessions_with_it(clock):
    """A session with a seed isn't pickled either, but copied it is."""
    stub = StubSTS(clock=clock)
    with use_runtime(clock=clock):
        session = stsession.assume(
            READER, source=source_of(stub), mfa_serial=SERIAL, mfa_code=totp(SEED)
        )

        assert session.credentials() == copy.deepcopy(session).credentials()

    with pytest.raises((TypeError, pickle.PicklingError)) as caught:
        pickle.dumps(session)
    assert SEED not in full_text(caught.value)
