"""
AssumeRole requests as checked values.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, Literal

import attrs

from ..exceptions import InvalidRequestError
from .arns import checked_role_arn
from .checks import (
    check_transitive_tag_keys,
    checked_contexts,
    checked_duration,
    checked_policy,
    checked_policy_arns,
    checked_source_identity,
    checked_tags,
    checked_texts,
    default_role_session_name,
    only_keys,
)
from .limits import (
    CHAINED_DURATION,
    EXTERNAL_ID,
    ROLE_DURATION,
    ROLE_SESSION_NAME,
    TRANSITIVE_TAG_KEY,
    TRANSITIVE_TAG_KEYS,
)


__all__ = ["AssumeRoleRequest", "check_inherited", "params_of"]


def params_of(
    *,
    policy: str | None = None,
    policy_arns: tuple[str, ...] = (),
    tags: tuple[tuple[str, str], ...] = (),
    **others: Any,
) -> dict[str, Any]:
    """
    Return the parameters in STS's shape; what isn't given is left out.

    Args:
        policy: The session policy.

        policy_arns: Managed policies.

        tags: Session tags.

        **others: What goes as it is, by STS's names.
    """
    params = {
        **others,
        "Policy": policy,
        "PolicyArns": [{"arn": arn} for arn in policy_arns],
        "Tags": [{"Key": key, "Value": value} for key, value in tags],
    }
    return {name: value for name, value in params.items() if value not in (None, [])}


@attrs.frozen(kw_only=True)
class AssumeRoleRequest:
    """
    One call of AssumeRole, as a value.

    Two that are equal give the same session from the same source.
    Make it by :meth:`checked`; the initializer checks nothing.

    .. seealso:: `AssumeRole
       <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>`_
       for what the fields mean.
    """

    operation: ClassVar[str] = "assume_role"

    role_arn: str
    role_session_name: str
    duration_seconds: int | Literal["max"] | None = None
    external_id: str | None = attrs.field(default=None, repr=False)
    policy: str | None = attrs.field(default=None, repr=False)
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=only_keys)
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str | None = None
    provided_contexts: tuple[tuple[str, str], ...] = attrs.field(
        default=(), repr=only_keys
    )

    @classmethod
    def checked(
        cls,
        role_arn: str,
        *,
        role_session_name: str | None = None,
        duration_seconds: int | dt.timedelta | Literal["max"] | None = None,
        external_id: str | None = None,
        policy: Mapping[str, Any] | str | None = None,
        policy_arns: Collection[str] | None = None,
        tags: Mapping[str, str] | None = None,
        transitive_tag_keys: Collection[str] | None = None,
        source_identity: str | None = None,
        provided_contexts: Mapping[str, str] | None = None,
        chained: bool = False,
        custom_endpoint: bool = False,
    ) -> AssumeRoleRequest:
        """
        Convert and check the arguments of a user.

        If the source is known to be a role, pass *chained*: AWS allows an
        hour at most then. If the server isn't AWS's, pass *custom_endpoint*:
        the role's ARN only has to look like one then, and of the limits only
        the maximums count. What proves an MFA isn't part of the value.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        if role_session_name is None:
            role_session_name = default_role_session_name()
        request = cls(
            role_arn=checked_role_arn(role_arn, strict=strict),
            role_session_name=ROLE_SESSION_NAME.text(role_session_name, strict=strict),
            duration_seconds=checked_duration(
                CHAINED_DURATION if chained else ROLE_DURATION,
                duration_seconds,
                strict=strict,
            ),
            external_id=None
            if external_id is None
            else EXTERNAL_ID.text(external_id, strict=strict),
            policy=None if policy is None else checked_policy(policy, strict=strict),
            policy_arns=checked_policy_arns(policy_arns, strict=strict),
            tags=checked_tags(tags, strict=strict),
            transitive_tag_keys=checked_texts(
                TRANSITIVE_TAG_KEYS,
                TRANSITIVE_TAG_KEY,
                transitive_tag_keys,
                strict=strict,
            ),
            source_identity=None
            if source_identity is None
            else checked_source_identity(source_identity, strict=strict),
            provided_contexts=checked_contexts(provided_contexts, strict=strict),
        )
        if strict:
            check_transitive_tag_keys(request.transitive_tag_keys, request.tags)
        return request

    @property
    def label(self) -> str:
        """
        What messages call it.
        """
        return self.role_arn

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails; a sentence without its full stop.
        """
        return f'Could not assume {self.role_arn} as "{self.role_session_name}"'

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters of AssumeRole; what isn't given is left out.

        Args:
            duration_seconds:
                What to ask for now: what ``"max"`` means is found by trying.
                `None` leaves it to STS.
        """
        return params_of(
            RoleArn=self.role_arn,
            RoleSessionName=self.role_session_name,
            DurationSeconds=duration_seconds,
            ExternalId=self.external_id,
            policy=self.policy,
            policy_arns=self.policy_arns,
            tags=self.tags,
            TransitiveTagKeys=list(self.transitive_tag_keys),
            SourceIdentity=self.source_identity,
            ProvidedContexts=[
                {"ProviderArn": arn, "ContextAssertion": assertion}
                for arn, assertion in self.provided_contexts
            ],
        )


def check_inherited(request: AssumeRoleRequest, parents: Iterable[object]) -> None:
    """
    Check *request* against what its session inherits in a chain of roles.

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
    roles = [parent for parent in parents if isinstance(parent, AssumeRoleRequest)]
    for parent in roles:
        identity = parent.source_identity
        if identity and request.source_identity not in (None, identity):
            raise InvalidRequestError(
                f"source_identity is {request.source_identity!r}, but the session of "
                f"{parent.role_arn} has {identity!r}.",
                parameter="source_identity",
                hint="It can't be changed in a chain of roles. Leave it out: the "
                "session inherits it.",
            )
        inherited = {key.lower() for key in parent.transitive_tag_keys}
        for key, _ in request.tags:
            if key.lower() in inherited:
                raise InvalidRequestError(
                    f"tags has the key {key!r}, which is a transitive tag of the "
                    f"session of {parent.role_arn}.",
                    parameter="tags",
                    hint="It can't be changed in a chain of roles. Leave it out: the "
                    "session inherits it.",
                )
