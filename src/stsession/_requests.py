"""
What is asked of STS: checked values that never change.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal

import attrs

from stsession._limits import (
    CHAINED_DURATION,
    CONTEXT_ASSERTION,
    CONTEXT_PROVIDER,
    EXTERNAL_ID,
    POLICY_ARN,
    POLICY_ARNS,
    PROVIDED_CONTEXTS,
    ROLE_DURATION,
    ROLE_SESSION_NAME,
    SOURCE_IDENTITY,
    TAG_KEY,
    TAG_VALUE,
    TAGS,
    TRANSITIVE_TAG_KEY,
    TRANSITIVE_TAG_KEYS,
    Limit,
    wrong_type,
)
from stsession._role_arns import checked_role_arn
from stsession._session_names import default_role_session_name
from stsession._session_policies import checked_policy
from stsession.exceptions import InvalidRequestError


__all__ = ["AssumeRoleRequest"]


def _only_keys(pairs: tuple[tuple[str, str], ...]) -> str:
    return repr(tuple(key for key, _ in pairs))


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

    role_arn: str
    role_session_name: str
    duration_seconds: int | Literal["max"] | None = None
    external_id: str | None = attrs.field(default=None, repr=False)
    policy: str | None = attrs.field(default=None, repr=False)
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=_only_keys)
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str | None = None
    provided_contexts: tuple[tuple[str, str], ...] = attrs.field(
        default=(), repr=_only_keys
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
        the maximums count.

        Raises:
            InvalidRequestError: If STS would refuse it.
        """
        strict = not custom_endpoint
        if role_session_name is None:
            role_session_name = default_role_session_name()
        return cls(
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
            policy_arns=checked_texts(
                POLICY_ARNS, POLICY_ARN, policy_arns, strict=strict
            ),
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

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Return the parameters of AssumeRole; what isn't given is left out.

        Args:
            duration_seconds:
                What to ask for now: what ``"max"`` means is found by trying.
                `None` leaves it to STS.
        """
        params = {
            "RoleArn": self.role_arn,
            "RoleSessionName": self.role_session_name,
            "DurationSeconds": duration_seconds,
            "ExternalId": self.external_id,
            "Policy": self.policy,
            "PolicyArns": [{"arn": arn} for arn in self.policy_arns],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags],
            "TransitiveTagKeys": list(self.transitive_tag_keys),
            "SourceIdentity": self.source_identity,
            "ProvidedContexts": [
                {"ProviderArn": arn, "ContextAssertion": assertion}
                for arn, assertion in self.provided_contexts
            ],
        }
        return {
            name: value for name, value in params.items() if value not in (None, [])
        }


def checked_duration(
    limit: Limit, value: object, *, strict: bool = True
) -> int | Literal["max"] | None:
    """
    Return whole seconds; ``"max"`` and `None` pass.
    """
    if value is None:
        return None
    if isinstance(value, str) and value == "max":
        return "max"
    if isinstance(value, dt.timedelta):
        value, rest = divmod(value, dt.timedelta(seconds=1))
        if rest:
            raise InvalidRequestError(
                f"{limit.parameter} has a fraction of a second; STS takes whole ones.",
                parameter=limit.parameter,
            )
    return limit.number(value, strict=strict, expected='an int, a timedelta or "max"')


def checked_texts(
    several: Limit, each: Limit, value: object, *, strict: bool = True
) -> tuple[str, ...]:
    """
    Return several texts; those of a set in an order that is always the same.
    """
    if value is None:
        return ()
    name = several.parameter
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        hint = f"Put it into a list: {name}=[...]." if isinstance(value, str) else ""
        raise wrong_type(name, value, "a list or tuple of str", hint=hint)
    several.entries(len(value), strict=strict)
    texts = tuple(
        each.text(text, strict=strict, what=f"{name}[{index}]")
        for index, text in enumerate(value)
    )
    return tuple(sorted(texts)) if isinstance(value, AbstractSet) else texts


def checked_tags(value: object, *, strict: bool = True) -> tuple[tuple[str, str], ...]:
    """
    Return the tags of a mapping, in its order.
    """
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise wrong_type(
            "tags", value, "a mapping of str to str", hint='Write {"Team": "data"}.'
        )
    TAGS.entries(len(value), strict=strict)
    tags: dict[str, tuple[str, str]] = {}
    for number, given in enumerate(value.items(), 1):
        key = TAG_KEY.text(given[0], strict=strict, what=f"key {number} of tags")
        what = f"the value of tags[{key!r}]"
        text = TAG_VALUE.text(given[1], strict=strict, what=what)
        other, _ = tags.setdefault(key.lower() if strict else key, (key, text))
        if other != key:
            raise InvalidRequestError(
                f"tags has the keys {other!r} and {key!r}; "
                "to STS they are the same, whatever their case.",
                parameter="tags",
                hint="Keep one of them.",
            )
    return tuple(tags.values())


def checked_contexts(
    value: object, *, strict: bool = True
) -> tuple[tuple[str, str], ...]:
    """
    Return the assertions of context providers, in the order of the mapping.
    """
    if value is None:
        return ()
    name = PROVIDED_CONTEXTS.parameter
    if not isinstance(value, Mapping):
        raise wrong_type(
            name,
            value,
            "a mapping of str to str",
            hint="Write {ARN of the provider: assertion}.",
        )
    PROVIDED_CONTEXTS.entries(len(value), strict=strict)
    return tuple(
        (
            CONTEXT_PROVIDER.text(arn, strict=strict, what=f"key {number} of {name}"),
            CONTEXT_ASSERTION.text(
                assertion, strict=strict, what=f"assertion {number} of {name}"
            ),
        )
        for number, (arn, assertion) in enumerate(value.items(), 1)
    )


def checked_source_identity(value: object, *, strict: bool = True) -> str:
    """
    Return the source identity if AWS hasn't reserved it for itself.
    """
    # A colon isn't legal anyhow; this says why such a one never will be.
    hint = ""
    if isinstance(value, str) and value.lower().startswith("aws:"):
        hint = "What begins with aws: is reserved for AWS."
    return SOURCE_IDENTITY.text(value, strict=strict, hint=hint)
