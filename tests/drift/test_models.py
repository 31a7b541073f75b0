"""
Our tables compared with the service models of the installed botocore.

AWS's limits, errors and partitions change with botocore's releases, and these tests
with them: the session ``drift`` runs them with the newest.
"""

from __future__ import annotations

import re

from pathlib import Path

import botocore.loaders
import botocore.session
import botocore.validate
import pytest

from hypothesis import given
from hypothesis import strategies as st

from stsession import FailureKind
from stsession._botocore.loader import InstalledModels
from stsession._requests import limits as _limits
from stsession._requests.arns import PARTITIONS
from stsession._requests.limits import ARN_CHARACTERS, DIGITS, Limit
from stsession.exceptions import InvalidRequestError

from ..pages import DOCS, LIMITS
from ..service_model import breaches, input_shape
from ..test_docs_facts import OPERATIONS as FUNCTIONS
from ..test_docs_facts import named_parameters
from ..test_requests import (
    API_NAMES,
    CONTEXT,
    JSON,
    NAME_CHARACTERS,
    NEEDED,
    OPTIONAL,
    POLICY_ARN,
    PROVIDER,
    ROLE,
    SAML,
    SENT,
    WEB,
    make,
)
from ..test_sts_errors import answer, of


SDK = InstalledModels()

# What each fetch brings, and what isn't offered.
NOT_IN_REQUESTS = {
    "MinimumSessionTokenSize",
    "SAMLAssertion",
    "TokenCode",
    "WebIdentityToken",
}

NOT_OFFERED = {"MinimumSessionTokenSize"}
"""What STS takes and the reference says that we don't."""

# Not in the table, and no errors of the operations that return credentials.
OTHER_ERRORS = {
    "ExpiredTradeInTokenException",
    "JWTPayloadSizeExceededException",
    "OutboundWebIdentityFederationDisabledException",
    "SessionDurationEscalationException",
}

NAME = st.text(NAME_CHARACTERS, max_size=66)
TEXT = (
    NAME
    | st.text(max_size=34)
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]))
)
ANY = {
    "duration_seconds": st.none() | st.integers(-1, 130_000),
    "external_id": TEXT,
    "mfa_serial": TEXT,
    "name": TEXT,
    "policy": st.dictionaries(st.text(max_size=9), JSON, max_size=4),
    "policy_arns": st.lists(st.just(POLICY_ARN) | TEXT, max_size=2),
    "principal_arn": st.builds(f"{PROVIDER[:40]}{{}}".format, TEXT),
    "provided_contexts": st.dictionaries(st.just(CONTEXT), TEXT),
    "provider_id": TEXT,
    "role_arn": st.builds(f"{ROLE[:31]}{{}}".format, TEXT),
    "role_session_name": TEXT,
    "source_identity": TEXT,
    "tags": st.dictionaries(TEXT, TEXT, max_size=3),
    "target_principal": TEXT | st.from_regex(r"\A\d{12}\Z"),
    "task_policy_arn": st.builds("arn:aws:iam::aws:policy/root-task/{}".format, TEXT),
    "transitive_tag_keys": st.sets(TEXT, max_size=3),
}


# Limits


@pytest.mark.parametrize(
    ("limit", "path"),
    [(limit, path) for limit in LIMITS for path in limit.paths],
    ids=lambda value: value if isinstance(value, str) else value.parameter,
)
def test_limit(limit, path):
    """Bounds and characters are those of the model, wherever it has some."""
    traits = SDK.traits(path)

    assert traits["type"] in ("string", "integer", "list")
    assert limit.maximum == traits.get("max", limit.maximum)
    assert limit.minimum == traits.get("min", limit.minimum)
    pattern = re.sub(r"[*+]\Z", "", traits.get("pattern", ""))
    if pattern and limit.characters not in ("", ARN_CHARACTERS, DIGITS):
        assert limit.characters == pattern


def test_what_the_models_do_not_have():
    """The models have no maximum for role chaining and the number of policies."""
    unknown = {
        name
        for name, limit in vars(_limits).items()
        if isinstance(limit, Limit)
        and not any("max" in SDK.traits(path) for path in limit.paths)
    }

    assert {"CHAINED_DURATION", "POLICY_ARNS"} == unknown


def test_partitions():
    """We know all of botocore's partitions."""
    assert set() == set(SDK.partitions()) - set(PARTITIONS)


# Requests


@pytest.mark.parametrize("operation", NEEDED)
def test_all_of_it_satisfies_the_service_model(operation):
    """A request with everything lacks only what each fetch brings."""
    params = make(operation, **OPTIONAL[operation]).to_params(duration_seconds=900)

    lacking = {f"{name}?" for name in NOT_IN_REQUESTS}
    assert lacking >= set(breaches(input_shape(API_NAMES[operation]), params))


@pytest.mark.parametrize("operation", NEEDED)
@given(data=st.data())
def test_what_is_accepted_satisfies_the_service_model(operation, data):
    """Whatever passes our checks passes those that AWS publishes, all of them."""
    shape = input_shape(API_NAMES[operation])
    for name in sorted({*NEEDED[operation], *OPTIONAL[operation], "duration_seconds"}):
        kw = {name: data.draw(ANY[name], label=name)}
        if name == "transitive_tag_keys":
            kw["tags"] = dict.fromkeys(kw[name], "")
        try:
            params = make(operation, **kw).to_params(
                duration_seconds=kw.get("duration_seconds")
            )
        except InvalidRequestError:
            continue

        params |= {"WebIdentityToken": "token"} if operation == WEB else {}
        params |= {"SAMLAssertion": "text"} if operation == SAML else {}
        assert [] == breaches(shape, params)
        report = botocore.validate.ParamValidator().validate(params, shape)
        assert not report.has_errors()


# Parameters


@pytest.mark.parametrize("operation", NEEDED)
def test_nothing_that_sts_takes_is_forgotten(operation):
    """All of an operation's parameters are sent, except those of each fetch."""
    known = set(input_shape(API_NAMES[operation]).members)
    # With AssumeRole, the device is sent by the supplier of its codes.
    known -= {"SerialNumber"} - SENT[operation].keys()

    assert known - NOT_IN_REQUESTS == {*SENT[operation], "DurationSeconds"}


@pytest.mark.parametrize("operation", FUNCTIONS)
def test_documented_parameters(operation):
    """Each parameter of an operation stands beside one of ours in the reference."""
    theirs = set(input_shape(operation).members)

    assert theirs - NOT_OFFERED == named_parameters(operation)


def test_what_is_not_offered():
    """The reference names what is left out."""
    page = (DOCS / "reference" / "parameters.md").read_text("utf-8")

    assert all(f"`{name}`" in page for name in NOT_OFFERED)


# Errors


def modeled_errors():
    """Return the codes of the errors in botocore's model of STS."""
    model = botocore.loaders.Loader().load_service_model("sts", "service-2")
    shapes = model["shapes"].values()
    return sorted(shape["error"]["code"] for shape in shapes if shape.get("exception"))


@pytest.mark.parametrize("code", modeled_errors())
def test_error(code):
    """Each error of STS's model has its place in the table of errors."""
    error = of(answer(code))

    assert (code in OTHER_ERRORS) is (error.kind is FailureKind.UNKNOWN)
    assert error.hint


def test_nothing_in_botocore_needs_ordered_dicts():
    """Models may be plain dicts: botocore calls no method of `OrderedDict` alone."""
    texts = [
        path.read_text("utf-8") for path in Path(botocore.__file__).parent.glob("*.py")
    ]

    assert [] == [t for t in texts if "move_to_end(" in t or "popitem(last" in t]
