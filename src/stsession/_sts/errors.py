"""
Translates errors of STS.
"""

from __future__ import annotations

import re

from collections.abc import Collection
from email.utils import parsedate_to_datetime

import attrs

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from .._botocore.errors import Answer, how_to_mend, place_of, presentable, text_of
from .._core.errors import skew_text
from .._util import causes
from ..exceptions import (
    AccessDeniedError,
    ClockError,
    FailureKind,
    MfaError,
    RefreshError,
    SourceCredentialsError,
    StsUnavailableError,
)


__all__ = ["Attempt", "server_time", "translate", "unusable_answer"]


REQUEST, SOURCE = FailureKind.REQUEST, FailureKind.SOURCE
SOURCE_EXPIRED, CLOCK = FailureKind.SOURCE_EXPIRED, FailureKind.CLOCK
THROTTLED, OUTAGE = FailureKind.THROTTLED, FailureKind.OUTAGE
TLS, UNKNOWN = FailureKind.TLS, FailureKind.UNKNOWN

TRUST = (
    "Check that the role exists and that its trust policy allows {who}. If the role is "
    "in another account, {who} also needs permission for sts:AssumeRole on it."
)
CONDITIONS = {
    # Whether external_id was passed, and whether MFA could be shown in addition.
    (False, True): "The trust policy may require an ExternalId (external_id) or MFA "
    "(mfa_serial).",
    (False, False): "The trust policy may require an ExternalId (external_id).",
    (True, True): "The trust policy may require a different ExternalId than "
    "external_id, or MFA (mfa_serial).",
    (True, False): "The trust policy may require a different ExternalId than "
    "external_id.",
}
"""What a trust policy may require, which STS doesn't report."""

ACTIONS = {
    "sts:TagSession": ("Tags", "tags"),
    "sts:SetSourceIdentity": ("SourceIdentity", "source_identity"),
    "sts:SetContext": ("ProvidedContexts", "provided_contexts"),
}
"""Actions that a request needs in addition, by what it contains."""

ALLOW = "Allow {action} in the role's trust policy."
ALLOW_CALLER = (
    "Allow {action} for {who} in the role's trust policy and, if the role is in "
    "another account, in the policies of {who}."
)
ALLOW_USER = "Allow {action} for {who} in the policies of {who}."
FROM_SOURCE = "This request has no {parameter}: the requirement comes from {source}."
FROM_PROVIDER = (
    "This request has no {parameter}: the requirement comes from the token or "
    "assertion."
)

PROVIDER = (
    "Check that the role exists, that its trust policy names the identity provider, "
    "and that its conditions, as on audience and subject, are met."
)
ROOT = (
    "Check that {who} belongs to the organization's management account or to its "
    "delegated administrator for IAM, that {who} is allowed sts:AssumeRoot with this "
    "task policy, that centralized root access is enabled, and that the account is a "
    "member of the organization."
)
USER = (
    "An IAM user needs no permission for this: check that {source} has the keys of "
    "one, and whether a policy denies it, as some do without MFA (mfa_serial)."
)
FEDERATION = (
    "Check that {who} is an IAM user that is allowed sts:GetFederationToken, and "
    "sts:TagSession if tags are passed."
)
FEDERATED = (
    "A federated user may call neither IAM nor STS; as the source, take whoever got "
    "its token."
)
DURATION = (
    'Lower duration_seconds, raise the role\'s maximum session duration, or pass "max".'
)
CHAINED_DURATION = (
    'Leave duration_seconds out, or pass "max": role chaining allows an hour.'
)
SOURCE_DURATION = "Lower duration_seconds, or leave it out."
CONTEXTS = (
    "Check provided_contexts: an assertion may have expired, or be that of another "
    "context provider."
)
POLICIES = "Check policy and policy_arns."
WRONG_PARAMETER = "Check the parameter that it names."
SMALLER = "Shorten policy, policy_arns, or tags; STS packs and counts them together."
ACTIVATE = "Activate STS in that region in the account settings of IAM, or use another \
sts_region."
RENEW = "Renew the credentials of {source}; they are looked up again at each attempt."
FIX_CLOCK = "Set the machine's clock (NTP)."
WRONG_CODE = (
    "Check the serial number of the MFA device, and the clock that makes its codes. "
    "Each code works once; if another process used it, wait for the next one."
)
LONG_LIVED = "Only the keys of an IAM user can do this; take those as the source."
WAIT = "Nothing to do but wait; the session asks again when it is used."
CHECK_NETWORK = (
    "Check the network, the proxy, and the end point; also the region, if it names one."
)
MEND = "Mend the config file."
CHECK_SOURCE = "Check the access key and secret key of {source}."

# What AccessDenied means for operations other than AssumeRole.
DENIED = {
    "AssumeRoleWithSAML": PROVIDER,
    "AssumeRoleWithWebIdentity": PROVIDER,
    "AssumeRoot": ROOT,
    "GetFederationToken": FEDERATION,
    "GetSessionToken": USER,
}

# Codes without "Exception" or "Error" at their end.
CODES: dict[str, tuple[type[RefreshError], FailureKind, str]] = {
    "AccessDenied": (AccessDeniedError, REQUEST, TRUST),
    "MalformedPolicyDocument": (RefreshError, REQUEST, POLICIES),
    "PackedPolicyTooLarge": (RefreshError, REQUEST, SMALLER),
    "RegionDisabled": (RefreshError, REQUEST, ACTIVATE),
    "Validation": (RefreshError, REQUEST, WRONG_PARAMETER),
    "InvalidParameterValue": (RefreshError, REQUEST, WRONG_PARAMETER),
    "IDPRejectedClaim": (AccessDeniedError, REQUEST, PROVIDER),
    "InvalidIdentityToken": (AccessDeniedError, REQUEST, PROVIDER),
    "InsufficientSessionLifetime": (RefreshError, REQUEST, SOURCE_DURATION),
    "InvalidContextAssertion": (RefreshError, REQUEST, CONTEXTS),
    "InvalidAuthorizationMessage": (RefreshError, REQUEST, WRONG_PARAMETER),
    "OptInRequired": (AccessDeniedError, REQUEST, "Activate the account for STS."),
    "MissingAuthenticationToken": (SourceCredentialsError, SOURCE, CHECK_SOURCE),
    "SignatureDoesNotMatch": (SourceCredentialsError, SOURCE, CHECK_SOURCE),
    "ExpiredToken": (SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    "InvalidClientTokenId": (SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    "InvalidSubjectCredentials": (SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    "InvalidToken": (SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    "UnrecognizedClient": (SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    "RequestExpired": (ClockError, CLOCK, FIX_CLOCK),
    "RequestTimeTooSkewed": (ClockError, CLOCK, FIX_CLOCK),
    "Throttling": (StsUnavailableError, THROTTLED, WAIT),
    "RequestLimitExceeded": (StsUnavailableError, THROTTLED, WAIT),
    "TooManyRequests": (StsUnavailableError, THROTTLED, WAIT),
    "SlowDown": (StsUnavailableError, THROTTLED, WAIT),
    "ServiceUnavailable": (StsUnavailableError, OUTAGE, WAIT),
    "InternalFailure": (StsUnavailableError, OUTAGE, WAIT),
    "Internal": (StsUnavailableError, OUTAGE, WAIT),
    "IDPCommunication": (StsUnavailableError, OUTAGE, WAIT),
}

# botocore 1.37 doesn't know of logins.
LOGIN_ERROR = getattr(sdk, "LoginError", sdk.SSOError)

# The first that matches counts.
EXCEPTIONS: list[tuple[type[BaseException], type[RefreshError], FailureKind, str]] = [
    (
        sdk.NoCredentialsError,
        SourceCredentialsError,
        SOURCE,
        "Give it some: aws configure, AWS_PROFILE, or source=.",
    ),
    (sdk.PartialCredentialsError, SourceCredentialsError, SOURCE, CHECK_SOURCE),
    (sdk.SSOError, SourceCredentialsError, SOURCE_EXPIRED, "Run: aws sso login."),
    (LOGIN_ERROR, SourceCredentialsError, SOURCE_EXPIRED, "Run: aws login."),
    (sdk.TokenRetrievalError, SourceCredentialsError, SOURCE_EXPIRED, RENEW),
    (sdk.CredentialRetrievalError, SourceCredentialsError, UNKNOWN, RENEW),
    (sdk.NoRegionError, RefreshError, REQUEST, "Pass region= or sts_region=."),
    (sdk.ParamValidationError, RefreshError, REQUEST, WRONG_PARAMETER),
    (sdk.ProfileNotFound, SourceCredentialsError, SOURCE, "Check the profile's name."),
    (
        sdk.SSLError,
        StsUnavailableError,
        TLS,
        "The certificate wasn't accepted: check the CA bundle (AWS_CA_BUNDLE) and "
        "whatever inspects the traffic.",
    ),
    (sdk.ConnectionError, StsUnavailableError, OUTAGE, CHECK_NETWORK),
    (sdk.HTTPClientError, StsUnavailableError, OUTAGE, CHECK_NETWORK),
    (ResponseParserError, StsUnavailableError, OUTAGE, WAIT),
    (OSError, StsUnavailableError, OUTAGE, "Check the network."),
    (sdk.InvalidConfigError, SourceCredentialsError, SOURCE, MEND),
    (sdk.ConfigParseError, SourceCredentialsError, SOURCE, MEND),
    (sdk.MissingDependencyException, SourceCredentialsError, SOURCE, "Install it."),
    (sdk.MetadataRetrievalError, SourceCredentialsError, UNKNOWN, RENEW),
]


def server_time(headers: dict[str, str]) -> float | None:
    """
    The ``Date`` of an answer in seconds since 1970. `None` if it has none.
    """
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return date.timestamp() if date.tzinfo else None


@attrs.frozen(kw_only=True)
class Attempt:
    """
    A request to STS, as far as errors and their hints describe it.

    Args:
        what: What was tried, as the beginning of a sentence.

        hop: The ARN of the role, or the name of the source.

        source: The source, which signed the request.

        sent: The names of the parameters.

        without_mfa: Whether MFA has not been shown, but could be.
    """

    what: str
    hop: str
    source: str
    sent: Collection[str] = ()
    without_mfa: bool = True


def translate(error: Exception, attempt: Attempt, *, wall: float) -> RefreshError:
    """
    Make an error of ours of what the SDK raised.

    Args:
        error: It. A copy of it becomes the cause.

        attempt: The request.

        wall: What the local clock says.
    """
    ours = None
    for link in causes(error):
        if isinstance(link, RefreshError):
            return link
        if isinstance(link, sdk.ClientError):
            ours = _of_answer(Answer.of(link), attempt, wall)
        else:
            ours = _of_exception(link, attempt)
        if ours is not None:
            break
    if ours is None:
        ours = RefreshError(
            f"{attempt.what}. {type(error).__name__} was raised{place_of(error)}.",
            hop=attempt.hop,
            hint="See the cause of this error for details.",
        )
    ours.__cause__ = presentable(error)
    return ours


def _of_exception(error: BaseException, attempt: Attempt) -> RefreshError | None:
    for theirs, ours, kind, hint in EXCEPTIONS:
        if isinstance(error, theirs):
            if isinstance(error, sdk.ConfigParseError):
                hint = how_to_mend(error)  # it knows the line
            return ours(
                f"{attempt.what}. {type(error).__name__}: {text_of(error)}.",
                kind=kind,
                hop=attempt.hop,
                hint=hint.format(source=attempt.source, who=attempt.source),
            )
    return None


def _of_answer(answer: Answer, attempt: Attempt, wall: float) -> RefreshError:
    cls, kind, hint = _classify(answer)
    if hint in (TRUST, PROVIDER, FEDERATION):
        hint = _missing_permission(answer, hint, attempt)
    skew = ""
    if kind is CLOCK:
        at = server_time(answer.headers)
        skew = "" if at is None else " " + skew_text(at, wall)
    # Where there is no XML, botocore takes the status for a code.
    named = answer.code if not answer.code.isdecimal() else ""
    code = named or f"HTTP {answer.status}"
    said = f": {answer.message.rstrip('.')}" if answer.message else ""
    return cls(
        f"{attempt.what}. STS returned {code}{said}.{skew}".rstrip(),
        kind=kind,
        code=named or None,
        http_status=answer.status,
        hop=attempt.hop,
        retry_after=answer.retry_after,
        hint=hint.format(source=attempt.source, who=_caller(answer, attempt)),
    )


def _missing_permission(answer: Answer, hint: str, attempt: Attempt) -> str:
    """
    The hint for a denied request: *hint*, or one about the action that STS names.
    """
    action = _action(answer.message)
    if action not in ACTIONS:
        passed = "ExternalId" in attempt.sent, attempt.without_mfa
        return f"{hint} {CONDITIONS[passed]}" if hint == TRUST else hint
    name, parameter = ACTIONS[action]
    allow = {TRUST: ALLOW_CALLER, PROVIDER: ALLOW, FEDERATION: ALLOW_USER}[hint]
    if name not in attempt.sent:
        origin = FROM_PROVIDER if hint == PROVIDER else FROM_SOURCE
        allow = f"{allow} {origin}"
    return allow.format(
        action=action, parameter=parameter, who="{who}", source="{source}"
    )


def _caller(answer: Answer, attempt: Attempt) -> str:
    return _principal(answer.message) or f"the user or role behind {attempt.source}"


def _classify(answer: Answer) -> tuple[type[RefreshError], FailureKind, str]:
    code = re.sub("(Error)?(Exception)?$", "", answer.code)
    text = answer.message.lower()
    if code == "SignatureDoesNotMatch" and (
        "expired" in text or "not yet current" in text
    ):
        return CODES["RequestTimeTooSkewed"]
    if code == "AccessDenied" and ("multifactor" in text or "one time pass" in text):
        return MfaError, FailureKind.MFA, WRONG_CODE
    if code == "AccessDenied" and "session credentials" in text:
        return SourceCredentialsError, SOURCE, LONG_LIVED
    if code == "AccessDenied" and ":federated-user/" in (
        _principal(answer.message) or ""
    ):
        return SourceCredentialsError, SOURCE, FEDERATED
    if code == "AccessDenied" and answer.operation in DENIED:
        return AccessDeniedError, REQUEST, DENIED[answer.operation]
    if code == "Validation" and "durationseconds exceeds" in text:
        hint = CHAINED_DURATION if "chaining" in text else DURATION
        return RefreshError, REQUEST, hint
    if code in CODES:
        return CODES[code]
    status = answer.status or 0
    if status == 429:
        return CODES["Throttling"]
    # 200 is an error in disguise: a page of a proxy, or half a document.
    if status >= 500 or status < 300:
        return CODES["ServiceUnavailable"]
    return RefreshError, UNKNOWN, "It may pass; the session asks again when it is used."


def _principal(message: str) -> str | None:
    """
    Whom STS takes the caller for, if it says so.
    """
    found = re.search(r"User: (arn:\S+) is not authorized", message)
    return found[1] if found else None


def _action(message: str) -> str | None:
    """
    The action that STS says isn't allowed, if it says so.
    """
    found = re.search(r"not authorized to perform:? (sts:\w+)", message, re.IGNORECASE)
    return found[1] if found else None


def unusable_answer(what: str, why: str, hop: str) -> StsUnavailableError:
    """
    STS returned with something that isn't credentials.
    """
    return StsUnavailableError(
        f"{what}. The answer {why}.",
        hop=hop,
        hint="Check that the end point is an STS; the session asks again when it is "
        "used.",
    )
