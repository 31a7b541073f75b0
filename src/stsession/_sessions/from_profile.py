"""
Sessions from what a profile says.
"""

from __future__ import annotations

import datetime as dt
import os

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import botocore.session

from .._botocore.sessions import checked_profile_session
from .._core.errors import hides_arguments
from .._core.refresher import Refresher
from .._requests.models import StsRequest
from .._sources.find import (
    ROLELESS_METHODS,
    find_source,
    provider_source,
    role_source,
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
from .._sts.endpoint import StsEndpoint, has_custom_endpoint
from .._tokens.mfa import CodeLike
from .._tokens.suppliers import (
    NoProof,
    TokenSupplier,
    WebIdentityTokenSupplier,
    web_identity_environment,
)
from .chain import Hop
from .mfa_session import Mfa
from .options import Options, SessionOptions, checks_names
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

    Each role that it leads to is kept fresh by itself. What is no role (keys,
    SSO, a process, a container, an instance) is found and refreshed by
    botocore. The rules are botocore's; where it ignores a mistake, this raises.

    Args:
        name:
            The profile. `None` means what boto3 would take: keys in the
            environment, the profile that ``AWS_PROFILE`` names or the default
            one, or ``AWS_ROLE_ARN`` with ``AWS_WEB_IDENTITY_TOKEN_FILE``.

        mfa_code:
            Where codes for the profile's *mfa_serial* come from, see
            :func:`stsession.assume`.

        mfa_session: See :func:`stsession.assume`.

        **options: See :class:`stsession.SessionOptions`.

    Raises:
        InvalidRequestError:
            If the profile doesn't exist, or contradicts itself. The text names
            profile and key.

    .. seealso:: `Using an IAM role in the AWS CLI
       <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html>`_
       for what a profile can say.

    .. versionadded:: 0.1.0
    """
    arguments = {
        "name": name,
        "mfa_code": mfa_code,
        "mfa_session": mfa_session,
        **options,
    }
    checked = Options.checked(**options)
    settings = checked_profile_session(name)
    first, roles = _plan(name, settings)
    way = _Way(
        settings=find_source(name), code=mfa_code, lasting=mfa_session, options=checked
    )
    way.begin(first, alone=not roles)
    for role in roles:
        way.go_on(role)
    return way.session((from_profile, arguments))


def _plan(
    name: str | None, settings: botocore.session.Session
) -> tuple[First, list[RoleStep]]:
    """
    What the profile says, and the environment if nobody names a profile.
    """
    profile = name or settings.profile or "default"
    profiles = settings.full_config.get("profiles", {})
    if name is None:
        if os.environ.get("AWS_ACCESS_KEY_ID"):
            return ProfileSource(profile), []
        said = _with_environment(profiles.get(profile, {}))
        profiles = {**profiles, profile: said}
    return plan_of(profiles, profile)


def _with_environment(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    What a profile says, with the web identity that the environment names.

    That goes before the profile's, but for a role without one.
    """
    if "role_arn" in profile and "web_identity_token_file" not in profile:
        return profile
    both = {**profile, **web_identity_environment()}
    return both if "web_identity_token_file" in both else profile


class _Way:
    """
    The way from the first credentials to those of the profile.
    """

    def __init__(
        self,
        *,
        settings: Source,
        code: CodeLike,
        lasting: bool | int | dt.timedelta | None,
        options: Options,
    ) -> None:
        self._settings = settings
        self._code, self._lasting = code, lasting
        self._options = options
        self._custom = has_custom_endpoint(settings.settings, options.sts_endpoint_url)
        self._refreshers: tuple[Refresher, ...] = ()
        self._signs: Source = settings
        self._by: Source = settings
        self._key: Callable[[], Hashable] = lambda: settings.key

    def begin(self, step: First, *, alone: bool) -> None:
        """
        Have the first credentials.
        """
        if isinstance(step, WebIdentityStep):
            with in_profile(step.profile):
                request = StsRequest.checked(
                    "assume_role_with_web_identity",
                    role_arn=step.role_arn,
                    role_session_name=step.role_session_name,
                    custom_endpoint=self._custom,
                )
            self._by = unsigned_source(self._settings)
            self._fly(request, WebIdentityTokenSupplier(step.token_file))
        elif alone:
            self._refreshers = (sdk_refresher(self._settings, self._options.refresh),)
        elif isinstance(step, NamedSource):
            self._by = provider_source(
                f'what credential_source of profile "{step.profile}" names',
                None,
                frozenset({step.method}),
                self._settings,
            )
        else:
            name = f'profile "{step.profile}"'
            self._by = provider_source(
                name, step.profile, ROLELESS_METHODS, self._settings
            )

    def go_on(self, step: RoleStep) -> None:
        """
        Assume the next role.
        """
        chained = self._by.is_hop
        with in_profile(step.profile):
            request = StsRequest.checked(
                "assume_role",
                role_arn=step.role_arn,
                role_session_name=step.role_session_name,
                external_id=step.external_id,
                duration_seconds=step.duration_seconds,
                chained=chained and not self._custom,
                custom_endpoint=self._custom,
            )
            proof = self._proof(step)
        self._fly(request, proof)

    def _proof(self, step: RoleStep) -> TokenSupplier:
        """
        What goes with the request; with an MFA session, that comes before it.
        """
        if step.mfa_serial is None:
            return NoProof()
        mfa = Mfa(serial=step.mfa_serial, code=self._code, session=self._lasting)
        self._by, proof, earlier = mfa.applied(
            self._by,
            endpoint=self._endpoint(step.role_arn),
            options=self._options,
        )
        self._refreshers = (*self._refreshers, *earlier)
        return proof

    def _fly(self, request: StsRequest, proof: TokenSupplier) -> None:
        hop = Hop(
            request=request,
            source=self._by,
            endpoint=self._endpoint(request.name),
            policy=self._options.refresh,
            proof=proof,
        )
        refresher = hop.refresher(self._options.cache)
        self._refreshers = (*self._refreshers, refresher)
        self._signs, self._key = self._by, hop.key
        self._by = role_source(refresher, self._signs, key=self._key)

    def _endpoint(self, role_arn: str) -> StsEndpoint:
        return self._options.endpoint(self._settings, role_arn=role_arn)

    def session(
        self, made_by: tuple[Callable[..., RefreshableSession], dict[str, Any]]
    ) -> RefreshableSession:
        """
        The session at the end of it.
        """
        return RefreshableSession._wired(  # noqa: SLF001 - one of ours
            self._refreshers,
            self._signs,
            endpoint=self._endpoint(""),
            key=self._key,
            made_by=made_by,
            is_role=self._by is not self._settings,
            options=self._options,
        )
