from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import botocore.session
import pytest

from stsession._botocore.loader import loader_for
from stsession._sts.endpoint import StsClients, has_custom_endpoint
from stsession._sts.fetcher import StsEndpoint

from .wire import REGION


@pytest.fixture(name="config_file")
def _config_file(tmp_path, monkeypatch):
    path = tmp_path / "config"
    path.touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


def new_session():
    """A session that shares parsed models."""
    session = botocore.session.Session()
    session.register_component(
        "data_loader", loader_for(session.get_config_variable("data_path"))
    )
    session.set_credentials("AKIA1", "secret")
    return session


@pytest.fixture(name="session")
def _session():
    return new_session()


def test_made_on_first_use_and_kept(session):
    """One client for a region and an endpoint."""
    made = []
    session.register("creating-client-class.sts", lambda **_: made.append(1))
    clients, endpoint = StsClients(session), StsEndpoint(regions=(REGION,))

    assert [] == made
    assert clients.get(REGION, endpoint) is clients.get(REGION, endpoint)
    assert [1] == made
    assert clients.get("eu-west-1", endpoint) is not clients.get(REGION, endpoint)


def test_one_for_all_threads(session):
    """Eight threads get the same client."""
    clients, endpoint = StsClients(session), StsEndpoint(regions=(REGION,))
    with ThreadPoolExecutor(8) as threads:
        got = set(threads.map(lambda _: clients.get(REGION, endpoint), range(8)))

    assert 1 == len(got)


def test_dropped_after_a_fork(session):
    """A connection can't be shared with the parent."""
    clients, endpoint = StsClients(session), StsEndpoint(regions=(REGION,))
    parents = clients.get(REGION, endpoint)
    clients._lock.acquire()
    clients._after_fork()

    assert parents is not clients.get(REGION, endpoint)


def test_close(session):
    """All are closed, and others made if need be."""
    clients, endpoint = StsClients(session), StsEndpoint(regions=(REGION,))
    first, closed = clients.get(REGION, endpoint), []
    first.close = lambda: closed.append(1)
    clients.close()
    clients.close()

    assert [1] == closed
    assert first is not clients.get(REGION, endpoint)


def url_of(session, region):
    """Where STS is, for that region."""
    endpoint = StsEndpoint(regions=(region,))
    return StsClients(session).get(region, endpoint).meta.endpoint_url


def test_regional(session):
    """The regional endpoint, also where an old botocore took the global one."""
    assert "https://sts.us-east-1.amazonaws.com" == url_of(session, "us-east-1")


@pytest.mark.parametrize("way", ["environment", "profile"])
def test_global_by_wish(config_file, monkeypatch, way):
    """The user's configuration says otherwise."""
    if way == "environment":
        monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    else:
        config_file.write_text("[default]\nsts_regional_endpoints = legacy\n")

    assert "https://sts.amazonaws.com" == url_of(new_session(), "us-east-1")


@pytest.mark.parametrize(
    ("url", "custom"),
    [
        (None, False),
        ("https://sts.eu-west-1.amazonaws.com", False),
        ("https://sts.cn-north-1.amazonaws.com.cn", False),
        ("https://sts.eusc-de-east-1.amazonaws.eu", False),
        ("https://vpce-1.sts.eu-west-1.vpce.amazonaws.com", False),
        ("https://sts.eu-west-1.api.aws", False),
        ("http://localhost:4566", True),
        ("https://amazonaws.com.evil.example", True),
    ],
)
def test_custom_endpoint(session, url, custom):
    """Whatever isn't in a domain of AWS."""
    assert custom is has_custom_endpoint(session, url)


CONFIGURED = {
    "nothing": ("", {}, False),
    "environment": ("", {"AWS_ENDPOINT_URL": "http://x"}, True),
    "environment, for STS": ("", {"AWS_ENDPOINT_URL_STS": "http://x"}, True),
    "environment, for S3": ("", {"AWS_ENDPOINT_URL_S3": "http://x"}, False),
    "profile": ("[default]\nendpoint_url = http://x\n", {}, True),
    "service": (
        "[default]\nservices = s\n[services s]\nsts =\n  endpoint_url = http://x\n",
        {},
        True,
    ),
    "another service": (
        "[default]\nservices = s\n[services s]\ns3 =\n  endpoint_url = http://x\n",
        {},
        False,
    ),
    "ignored": (
        "[default]\nendpoint_url = http://x\nignore_configured_endpoint_urls = true\n",
        {},
        False,
    ),
}


@pytest.mark.parametrize("what", CONFIGURED)
def test_configured_endpoint(config_file, monkeypatch, what):
    """As botocore reads it, environment first, then the service, then the profile."""
    text, environment, custom = CONFIGURED[what]
    config_file.write_text(text)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = new_session()
    client = session.create_client("sts", region_name=REGION)

    assert custom is has_custom_endpoint(session, None)
    assert custom is ("amazonaws" not in client.meta.endpoint_url)


@pytest.mark.parametrize("services", ["services = nowhere", "services = s"])
def test_broken_configuration(config_file, services):
    """botocore rejects it when the client is made; until then it is ignored."""
    config_file.write_text(f"[default]\n{services}\n[services s]\nsts = x\n")

    assert not has_custom_endpoint(botocore.session.Session(), None)
