"""
Who there is in the world of `LocalSTS`, and what they hold.
"""

from __future__ import annotations

import datetime as dt

from collections.abc import Iterable
from typing import Literal

from .._core.runtime import Clock
from ._iam import Iam, Role
from ._keys import AccessKey
from ._mfa import MfaDevice
from ._providers import IdentityProviders


__all__ = ["Directory"]


class Directory:
    """
    Users, roles, devices and tokens: the side of `LocalSTS` that tests set up.
    """

    def __init__(self, clock: Clock) -> None:
        self._iam = Iam(clock)
        self._providers = IdentityProviders(clock)

    def add_user(
        self,
        *,
        name: str = "user",
        account_id: str = "123456789012",
        deny_iam: bool = False,
    ) -> AccessKey:
        """
        Make a long-lived key of a user; again for the same name: another one.

        Args:
            name: The name of the user.

            account_id: The account of the user.

            deny_iam:
                Whether the user may not call IAM: ``ListMFADevices`` is denied.
        """
        arn = f"arn:aws:iam::{account_id}:user/{name}"
        return self._iam.add_user(arn, deny_iam=deny_iam)

    def add_role(
        self,
        arn: str,
        *,
        trusts: Iterable[str] = ("*",),
        external_id: str | None = None,
        requires_mfa: bool = False,
        max_session_duration: int = 3600,
        min_session_duration: int = 900,
        web_identity_providers: Iterable[str] = (),
        audience: str = "sts.amazonaws.com",
        saml_providers: Iterable[str] = (),
    ) -> None:
        """
        Make a role that can be assumed, or replace it.

        Args:
            arn: Its ARN.

            trusts:
                Who may: ARNs of users, roles or sessions, account IDs, or
                ``"*"``.

            external_id: Which one it wants. `None` means it wants none.

            requires_mfa:
                Whether ``AssumeRole`` needs a code, or the credentials of a
                ``GetSessionToken`` that had one.

            max_session_duration: The most that ``DurationSeconds`` may be.

            min_session_duration: The least; some of STS's relatives allow less.

            web_identity_providers:
                Whose tokens serve for it, by their issuer, e.g.
                ``"https://oidc.example"``; see :meth:`web_identity_token`.

            audience: For whom these tokens have to be.

            saml_providers:
                Whose assertions serve for it, by the provider's ARN, e.g.
                ``"arn:aws:iam::123456789012:saml-provider/Corp"``; see
                :meth:`saml_assertion`.

        Raises:
            TypeError: If one of the lists isn't one of `str`.
        """
        self._iam.add_role(
            Role(
                arn=arn,
                trusts=_several("trusts", trusts),
                external_id=external_id,
                requires_mfa=requires_mfa,
                min_session_duration=min_session_duration,
                max_session_duration=max_session_duration,
                web_identity_providers=_several(
                    "web_identity_providers", web_identity_providers
                ),
                audience=audience,
                saml_providers=_several("saml_providers", saml_providers),
            )
        )

    def add_mfa_device(
        self, user: str, *, serial: str | None = None, secret: str | None = None
    ) -> MfaDevice:
        """
        Give a user an MFA device that shows a code every thirty seconds.

        Args:
            user:
                Whose: an ARN, or the name of a user of account 123456789012.

            serial:
                Its ARN, or the serial of a hardware device. `None` means
                ``arn:aws:iam::…:mfa/`` and the name of the user.

            secret: The seed in Base32. `None` means a new one.

        Raises:
            ValueError: If *secret* isn't Base32.
        """
        arn = (
            user
            if user.startswith("arn:")
            else f"arn:aws:iam::123456789012:user/{user}"
        )
        return self._iam.mfa.add(arn, serial=serial, secret=secret)

    def add_member_account(
        self, account_id: str, *, management_account_id: str = "123456789012"
    ) -> None:
        """
        Make an account whose root user the management account may become.

        Users and roles of the management account may call ``AssumeRoot`` for
        it, with one of AWS's root task policies.
        """
        self._iam.add_member_account(
            account_id, management_account_id=management_account_id
        )

    def web_identity_token(
        self,
        *,
        subject: str = "system:serviceaccount:default:app",
        audience: str = "sts.amazonaws.com",
        issuer: str = "https://oidc.example",
        lifetime: dt.timedelta = dt.timedelta(hours=1),
    ) -> str:
        """
        A web identity token, as an OpenID Connect provider issues it.

        It is a well-formed JSON Web Token, and serves any number of times. A
        token that wasn't made here is refused.

        Args:
            subject: Its ``sub``: whom it is about.

            audience: Its ``aud``: whom it is for.

            issuer: Its ``iss``; see *web_identity_providers* of a role.

            lifetime: How long from now, by the server's clock, its ``exp`` is.
        """
        return self._providers.issue_token(
            subject=subject, audience=audience, issuer=issuer, lifetime=lifetime
        )

    def saml_assertion(
        self,
        *,
        pairs: Iterable[tuple[str, str]] | None = None,
        name: str = "jane@example.com",
        lifetime: dt.timedelta = dt.timedelta(minutes=5),
        session_duration: int | None = None,
    ) -> str:
        """
        A SAML assertion, as a company's login page posts it to AWS.

        It is the Base64 of a whole response, without a signature, and serves
        once. One that wasn't made here is refused.

        Args:
            pairs:
                Between which roles there is a choice: ARNs of role and
                provider. `None` means all roles with *saml_providers*.

            name: The ``RoleSessionName``, and the subject.

            lifetime:
                How long it may be used; STS takes none that is older than
                five minutes.

            session_duration:
                The ``SessionDuration`` attribute in seconds, or `None`. Only
                the console goes by it: STS itself doesn't.
        """
        if pairs is None:
            roles = self._iam.roles()
            pairs = [(role.arn, arn) for role in roles for arn in role.saml_providers]
        return self._providers.issue_assertion(
            pairs=pairs,
            name=name,
            lifetime=lifetime,
            session_duration=session_duration,
        )

    def issued(self, *, role_arn: str | None = None) -> tuple[AccessKey, ...]:
        """
        The session keys given out so far, oldest first.

        Args:
            role_arn: Only those of this role. `None` means all, also those
                that aren't a role's.
        """
        return self._iam.issued(role_arn)

    def reject_key(self, access_key_id: str) -> None:
        """
        Treat a session's key as expired from now on, a user's as deleted.
        """
        self._iam.reject([access_key_id])

    def reject_current(self, *, role_arn: str | None = None) -> None:
        """
        Treat all session keys given out so far as expired.

        Args:
            role_arn: Only those of this role. `None` means all, also those
                that aren't a role's.
        """
        keys = self._iam.issued(role_arn)
        self._iam.reject(key.access_key_id for key in keys)

    def reject_all_keys(self, *, service: Literal["iam", "s3", "sts"] = "s3") -> None:
        """
        Let *service* reject each key, also those still to be issued.
        """
        self._iam.reject_all(service)

    def accept_keys(self) -> None:
        """
        Take all rejections back.
        """
        self._iam.accept_all()


def _several(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """
    The texts of a list; a single text would be taken for a list of letters.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise _no_list(f"{name} is", given)
    for text in (texts := tuple(given)):
        if not isinstance(text, str):
            raise _no_list(f"{name} has something", text)
    return texts


def _no_list(what: str, value: object) -> TypeError:
    hint = " That of a key is key.arn." if isinstance(value, AccessKey) else ""
    kind = type(value).__name__
    return TypeError(f"{what} of type {kind}; give a list of ARNs or other str.{hint}")
