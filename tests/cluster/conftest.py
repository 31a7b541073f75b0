from __future__ import annotations

import pytest

import stsession

from stsession.testing import LocalSTS


IDS = [f"{number:012}" for number in range(1, 13)]


@pytest.fixture(name="local", scope="module")
def _local():
    with LocalSTS() as local:
        for account in IDS:
            local.add_role(f"arn:aws:iam::{account}:role/Audit")
        yield local


@pytest.fixture(name="places", scope="module")
def _places(local, tmp_path_factory):
    """What the environment says, here and in the workers."""
    directory = tmp_path_factory.mktemp("aws")
    files = local.write_profile(directory, key=local.add_user(), name="org")
    return {
        "AWS_CONFIG_FILE": files.config_file,
        "AWS_SHARED_CREDENTIALS_FILE": files.credentials_file,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(name="fleet")
def _fleet(places, monkeypatch):
    """A fleet whose source is a profile, which the workers find as well."""
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    with stsession.Fleet(IDS, role_name="Audit", source="org") as fleet:
        yield fleet
