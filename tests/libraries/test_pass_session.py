"""Libraries that accept a session or a client keep it across expirations."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from stsession.testing import expiring

from ..local import serving


# The libraries' own warnings aren't errors.
pytestmark = pytest.mark.filterwarnings("default")

HOURS = dt.timedelta(hours=2)


def test_powertools(session, clock, local):
    """A provider of parameters is given a client."""
    parameters = pytest.importorskip("aws_lambda_powertools.utilities.parameters")
    ssm = session.client("ssm")
    ssm.put_parameter(Name="/powertools", Value="x", Type="String", Overwrite=True)
    provider = parameters.SSMProvider(boto3_client=ssm)

    for _ in range(2):
        assert "x" == provider.get("/powertools", force_fetch=True)
        clock.advance(HOURS)
    assert 2 == local.count("AssumeRole")


def test_langchain(session, clock, local):
    """Embeddings are given a client of Bedrock."""
    langchain_aws = pytest.importorskip("langchain_aws")

    def bedrock(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"embedding": [1.0, 2.0]}).encode()]

    with serving(expiring(bedrock, sts=local)) as url:
        client = session.client("bedrock-runtime", endpoint_url=url)
        embeddings = langchain_aws.BedrockEmbeddings(
            client=client, model_id="amazon.titan-embed-text-v1"
        )
        for _ in range(2):
            assert [1.0, 2.0] == embeddings.embed_query("x")
            clock.advance(HOURS)
    assert 2 == local.count("AssumeRole")


def test_sagemaker(session, clock, local):
    """Resources are given a session."""
    resources = pytest.importorskip("sagemaker.core.resources")

    for _ in range(2):
        assert [] == list(resources.Endpoint.get_all(session=session))
        clock.advance(HOURS)
    assert 2 == local.count("AssumeRole")
