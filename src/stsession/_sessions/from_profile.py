"""from_profile(): sessions for profiles, with a refresher for each role."""

from __future__ import annotations

import datetime as dt
import os

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import botocore.session

from .._botocore.sessions import checked_profile_session
from .._core.errors import hides_arguments
from .._sources.find import (
    ROLELESS_METHODS,
    find_source,
    provider_source,
    unsigned_source,
)
from .._sources.profile import (
    First,
    NamedSource,
    ProfileSource,
    RoleStep,
    WebIdentityStep,
    in_profile,
    plan_of,
)
from .._sources.sdk import sdk_refresher
from .._sources.sources import Source
from .._tokens.mfa import CodeLike
from .._tokens.web_identity import WebIdentityTokenSupplier, web_identity_environment
from .chain import ChainBuilder
from .options import Options, SessionOptions, checks_names
from .pickling import Recipe
from .session import RefreshableSession


if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["from_profile"]


@hides_arguments
@checks_names(SessionOptions)
def from_profile(
    name: str | None = None,
    *,
    mfa_code: CodeLike = None,
    mfa_session: bool | int | dt.timedelta | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session for a profile of the AWS config and credentials files.

    Each role of the profile, and of the profiles that it refers to, is refreshed by
    this library. Other credentials (keys, SSO, processes, containers, instances) are
    found and refreshed by botocore. Profiles have the same meaning as for botocore;
    mistakes that botocore ignores raise an error.

    Args:
        name:
            The name of the profile. `None` means the same as for boto3: keys in the
            environment, the profile in ``AWS_PROFILE`` or the default profile, or
            ``AWS_ROLE_ARN`` with ``AWS_WEB_IDENTITY_TOKEN_FILE``.

        mfa_code:
            Where codes for the profile's *mfa_serial* come from: a function that takes
            the serial number, a command as a list of arguments, or one code, which can
            be used once. `None` prompts on the terminal.

        mfa_session:
            How long one MFA code is sufficient for all roles of the same user: seconds
            or a :class:`datetime.timedelta`, up to 36 hours. `None` and `True` mean 12
            hours. `False` sends a code with each AssumeRole request.

        **options:
            Options of the session, of the STS endpoint and of refreshes; see
            :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError:
            If the profile doesn't exist, or its keys contradict each other. The message
            names the profile and the key.

    .. seealso:: `Using an IAM role in the AWS CLI
       <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html>`_
       for the keys of a profile.

    .. versionadded:: 0.1.0
    """
    arguments = {
        "name": name,
        "mfa_code": mfa_code,
        "mfa_session": mfa_session,
        **options,
    }
    checked = Options(**options)
    first, roles = _plan(name, checked_profile_session(name))
    chain = _start(find_source(name), first, roles, checked)
    for role in roles:
        with in_profile(role.profile):
            token = None
            if role.mfa_serial is not None:
                token = chain.add_mfa(role.mfa_serial, mfa_code, mfa_session)
            chain.add(
                "assume_role",
                token,
                role_arn=role.role_arn,
                role_session_name=role.role_session_name,
                external_id=role.external_id,
                duration_seconds=role.duration_seconds,
            )
    return RefreshableSession(chain, Recipe(from_profile, arguments))


def _plan(
    name: str | None, settings: botocore.session.Session
) -> tuple[First, list[RoleStep]]:
    """Return the first credentials of a profile, and its roles."""
    profile = name or settings.profile or "default"
    profiles = settings.full_config.get("profiles", {})
    if name is None:
        if os.environ.get("AWS_ACCESS_KEY_ID"):
            return ProfileSource(profile), []
        section = _with_environment(profiles.get(profile, {}))
        profiles = {**profiles, profile: section}
    return plan_of(profiles, profile)


def _with_environment(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return a profile's section, with the web identity of the environment.

    The environment takes precedence, except over a role without web identity.
    """
    if "role_arn" in profile and "web_identity_token_file" not in profile:
        return profile
    both = {**profile, **web_identity_environment()}
    return both if "web_identity_token_file" in both else profile


def _start(
    profile: Source, first: First, roles: list[RoleStep], options: Options
) -> ChainBuilder:
    """Return a chain that begins with the first credentials of a profile."""
    role_arn = roles[0].role_arn if roles else ""
    if isinstance(first, WebIdentityStep):
        return _start_with_web_identity(unsigned_source(profile), first, options)
    if not roles:
        refresher = sdk_refresher(profile, options.refresh)
        return ChainBuilder(profile, options, refreshers=(refresher,))
    if isinstance(first, NamedSource):
        text = f'the credential_source of profile "{first.profile}"'
        source = provider_source(text, None, frozenset({first.method}), profile)
    else:
        text = f'profile "{first.profile}"'
        source = provider_source(text, first.profile, ROLELESS_METHODS, profile)
    return ChainBuilder(source, options, role_arn=role_arn)


def _start_with_web_identity(
    source: Source, step: WebIdentityStep, options: Options
) -> ChainBuilder:
    with in_profile(step.profile):
        chain = ChainBuilder(source, options, role_arn=step.role_arn)
        chain.add(
            "assume_role_with_web_identity",
            WebIdentityTokenSupplier(step.token_file),
            role_arn=step.role_arn,
            role_session_name=step.role_session_name,
        )
    return chain
