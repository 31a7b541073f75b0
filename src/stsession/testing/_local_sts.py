"""
STS and a little of IAM and S3 on a loopback port.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import threading

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Literal, final

import boto3

from .._core.runtime import Clock, SystemClock
from ._backend import Backend, Call
from ._faults import FaultSchedule
from ._http import HttpServer
from ._iam import Iam, IdentityProviders, Role
from ._keys import AccessKey
from ._mfa import MfaDevice
from ._profiles import ProfileFiles, session_of, write_profile
from ._sts import World


__all__ = [
    "Directory",
    "LocalSTS",
]


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


@final
class LocalSTS(Directory):
    """
    A server on 127.0.0.1 that answers as STS, IAM and S3 do.

    It checks signatures and session tokens, assumes only roles it was told
    of, and lets the sessions it issues die on time. It is a context manager.
    All methods may be called from any thread.

    STS knows ``GetCallerIdentity`` and all operations that give credentials
    to users, roles, federated users and the root users of member accounts. IAM
    knows ``ListMFADevices``; S3 knows buckets and objects, with listing,
    multipart uploads, and uploads in chunks (``STREAMING-...``), signed or not.

    Args:
        clock:
            By which sessions expire and faults come and go. `None` means the
            machine's; with a :class:`FakeClock` nothing expires by itself.

        lifetime_scale:
            What ``DurationSeconds`` is multiplied by: with 1/300 a session of
            900 s lives, and says that it lives, for 3 s.

        answer_delay: Seconds that each answer takes. May be set later.

    .. versionadded:: 0.1.0
    """

    faults: FaultSchedule
    """What goes wrong, and when."""

    answer_delay: float
    """Seconds that each answer takes."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        lifetime_scale: float = 1.0,
        answer_delay: float = 0.0,
    ) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        super().__init__(self._clock)
        self.faults = FaultSchedule(self._clock)
        self.answer_delay = answer_delay
        self._backend = Backend(
            World(
                iam=self._iam,
                providers=self._providers,
                lifetime_scale=lifetime_scale,
            ),
            faults=self.faults,
            clock=self._clock,
        )
        self._lock = threading.Lock()  # guards the three below
        self._server: HttpServer | None = None
        self._owner = 0  # the process that started the server
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        server = self._server
        where = "not running" if server is None else f"at {server.url}"
        return f"<LocalSTS {where}>"

    def __enter__(self) -> LocalSTS:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> LocalSTS:
        """
        Begin to serve; nothing happens if it does already.
        """
        with self._lock:
            if self._server is None:
                self._owner = os.getpid()
                self._server = HttpServer(
                    answer=self._backend.answer,
                    delay=lambda: self.answer_delay,
                    clock=self._clock,
                )
        return self

    def close(self) -> None:
        """
        Stop serving and end all connections; may be called twice.

        After a fork the server belongs to the parent, and the child's
        `close()` does nothing.
        """
        if self._owner not in (0, os.getpid()):
            return
        with self._lock:
            server, self._server = self._server, None
            directory, self._directory = self._directory, None
        if server is not None:
            server.close()
        if directory is not None:
            directory.cleanup()

    @property
    def endpoint_url(self) -> str:
        """
        Where STS and IAM are.

        Raises:
            RuntimeError: If it isn't serving.
        """
        if (server := self._server) is None:
            raise RuntimeError("LocalSTS isn't running. Enter it, or call start().")
        return server.url

    @property
    def s3_endpoint_url(self) -> str:
        """
        Where S3 is, which is the same.
        """
        return self.endpoint_url

    def add_bucket(
        self, name: str, *, objects: Mapping[str, bytes] | None = None
    ) -> None:
        """
        Make a bucket; *objects* maps keys to contents.
        """
        self._backend.s3.add_bucket(name, objects or {})

    def calls(
        self, operation: str | None = None, *, role_arn: str | None = None
    ) -> tuple[Call, ...]:
        """
        What was asked, in the order in which it was decided.

        Args:
            operation: Only this one, e.g. ``"AssumeRole"``.

            role_arn: Only with this ``RoleArn``.
        """
        return tuple(
            call
            for call in tuple(self._backend.calls)
            if operation in (None, call.operation)
            and role_arn in (None, call.params.get("RoleArn"))
        )

    def count(
        self, operation: str | None = None, *, role_arn: str | None = None
    ) -> int:
        """
        How often it was asked; see :meth:`calls`.
        """
        return len(self.calls(operation, role_arn=role_arn))

    def write_profile(
        self,
        directory: str | os.PathLike[str],
        *,
        key: AccessKey,
        name: str = "default",
        region: str = "us-east-1",
        **settings: str,
    ) -> ProfileFiles:
        """
        Write an AWS config and a credentials file that lead here.

        Files that exist keep their other profiles. Both get mode 0600.

        Args:
            directory: Where to; it has to exist.

            key: Whose profile.

            name: The name of the profile.

            region: Its region.

            settings: More lines for the config file, e.g. ``sts_regional_endpoints``.
        """
        return write_profile(
            directory,
            name=name,
            key=key,
            endpoint_url=self.endpoint_url,
            region=region,
            settings=settings,
        )

    def session(self, key: AccessKey, *, region: str = "us-east-1") -> boto3.Session:
        """
        A plain boto3 session of *key* whose clients all come here.
        """
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory()
            directory = self._directory.name
            name = key.access_key_id
            files = self.write_profile(directory, key=key, name=name, region=region)
        return session_of(files)
