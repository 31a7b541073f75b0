"""Functions that are pickled with their code, as Dask, joblib, Ray and Spark do it."""

from __future__ import annotations

import pytest

import stsession


cloudpickle = pytest.importorskip("cloudpickle")


def test_function_that_cannot_be_imported():
    """Its session is pickled nevertheless, as cloudpickle pickles its code."""
    session = stsession.from_function(
        lambda: {"AccessKeyId": "AKIA1", "SecretAccessKey": "secret"}
    )
    copy = cloudpickle.loads(cloudpickle.dumps(session))

    assert "AKIA1" == copy.credentials().access_key_id
