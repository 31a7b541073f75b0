from __future__ import annotations

import logging

import pytest

import stsession

from stsession._botocore.errors import redact, redact_botocore_logs
from stsession.testing import LocalSTS

from .wire import READER


STARS = "***"

TAG = "the-value-of-a-tag"
ASSERTION = "the-assertion-of-a-context"
BUCKET = "the-bucket-of-a-policy"
CONTEXTS = {"arn:aws:iam::aws:contextProvider/IdentityCenter": ASSERTION}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "it's",  # which botocore's log has as it\'s
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}


@pytest.mark.parametrize(
    "text",
    [
        "<SecretAccessKey>sEcReT</SecretAccessKey>",
        "<SessionToken>\n sEcReT",
        "{'SessionToken': 'sEcReT'}",
        '{"SecretAccessKey": "sEcReT"}',
        "{'X-Amz-Security-Token': b'sEcReT', 'a': b'b'}",
        "x-amz-security-token:sEcReT\n",
        "X-Amz-Security-Token=sEcReT&X-Amz-Expires=60",
        "ExternalId=sEcReT&Action=AssumeRole",
        "{'ExternalId': 'sEcReT'}",
        "aws_secret_access_key = sEcReT",
        "aws_session_token=sEcReT",
        "TokenCode=sEcReT",
        "WebIdentityToken=sEcReT",
        "SAMLAssertion=sEcReT",
        "Signature=sEcReT0123",
        "Signature:\nsEcReT0123",
    ],
)
def test_secret(text):
    """It becomes stars, and what is around it stays."""
    hexadecimal = text.replace("sEcReT", "deadbeef")
    clean = redact(hexadecimal)

    assert STARS in clean
    assert "deadbeef" not in clean
    assert hexadecimal[:4] == clean[:4]


@pytest.mark.parametrize(
    "text",
    ["", "RoleArn=arn:aws:iam::1:role/x", "AccessKeyId: AKIA1", "the secret key"],
)
def test_no_secret(text):
    """The rest stays as it is."""
    assert text == redact(text)


def spy(caplog):
    """Assume a role from a role, use S3, and return the secrets."""
    caplog.set_level(logging.DEBUG)
    with LocalSTS() as local:
        local.add_role("arn:aws:iam::123456789012:role/Hub")
        local.add_role(READER, external_id="tenant-0815")
        local.add_bucket("b", objects={"k": b"hello"})
        user = local.add_user()
        session = stsession.assume(
            ["arn:aws:iam::123456789012:role/Hub", READER],
            source=local.session(user),
            external_id="tenant-0815",
            cache=None,
        )
        s3 = session.client("s3")
        s3.put_object(Bucket="b", Key="new", Body=b"x")
        s3.get_object(Bucket="b", Key="k")["Body"].read()
        s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
        session.caller_identity()
        stsession.assume(
            READER,
            source=local.session(user),
            external_id="tenant-0815",
            policy=POLICY,
            tags={"Team": TAG},
            provided_contexts=CONTEXTS,
        ).credentials()
        stsession.federation_token(
            "jane", source=local.session(user), policy=POLICY
        ).credentials()
        signatures = []
        s3.meta.events.register(
            "before-send",
            lambda request, **_: signatures.append(
                request.headers["Authorization"].decode().partition("Signature=")[2]
            ),
        )
        s3.list_objects_v2(Bucket="b")
        keys = [user, *local.issued()]
    secrets = ["tenant-0815", BUCKET, TAG, ASSERTION, *signatures]
    for key in keys:
        secrets += [key.secret_access_key, key.session_token]
    return [secret for secret in secrets if secret]


def test_without_the_filter(caplog):
    """Without the filter, there are secrets in botocore's log."""
    secrets = spy(caplog)

    assert 3 < sum(secret in caplog.text for secret in secrets)


@pytest.mark.usefixtures("_redacted")
def test_logs(caplog):
    """With it there are none, in any record of any logger."""
    secrets = spy(caplog)
    found = {
        record.name
        for record in caplog.records
        for secret in secrets
        if secret in record.getMessage() or secret in str(record.exc_info or "")
    }

    assert set() == found
    assert STARS in caplog.text
    assert "botocore.parsers" in {record.name for record in caplog.records}


@pytest.mark.usefixtures("_redacted")
def test_half_a_body(caplog):
    """Also where the answer can't be parsed, tracebacks and all."""
    from stsession.testing import Fault

    caplog.set_level(logging.DEBUG)
    with LocalSTS() as local:
        local.add_role(READER)
        local.faults.add(Fault.half_body(), operation="AssumeRole")
        session = stsession.assume(READER, source=local.session(local.add_user()))
        with pytest.raises(stsession.StsUnavailableError):
            session.credentials()
        [key] = local.issued()[-1:]

    assert key.secret_access_key not in caplog.text
    assert "IQoJ" not in caplog.text


@pytest.mark.usefixtures("_redacted")
def test_twice():
    """Calling it again changes nothing."""
    before = {
        name: list(logging.getLogger(name).filters)
        for name in list(logging.root.manager.loggerDict)
    }
    redact_botocore_logs()

    assert before == {name: logging.getLogger(name).filters for name in before}
    assert 1 == len(logging.getLogger("botocore.parsers").filters)


@pytest.mark.usefixtures("_redacted")
def test_other_records_stay(caplog):
    """A record without secrets keeps its arguments."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("botocore.parsers").debug("%s of %d", "one", 2)

    assert ("one", 2) == caplog.records[-1].args
