"""STS requests with checked arguments: one class, and a table of the six operations."""

from __future__ import annotations

import datetime as dt

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import attrs

from ..exceptions import InvalidRequestError
from . import limits
from .arns import (
    account_of,
    checked_principal_arn,
    checked_role_arn,
    checked_target_principal,
    checked_task_policy_arn,
)
from .checks import (
    check_transitive_tag_keys,
    checked_contexts,
    checked_duration,
    checked_policy,
    checked_seconds,
    checked_serial_number,
    checked_source_identity,
    checked_tags,
    checked_texts,
    default_role_session_name,
)


__all__ = ["OPERATIONS", "Operation", "Parameter", "StsRequest", "check_inherited"]


class Parameter(NamedTuple):
    """
    A parameter of an STS operation.

    Args:
        sts_name: The name of the parameter in STS's API.

        check:
            Converts and checks a user's argument. Takes *strict*, which is
            false for servers other than AWS's.

        encode: Converts the checked value to the shape that botocore sends.

        show: Returns the value for a `repr`. Secrets are replaced.

        default: Returns the value if none is passed. `None` leaves the parameter out.

        required: Whether the parameter has to be passed.
    """

    sts_name: str
    check: Callable[..., Any]
    encode: Callable[[Any], Any] = lambda value: value
    show: Callable[[Any], str] = repr
    default: Callable[[], Any] | None = None
    required: bool = False


class Operation(NamedTuple):
    """
    An STS operation that returns credentials.

    Args:
        parameters: The parameters by the names that the public functions use.

        action:
            Returns the beginning of the error message if the request fails, as a
            sentence without its period.

        name: Returns the name of a request for messages, from its arguments.

        duration: The limit of ``DurationSeconds``.

        chained_duration: The limit in role chaining, if it is lower.

        default_seconds: The duration that STS applies if none is sent.

        has_max: Whether the duration can be ``"max"``.
    """

    parameters: Mapping[str, Parameter]
    action: Callable[[Mapping[str, Any]], str]
    name: Callable[[Mapping[str, Any]], str] = lambda a: str(a["role_arn"])
    duration: limits.Limit = limits.ROLE_DURATION
    chained_duration: limits.Limit | None = None
    default_seconds: int = 3_600
    has_max: bool = False


def _hidden(value: object) -> str:
    return "***"


def _only_keys(pairs: Iterable[tuple[str, str]]) -> str:
    return repr(tuple(key for key, _ in pairs))


def _policies(page: str) -> dict[str, Parameter]:
    return {
        "policy": Parameter("Policy", partial(checked_policy, page=page), show=_hidden),
        "policy_arns": Parameter(
            "PolicyArns",
            partial(
                checked_texts,
                limits.POLICY_ARNS._replace(source=page),
                limits.POLICY_ARN._replace(source=page),
            ),
            encode=lambda arns: [{"arn": arn} for arn in arns],
        ),
    }


_ROLE_ARN = Parameter("RoleArn", checked_role_arn, required=True)
_ROLE_SESSION_NAME = Parameter(
    "RoleSessionName", limits.ROLE_SESSION_NAME.text, default=default_role_session_name
)
_TAGS = Parameter(
    "Tags",
    checked_tags,
    encode=lambda tags: [{"Key": key, "Value": value} for key, value in tags],
    show=_only_keys,
)

OPERATIONS = {
    "assume_role": Operation(
        {
            "role_arn": _ROLE_ARN,
            "role_session_name": _ROLE_SESSION_NAME,
            "external_id": Parameter(
                "ExternalId", limits.EXTERNAL_ID.text, show=_hidden
            ),
            **_policies(limits.POLICY.source),
            "tags": _TAGS,
            "transitive_tag_keys": Parameter(
                "TransitiveTagKeys",
                partial(
                    checked_texts, limits.TRANSITIVE_TAG_KEYS, limits.TRANSITIVE_TAG_KEY
                ),
                encode=list,
            ),
            "source_identity": Parameter("SourceIdentity", checked_source_identity),
            "provided_contexts": Parameter(
                "ProvidedContexts",
                checked_contexts,
                encode=lambda pairs: [
                    {"ProviderArn": arn, "ContextAssertion": assertion}
                    for arn, assertion in pairs
                ],
                show=_only_keys,
            ),
        },
        chained_duration=limits.CHAINED_DURATION,
        has_max=True,
        action=lambda a: (
            f'Could not assume {a["role_arn"]} as "{a["role_session_name"]}"'
        ),
    ),
    "assume_role_with_web_identity": Operation(
        {
            "role_arn": _ROLE_ARN,
            "role_session_name": _ROLE_SESSION_NAME,
            "provider_id": Parameter("ProviderId", limits.PROVIDER_ID.text),
            **_policies(limits.WEB_IDENTITY_TOKEN.source),
        },
        has_max=True,
        action=lambda a: (
            f'Could not assume {a["role_arn"]} as "{a["role_session_name"]}" '
            "with a web identity"
        ),
    ),
    "assume_role_with_saml": Operation(
        {
            "role_arn": _ROLE_ARN,
            "principal_arn": Parameter(
                "PrincipalArn", checked_principal_arn, required=True
            ),
            **_policies(limits.ASSERTION.source),
        },
        has_max=True,
        action=lambda a: f"Could not assume {a['role_arn']} with a SAML assertion",
    ),
    "get_session_token": Operation(
        {"mfa_serial": Parameter("SerialNumber", checked_serial_number)},
        duration=limits.TOKEN_DURATION,
        default_seconds=43_200,
        name=lambda a: f"the session token of {a.get('mfa_serial', 'the source')}",
        action=lambda a: (
            f"Could not get a session token with {a['mfa_serial']}"
            if "mfa_serial" in a
            else "Could not get a session token"
        ),
    ),
    "get_federation_token": Operation(
        {
            "name": Parameter("Name", limits.FEDERATED_USER.text, required=True),
            **_policies(limits.FEDERATED_USER.source),
            "tags": _TAGS,
        },
        duration=limits.FEDERATED_DURATION,
        default_seconds=43_200,
        name=lambda a: f'the federated user "{a["name"]}"',
        action=lambda a: f'Could not get a token for the federated user "{a["name"]}"',
    ),
    "assume_root": Operation(
        {
            "target_principal": Parameter(
                "TargetPrincipal", checked_target_principal, required=True
            ),
            "task_policy_arn": Parameter(
                "TaskPolicyArn",
                checked_task_policy_arn,
                encode=lambda arn: {"arn": arn},
                required=True,
            ),
        },
        duration=limits.ROOT_DURATION,
        default_seconds=limits.ROOT_DURATION.maximum,
        name=lambda a: f"root of {_account_or(a['target_principal'])}",
        action=lambda a: (
            f"Could not assume root of {_account_or(a['target_principal'])}"
        ),
    ),
}
"""The operations by the names of botocore's client methods."""


def _account_or(principal: str) -> str:
    return account_of(principal) or principal


@attrs.frozen(repr=False)
class StsRequest:
    """
    A request to one of STS's operations, without its MFA code or token.

    Equal requests return equivalent credentials if the same source signs them.
    Make one by :meth:`checked`; the initializer checks nothing.

    Args:
        operation: The name of botocore's client method, a key of `OPERATIONS`.

        arguments:
            The checked arguments by the names of the public functions. Those that were
            not passed are left out.

        duration_seconds:
            The duration in seconds, or ``"max"`` for the longest that the role allows.
            `None` means STS's default.
    """

    operation: str
    arguments: tuple[tuple[str, Any], ...]
    duration_seconds: int | Literal["max"] | None = None

    @classmethod
    def checked(
        cls,
        operation: str,
        /,
        *,
        duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
        chained: bool = False,
        custom_endpoint: bool = False,
        **arguments: Any,
    ) -> StsRequest:
        """
        Convert and check a user's arguments.

        Args:
            operation: A key of `OPERATIONS`.

            duration_seconds: The duration that is requested.

            chained:
                Whether the source is known to be a role: AWS then allows an
                hour at most.

            custom_endpoint:
                Whether the server isn't AWS's. Then only the format of ARNs is checked,
                and only the maximums of the limits apply.

            **arguments:
                The arguments by the names of the public functions, see `OPERATIONS`. An
                argument that is `None` is left out.

        Raises:
            InvalidRequestError: If STS would reject the request.

            TypeError: If the operation has no such parameter.
        """
        spec, strict = OPERATIONS[operation], not custom_endpoint
        checked: dict[str, Any] = {}
        for name, parameter in spec.parameters.items():
            value = arguments.pop(name, None)
            if value is None and parameter.default is not None:
                value = parameter.default()
            if value is not None or parameter.required:
                checked[name] = parameter.check(value, strict=strict)
        if arguments:
            msg = f"{operation} has no parameter {next(iter(arguments))!r}"
            raise TypeError(msg)
        check = checked_duration if spec.has_max else checked_seconds
        limit = (chained and spec.chained_duration) or spec.duration
        seconds = check(limit, duration_seconds, strict=strict)
        if strict:
            check_transitive_tag_keys(
                checked.get("transitive_tag_keys", ()), checked.get("tags", ())
            )
        given = ((name, value) for name, value in checked.items() if value != ())
        return cls(operation, tuple(given), seconds)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a checked argument, or *default* if it wasn't passed."""
        return dict(self.arguments).get(name, default)

    @property
    def name(self) -> str:
        """The name of the request for messages: for a role, its ARN."""
        return OPERATIONS[self.operation].name(dict(self.arguments))

    @property
    def action(self) -> str:
        """
        The beginning of the error message if the request fails, without its period.
        """
        return OPERATIONS[self.operation].action(dict(self.arguments))

    @property
    def account_id(self) -> str | None:
        """The account of the role or of the root user. `None` if it isn't known."""
        principal = self.get("role_arn") or self.get("target_principal", "")
        return principal if principal.isdecimal() else account_of(principal)

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters for botocore's client method.

        Args:
            duration_seconds:
                The duration to request, because ``"max"`` is found by trying. `None`
                means STS's default.
        """
        parameters = OPERATIONS[self.operation].parameters
        params = {
            parameters[name].sts_name: parameters[name].encode(value)
            for name, value in self.arguments
        }
        if duration_seconds is not None:
            params["DurationSeconds"] = duration_seconds
        return params

    def __repr__(self) -> str:
        parameters = OPERATIONS[self.operation].parameters
        shown = [f"{name}={parameters[name].show(v)}" for name, v in self.arguments]
        if self.duration_seconds is not None:
            shown.append(f"duration_seconds={self.duration_seconds!r}")
        return f"{type(self).__name__}({', '.join([repr(self.operation), *shown])})"


def check_inherited(request: StsRequest, parents: Iterable[StsRequest]) -> None:
    """
    Check *request* against the tags and source identity of earlier roles in a chain.

    A source identity can't be changed once it is set, and a transitive tag can't be
    passed again.

    Args:
        request: The request.

        parents: The requests for the sessions before it, from the first to the last.

    Raises:
        InvalidRequestError: If STS would reject it.

    .. seealso:: `Chaining roles with session tags
       <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining>`_
    """
    hint = (
        "It can't be changed in a chain of roles. Leave it out: the session inherits "
        "it."
    )
    for parent in parents:
        if parent.operation != "assume_role":
            continue
        identity = parent.get("source_identity")
        if identity and request.get("source_identity") not in (None, identity):
            raise InvalidRequestError(
                f"source_identity is {request.get('source_identity')!r}, but the "
                f"session of {parent.name} has {identity!r}.",
                parameter="source_identity",
                hint=hint,
            )
        inherited = {key.lower() for key in parent.get("transitive_tag_keys", ())}
        for key, _ in request.get("tags", ()):
            if key.lower() in inherited:
                raise InvalidRequestError(
                    f"tags has the key {key!r}, which is a transitive tag of the "
                    f"session of {parent.name}.",
                    parameter="tags",
                    hint=hint,
                )
