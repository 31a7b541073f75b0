"""Tests see nothing of the machine they run on, and reach nothing beyond it."""

from __future__ import annotations

import os
import socket

import boto3
import pytest


def test_no_aws_in_the_environment():
    """botocore finds neither credentials nor a region nor a profile."""
    session = boto3.Session()

    assert (None, None, []) == (
        session.get_credentials(),
        session.region_name,
        session.available_profiles,
    )


def test_files_of_the_user_are_out_of_reach():
    """The home directory is an empty one."""
    assert [] == os.listdir(os.path.expanduser("~"))  # noqa: PTH111, PTH208


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_no_connection_leaves_the_machine(method):
    """Connecting to another machine fails the test, whatever catches `Exception`."""
    with socket.socket() as s, pytest.raises(pytest.fail.Exception, match=r"192\.0"):
        getattr(s, method)(("192.0.2.1", 80))


def test_no_name_is_looked_up():
    """Nor is a name looked up in the DNS."""
    with pytest.raises(pytest.fail.Exception, match=r"sts\.amazonaws\.com"):
        socket.create_connection(("sts.amazonaws.com", 443))


def test_loopback_is_allowed():
    """A server of the test's own can be reached."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        peer = client.getpeername()

        assert server.getsockname() == peer
