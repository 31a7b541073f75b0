"""Translates errors of STS and of the SDK into errors of this library, with hints."""

from __future__ import annotations

import re

from collections.abc import Collection
from email.utils import parsedate_to_datetime

import attrs

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from .._botocore.errors import (
    ErrorResponse,
    config_error_hint,
    place_of,
    presentable,
    text_of,
)
from .._core.errors import skew_text
from .._tokens.base import CODE_WORKS_ONCE
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


__all__ = ["Attempt", "server_time", "translate", "unusable_response"]


# Hints that `_hint` completes, depending on the request and on the message.
TRUST = (
    "Check that the role exists and that its trust policy allows {caller}. If the role "
    "is in another account, {caller} also needs permission for sts:AssumeRole on it."
)
PROVIDER = (
    "Check that the role exists, that its trust policy names the identity provider, "
    "and that the conditions of the policy, for example on audience and subject, are "
    "met."
)
USER = "Check that {source} has the access key of an IAM user."
FEDERATION = (
    "Check that {caller} is an IAM user with permission for sts:GetFederationToken."
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
"""Additional actions that a request needs, by the parameters that it contains."""

ALLOW = {
    TRUST: "Allow {action} for {caller} in the role's trust policy and, if the role is "
    "in another account, in the policies of {caller}.",
    PROVIDER: "Allow {action} in the role's trust policy.",
    FEDERATION: "Allow {action} for {caller} in the policies of {caller}.",
}
"""Hints about a missing permission for one of the `ACTIONS`, by the general hint."""

FROM_ORIGIN = "This request has no {parameter}: the requirement comes from {origin}."

# Hints that several rules have.
CHECK_SOURCE = "Check the access key and secret key of {source}."
RENEW = "Renew the credentials of {source}; they are looked up again at each attempt."
LOG_IN = "Run: aws sso login."
FIX_CLOCK = "Set the machine's clock (NTP)."
FIX_CONFIG = "Fix the AWS config file."
FIX_PARAMETER = "Fix the parameter named in the message."
RETRIES = "The session retries automatically when it is next used."
CHECK_NETWORK = (
    "Check network access, proxy settings, the endpoint URL, and the region in it."
)


@attrs.frozen
class _Rule:
    """
    How an error of STS, or an exception of the SDK, is translated.

    Args:
        errors: Error codes of STS without "Exception" or "Error" at their end,
            separated by spaces, or a class of exceptions.

        error: The class of the error that is raised.

        hint: The hint of that error, with placeholders for the source and the caller.

        kind: The kind of that error. `None` means the default of its class.

        message: A pattern that the lower-case message of STS has to contain.

        operations: The operations of STS that the rule is limited to.
    """

    errors: str | type[BaseException]
    error: type[RefreshError]
    hint: str
    kind: FailureKind | None = None
    message: str = ""
    operations: tuple[str, ...] = ()


REQUEST = FailureKind.REQUEST
SOURCE_EXPIRED = FailureKind.SOURCE_EXPIRED
UNKNOWN = FailureKind.UNKNOWN

# The first rule that matches applies.
RULES = [
    _Rule(
        "AccessDenied",
        MfaError,
        "Check the MFA device's serial number (ARN) and that its clock is correct. "
        f"{CODE_WORKS_ONCE}",
        message="multifactor|one time pass",
    ),
    _Rule(
        "AccessDenied",
        SourceCredentialsError,
        "GetSessionToken and GetFederationToken require an IAM user's long-term access "
        "key. Use one as source=.",
        message="session credentials",
    ),
    _Rule(
        "AccessDenied",
        SourceCredentialsError,
        "A federated user cannot call IAM or STS. Use the IAM user that called "
        "GetFederationToken as source=.",
        message=r"user: arn:\S+:federated-user/\S+ is not authorized",
    ),
    _Rule(
        "AccessDenied",
        AccessDeniedError,
        PROVIDER,
        operations=("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"),
    ),
    _Rule(
        "AccessDenied",
        AccessDeniedError,
        "Check that {caller} belongs to the organization's management account or to "
        "its delegated administrator for IAM, that {caller} has permission for "
        "sts:AssumeRoot with this task policy, that centralized root access is "
        "enabled, and that the account is a member of the organization.",
        operations=("AssumeRoot",),
    ),
    _Rule(
        "AccessDenied",
        AccessDeniedError,
        FEDERATION,
        operations=("GetFederationToken",),
    ),
    _Rule("AccessDenied", AccessDeniedError, USER, operations=("GetSessionToken",)),
    _Rule("AccessDenied", AccessDeniedError, TRUST),
    _Rule("OptInRequired", AccessDeniedError, "Activate the account for STS."),
    _Rule("IDPRejectedClaim InvalidIdentityToken", AccessDeniedError, PROVIDER),
    _Rule(
        "Validation",
        RefreshError,
        'Leave duration_seconds out, or pass "max": role chaining allows an hour.',
        REQUEST,
        message="durationseconds exceeds.*chaining",
    ),
    _Rule(
        "Validation",
        RefreshError,
        "Lower duration_seconds, raise the role's maximum session duration, or pass "
        '"max".',
        REQUEST,
        message="durationseconds exceeds",
    ),
    _Rule(
        "Validation InvalidParameterValue InvalidAuthorizationMessage",
        RefreshError,
        FIX_PARAMETER,
        REQUEST,
    ),
    _Rule(
        "MalformedPolicyDocument",
        RefreshError,
        "Check policy and policy_arns.",
        REQUEST,
    ),
    _Rule(
        "PackedPolicyTooLarge",
        RefreshError,
        "Shorten policy, policy_arns, or tags; STS packs and counts them together.",
        REQUEST,
    ),
    _Rule(
        "RegionDisabled",
        RefreshError,
        "Activate STS in that region in the account settings of IAM, or use another "
        "sts_region.",
        REQUEST,
    ),
    _Rule(
        "InsufficientSessionLifetime",
        RefreshError,
        "Lower duration_seconds, or leave it out.",
        REQUEST,
    ),
    _Rule(
        "InvalidContextAssertion",
        RefreshError,
        "Check provided_contexts: an assertion may have expired, or be that of another "
        "context provider.",
        REQUEST,
    ),
    _Rule(
        "SignatureDoesNotMatch",
        ClockError,
        FIX_CLOCK,
        message="expired|not yet current",
    ),
    _Rule("RequestExpired RequestTimeTooSkewed", ClockError, FIX_CLOCK),
    _Rule(
        "SignatureDoesNotMatch MissingAuthenticationToken",
        SourceCredentialsError,
        CHECK_SOURCE,
    ),
    _Rule(
        "ExpiredToken InvalidClientTokenId InvalidSubjectCredentials InvalidToken "
        "UnrecognizedClient",
        SourceCredentialsError,
        RENEW,
        SOURCE_EXPIRED,
    ),
    THROTTLING := _Rule(
        "Throttling RequestLimitExceeded TooManyRequests SlowDown",
        StsUnavailableError,
        RETRIES,
        FailureKind.THROTTLED,
    ),
    UNAVAILABLE := _Rule(
        "ServiceUnavailable InternalFailure Internal IDPCommunication",
        StsUnavailableError,
        RETRIES,
    ),
    _Rule(
        sdk.NoCredentialsError,
        SourceCredentialsError,
        "Configure credentials (aws configure), set AWS_PROFILE, or pass source=.",
    ),
    _Rule(sdk.PartialCredentialsError, SourceCredentialsError, CHECK_SOURCE),
    _Rule(sdk.SSOError, SourceCredentialsError, LOG_IN, SOURCE_EXPIRED),
    _Rule(
        getattr(sdk, "LoginError", sdk.SSOError),  # botocore 1.37 has no such class
        SourceCredentialsError,
        "Run: aws login.",
        SOURCE_EXPIRED,
    ),
    _Rule(sdk.TokenRetrievalError, SourceCredentialsError, LOG_IN, SOURCE_EXPIRED),
    _Rule(sdk.CredentialRetrievalError, SourceCredentialsError, RENEW, UNKNOWN),
    _Rule(sdk.NoRegionError, RefreshError, "Pass region= or sts_region=.", REQUEST),
    _Rule(sdk.ParamValidationError, RefreshError, FIX_PARAMETER, REQUEST),
    _Rule(sdk.ProfileNotFound, SourceCredentialsError, "Check the profile's name."),
    _Rule(
        sdk.SSLError,
        StsUnavailableError,
        "The server's certificate was not accepted: check the CA bundle "
        "(AWS_CA_BUNDLE), and proxies that inspect TLS traffic.",
        FailureKind.TLS,
    ),
    _Rule(sdk.ConnectionError, StsUnavailableError, CHECK_NETWORK),
    _Rule(sdk.HTTPClientError, StsUnavailableError, CHECK_NETWORK),
    _Rule(ResponseParserError, StsUnavailableError, RETRIES),
    _Rule(OSError, StsUnavailableError, "Check the network."),
    _Rule(sdk.InvalidConfigError, SourceCredentialsError, FIX_CONFIG),
    _Rule(sdk.ConfigParseError, SourceCredentialsError, FIX_CONFIG),
    _Rule(
        sdk.MissingDependencyException, SourceCredentialsError, "Install the package."
    ),
    _Rule(sdk.MetadataRetrievalError, SourceCredentialsError, RENEW, UNKNOWN),
]

OTHER = _Rule(
    "",
    RefreshError,
    "The error may be temporary; the session retries when it is next used.",
)


def server_time(headers: dict[str, str]) -> float | None:
    """
    Return the ``Date`` of a response in seconds since 1970. `None` if it has none.
    """
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return date.timestamp() if date.tzinfo else None


@attrs.frozen(kw_only=True)
class Attempt:
    """
    The details of a request to STS that errors and their hints mention.

    Args:
        what: What was tried, as the beginning of a sentence.

        hop: The ARN of the role, or the name of the source.

        source: The source, which signed the request.

        sent: The names of the parameters.

        without_mfa: Whether the request has no MFA code but could have one.
    """

    what: str
    hop: str
    source: str
    sent: Collection[str] = ()
    without_mfa: bool = True


def translate(error: Exception, attempt: Attempt, *, wall: float) -> RefreshError:
    """
    Return this library's error for an exception of the SDK.

    Args:
        error: The exception. A copy of it becomes the cause.

        attempt: The request.

        wall: The local time, in seconds since 1970.
    """
    ours = None
    for link in causes(error):
        if isinstance(link, RefreshError):
            return link
        if isinstance(link, sdk.ClientError):
            ours = _of_response(ErrorResponse.of(link), attempt, wall)
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
    for rule in RULES:
        if isinstance(rule.errors, type) and isinstance(error, rule.errors):
            hint = rule.hint
            if isinstance(error, sdk.ConfigParseError):
                hint = config_error_hint(error)  # it contains the line
            return rule.error(
                f"{attempt.what}. {type(error).__name__}: {text_of(error)}.",
                kind=rule.kind,
                hop=attempt.hop,
                hint=hint.format(source=attempt.source),
            )
    return None


def _of_response(
    response: ErrorResponse, attempt: Attempt, wall: float
) -> RefreshError:
    rule = _rule_for(response)
    skew = ""
    if rule.error is ClockError:
        at = server_time(response.headers)
        skew = "" if at is None else " " + skew_text(at, wall)
    # If the body isn't XML, botocore uses the status as the code.
    named = response.code if not response.code.isdecimal() else ""
    code = named or f"HTTP {response.status}"
    message = f": {response.message.rstrip('.')}" if response.message else ""
    return rule.error(
        f"{attempt.what}. STS returned {code}{message}.{skew}".rstrip(),
        kind=rule.kind,
        code=named or None,
        http_status=response.status,
        hop=attempt.hop,
        retry_after=response.retry_after,
        hint=_hint(rule.hint, response, attempt),
    )


def _rule_for(response: ErrorResponse) -> _Rule:
    code = re.sub("(Error)?(Exception)?$", "", response.code)
    message = response.message.lower()
    for rule in RULES:
        if (
            isinstance(rule.errors, str)
            and code in rule.errors.split()
            and (not rule.operations or response.operation in rule.operations)
            and re.search(rule.message, message)
        ):
            return rule
    status = response.status or 0
    if status == 429:
        return THROTTLING
    # With status 200, the body is a page of a proxy, or an incomplete document.
    return UNAVAILABLE if status >= 500 or status < 300 else OTHER


def _hint(hint: str, response: ErrorResponse, attempt: Attempt) -> str:
    action = _first_group(
        r"not authorized to perform:? (sts:\w+)", response.message, re.IGNORECASE
    )
    name, parameter = ACTIONS.get(action or "", ("", ""))
    origin = "the token or assertion" if hint == PROVIDER else attempt.source
    more = ""
    if name and hint in ALLOW:
        hint = ALLOW[hint]
        if name not in attempt.sent:
            more = FROM_ORIGIN
    elif hint == TRUST:
        more = CONDITIONS["ExternalId" in attempt.sent, attempt.without_mfa]
    elif hint == FEDERATION and "Tags" in attempt.sent:
        more = "Tags also need permission for sts:TagSession."
    elif hint == USER and attempt.without_mfa:
        more = (
            "No permission is necessary for this, but a policy may deny it without "
            "MFA (mfa_serial)."
        )
    caller = _first_group(r"User: (arn:\S+) is not authorized", response.message)
    return f"{hint} {more}".rstrip().format(
        action=action,
        parameter=parameter,
        origin=origin,
        source=attempt.source,
        caller=caller or f"the user or role behind {attempt.source}",
    )


def _first_group(pattern: str, text: str, flags: int = 0) -> str | None:
    found = re.search(pattern, text, flags)
    return found[1] if found else None


def unusable_response(what: str, why: str, hop: str) -> StsUnavailableError:
    """
    Return the error for a response without usable credentials.

    Args:
        what: What was tried, as the beginning of a sentence.

        why: What is wrong, as the end of a sentence.

        hop: The ARN of the role, or the name of the source.
    """
    return StsUnavailableError(
        f"{what}. The response {why}.",
        hop=hop,
        hint="Check that the endpoint is one of STS; the session retries when it is "
        "next used.",
    )
