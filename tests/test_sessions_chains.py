from __future__ import annotations

from functools import partial

import pytest

import stsession

from stsession import FailureKind, RefreshPolicy
from stsession._sts.endpoint import StsClients
from stsession.testing import FakeClock, Fault, use_runtime

from .wire import HUB, READER, TARGET, at_once, failing, minutes, source_of


@pytest.fixture(name="clock")
def _clock():
    clock = FakeClock()
    with use_runtime(clock=clock, submit=at_once):
        yield clock


def roles(stub):
    return [call.params["RoleArn"] for call in stub.requests]


def test_each_hop_refreshes_by_itself(stub, source, clock):
    """A role in the middle isn't assumed again as long as it is good."""
    session = stsession.assume([HUB, TARGET], source=source, duration_seconds=900)
    session.credentials()
    clock.advance(minutes(11))
    session.credentials()

    assert [HUB, TARGET, TARGET] == roles(stub)


def test_a_hop_before_its_successor(stub, source, clock):
    """In its last minute it is refreshed first, so that what it signs is good."""
    session = stsession.assume([HUB, TARGET], source=source)
    session.credentials()
    clock.advance(minutes(59.5))
    session.credentials()

    assert [HUB, TARGET, HUB, TARGET] == roles(stub)
    assert stub.issued[2].access_key_id == stub.requests[3].access_key_id


def test_each_is_due_by_itself(stub, source, clock):
    """A role isn't refreshed because its source is going to be."""
    session = stsession.assume([HUB, TARGET], source=source)
    session._refreshers[0].get()
    clock.advance(minutes(30))
    session.credentials()
    hub, target = session.status().hops

    assert target.due_at > hub.expires_at


def test_the_last_doesn_t_outlive_a_failing_source(stub, source, clock):
    """If the source may be at its end, the refresh is due while it can still sign."""
    session = stsession.assume([HUB, TARGET], source=source)
    session._refreshers[0].get()
    clock.advance(minutes(30))
    stub.goes_down()
    with pytest.raises(stsession.StsUnavailableError):
        session._refreshers[0].refresh()
    stub.comes_back()
    session.credentials()
    hub, target = session.status().hops

    assert target.expires_at > hub.expires_at
    assert target.due_at < hub.expires_at


def test_a_failing_hop(stub, source):
    """The error names the role that failed."""
    stub.faults.add(Fault.access_denied(), operation="AssumeRole", times=1)
    error = failing(stsession.assume([HUB, TARGET], source=source))

    assert HUB == error.hop
    assert FailureKind.REQUEST is error.kind
    assert [HUB] == roles(stub)


def test_load_timeout(source):
    """Without credentials, callers wait for the whole chain, or for *load_timeout*."""
    hub, target = stsession.assume([HUB, TARGET], source=source)._refreshers
    policy = RefreshPolicy(load_timeout=minutes(1))
    other = stsession.assume(READER, source=source, refresh=policy)

    assert 2 * hub.load_timeout == target.load_timeout
    assert 60 == other._refreshers[0].load_timeout


@pytest.mark.parametrize("in_lambda", [False, True])
def test_lambda(source, monkeypatch, tmp_path, in_lambda):
    """There is no background in a function that is frozen between invocations."""
    config = tmp_path / "config"
    config.write_text("[profile dev]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    if in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")

    for session in (
        stsession.assume(READER, source=source),
        stsession.from_profile("dev"),
        stsession.from_function(dict),
    ):
        assert in_lambda is session._refreshers[0].waits_for_advisory


def test_policy_and_endpoint_for_all(stub, source):
    """They apply to each hop."""
    policy = RefreshPolicy.sdk()
    session = stsession.assume(
        [HUB, TARGET],
        source=source,
        refresh=policy,
        sts_endpoint_url="http://rgw.example",
    )
    session.credentials()

    assert [policy, policy] == [hop.policy for hop in session._refreshers]
    assert ["rgw.example"] * 2 == [call.host for call in stub.requests]


def test_chained_limit_elsewhere(source):
    """It is AWS's; other servers have limits of their own."""
    stsession.assume(
        [HUB, TARGET],
        source=source,
        duration_seconds=7200,
        sts_endpoint_url="http://rgw.example",
    )


def test_function_isn_t_a_role():
    """What a function returns isn't known to be a role's, so no limit applies."""
    stsession.assume(
        READER, source=lambda: None, duration_seconds=7200, region="eu-west-1"
    )


def test_clients_of_a_chain(source):
    """Sessions over one hop share its STS client."""
    one = stsession.assume([HUB, TARGET], source=source)
    other = stsession.assume([HUB, READER], source=source)

    assert one._source is other._source
    assert isinstance(one._source._clients, StsClients)


def test_partition_of_its_own(stub):
    """Without a global endpoint, a region is required."""
    make = partial(
        stsession.assume,
        "arn:aws-us-gov:iam::123456789012:role/Reader",
        source=source_of(stub, region=None),
    )

    assert make(sts_region="us-west-2")
    with pytest.raises(stsession.InvalidRequestError, match="No region is configured"):
        make()
