"""What botocore makes of a profile, and what we do: the same calls to STS."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import sys

from urllib.parse import urlsplit

import attrs
import boto3
import pytest

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader

import stsession

from stsession._requests.checks import default_role_session_name
from stsession.testing import StubSTS

from .profile_table import CASES, SERIAL


LOADER = Loader()  # reads each model once

GENERATED = re.compile(r"botocore-session-\d+")

PROCESS = """
import json, sys
if "fail" in sys.argv:
    sys.exit("no keys today")
key = {"AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "secret"}
print(json.dumps({"Version": 1, **key}))
"""

METADATA = {
    "169.254.170.2": "AKIACONTAINER",
    "169.254.169.254": "AKIAINSTANCE",
    "169.254.169.111": "AKIAELSEWHERE",
}


class Raw(io.BytesIO):
    def stream(self):
        yield self.read()


class Network:
    """STS, containers and instances, in place of whatever sends HTTP requests."""

    def __init__(self, case):
        self.sts = StubSTS()
        self._case = case

    def send(self, request):
        host = urlsplit(request.url).hostname
        if host not in METADATA:
            return self.sts(request)
        return AWSResponse(request.url, 200, {}, Raw(self._metadata(host, request)))

    def _metadata(self, host, request):
        if request.method == "PUT":
            return b"a token"
        if request.url.endswith("/"):
            return b"Role"
        ends_at = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=6)
        told = {
            "AccessKeyId": METADATA[host],
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": f"{ends_at:%Y-%m-%dT%H:%M:%SZ}",
        }
        return json.dumps(told).encode()

    def code(self, serial):
        """What an MFA device shows; nothing that was shown for another case."""
        return f"{CASES.index(self._case):05d}{int(SERIAL + '2' in serial)}"


@attrs.frozen
class Request:
    operation: str
    params: dict[str, str]
    signed_by: str | None
    region: str | None
    host: str | None


@attrs.frozen
class Recording:
    """The requests of a session to STS, and its credentials."""

    requests: list[Request]
    key: str
    region: str | None


def request_of(call, names):
    """A call without what is made up anew each time."""
    params = dict(call.params)
    name = params.get("RoleSessionName", "")
    if GENERATED.fullmatch(name) or name == default_role_session_name():
        params["RoleSessionName"] = "made up"
    return Request(
        operation=call.operation,
        params=params,
        signed_by=names.get(call.access_key_id, call.access_key_id),
        region=call.region,
        host=call.host,
    )


@pytest.fixture(name="directory")
def _directory(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    tmp_path.joinpath("token").write_text("a.web.token")
    tmp_path.joinpath("process.py").write_text(PROCESS)
    return tmp_path


@pytest.fixture(name="install")
def _install(directory, monkeypatch):
    """Puts a case's files and environment in place."""

    def filled(text):
        process = f"{sys.executable} {directory / 'process.py'}"
        token = str(directory / "token")
        return text.replace("TOKEN_FILE", token).replace("PROCESS", process)

    def install(case):
        (directory / "config").write_text(filled(case.config))
        (directory / "credentials").write_text(case.credentials)
        for name, value in case.environment.items():
            monkeypatch.setenv(name, filled(value))
        # Before botocore 1.40 the global endpoint was its default; never ours.
        if "sts_regional_endpoints" not in case.config:
            monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional")

    return install


@pytest.fixture(name="record")
def _record(install, monkeypatch):
    """Returns what *make* leads to."""

    def record(case, make):
        install(case)
        network = Network(case)
        monkeypatch.setattr(URLLib3Session, "send", lambda _, r: network.send(r))
        session = make(case, network)
        key = session.get_credentials().get_frozen_credentials().access_key
        names = {k.access_key_id: f"#{n}" for n, k in enumerate(network.sts.issued)}
        return Recording(
            requests=[request_of(call, names) for call in network.sts.requests],
            key=names.get(key, key),
            region=session.region_name,
        )

    return record


def botocores(case, network):
    """A session by botocore's own resolver."""
    session = boto3.Session(profile_name=case.profile)
    session._session.register_component("data_loader", LOADER)
    resolver = session._session.get_component("credential_provider")
    resolver.get_provider("assume-role")._prompter = network.code
    return session


def ours(case, network):
    return stsession.from_profile(
        case.profile, mfa_code=network.code, mfa_session=False, cache=None
    )


def cases(*, wanted):
    chosen = [case for case in CASES if wanted(case)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.id)


@cases(wanted=lambda case: case.error is None)
def test_same_calls(case, record):
    """botocore's resolver and we send the same requests, there and signed alike."""
    expected = record(case, botocores)
    actual = record(case, ours)

    assert expected == actual
    assert case.roles == [r.params["RoleArn"] for r in actual.requests]
    assert case.signs == next((r.signed_by for r in actual.requests), actual.key)


@cases(wanted=lambda case: case.error is not None)
def test_errors(case, record):
    """
    Where botocore has an error, we have one that names the profile and the key.

    And also where botocore guesses, or leaves the error to STS.
    """
    if case.differs:
        assert record(case, botocores).key
    else:
        with pytest.raises(Exception):  # noqa: B017, PT011 - as it comes
            record(case, botocores)

    with pytest.raises(
        (stsession.InvalidRequestError, stsession.SourceCredentialsError)
    ) as caught:
        record(case, ours)

    assert re.search(case.error, str(caught.value)), str(caught.value)
