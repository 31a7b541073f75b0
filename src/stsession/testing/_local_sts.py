"""A server on a loopback port with STS and parts of IAM and S3."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import threading

from collections.abc import Iterable, Mapping
from typing import Literal, final

import attrs
import boto3

from .._core.runtime import Clock, SystemClock
from ._answers import Answer
from ._backend import Backend, Call
from ._faults import FaultSchedule
from ._http import HttpRequest, HttpServer
from ._iam import Iam, Role
from ._iam_api import IamService
from ._keys import AccessKey
from ._mfa import MfaDevice
from ._profiles import ProfileFiles, session_of, write_profile
from ._s3 import S3Service
from ._sts import StsService


__all__ = ["LocalSTS"]


@final
class LocalSTS:
    """
    A server on 127.0.0.1 with the behavior of STS, and of parts of IAM and S3.

    It checks signatures and session tokens, trust policies, external IDs, MFA codes
    and durations, and its credentials expire. It is a context manager. All methods
    may be called from any thread.

    STS has ``GetCallerIdentity`` and the operations that return credentials of
    users, roles, federated users and the root users of member accounts. IAM has
    ``ListMFADevices``; S3 has buckets and objects, with listing by prefix and
    delimiter, ranges, copies, deletion of many objects, multipart uploads, and uploads
    in chunks (``STREAMING-...``), signed or not. This is what boto3, s3fs, pyarrow and
    other data libraries need to read and write files.

    Args:
        clock: The clock by which sessions expire and faults begin and end. `None` means
            the system's; with a :class:`FakeClock` nothing expires until the test moves
            it.

        lifetime_scale: The factor for ``DurationSeconds``: with 1/300 the credentials
            of a session of 900 s expire after 3 s, and their ``Expiration`` says so.

        answer_delay: The seconds before each response is sent. May be set later.

    .. versionadded:: 0.1.0
    """

    faults: FaultSchedule
    """The faults, and when they occur."""

    answer_delay: float
    """Seconds before each response is sent."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        lifetime_scale: float = 1.0,
        answer_delay: float = 0.0,
    ) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        self._iam = Iam(self._clock)
        self._s3 = S3Service(self._iam)
        self.faults = FaultSchedule(self._clock)
        self.answer_delay = answer_delay
        self._backend = Backend(
            {
                "iam": IamService(self._iam).answer,
                "s3": self._s3.answer,
                "sts": StsService(
                    self._iam,
                    lifetime=lambda s: dt.timedelta(seconds=s * lifetime_scale),
                ).answer,
            },
            iam=self._iam,
            faults=self.faults,
            clock=self._clock,
        )
        self._calls: list[Call] = []  # only ever appended to, so it needs no lock
        self._lock = threading.Lock()  # guards the next three attributes
        self._server: HttpServer | None = None
        self._owner = 0  # the process that started the server
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        server = self._server
        where = "not running" if server is None else f"at {server.url}"
        return f"<LocalSTS {where}>"

    def __enter__(self) -> LocalSTS:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> LocalSTS:
        """Start the server, unless it is running."""
        with self._lock:
            if self._server is None:
                self._owner = os.getpid()
                self._server = HttpServer(
                    answer=self._answer,
                    delay=lambda: self.answer_delay,
                    clock=self._clock,
                )
        return self

    def close(self) -> None:
        """
        Stop the server and close all connections. May be called twice.

        After a fork, the server belongs to the parent, and `close()` has no effect in
        the child.
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
        Endpoint URL of STS and IAM.

        Raises:
            RuntimeError: If the server isn't running.
        """
        if (server := self._server) is None:
            raise RuntimeError("LocalSTS isn't running. Enter it, or call start().")
        return server.url

    @property
    def s3_endpoint_url(self) -> str:
        """Endpoint URL of S3, the same as :attr:`endpoint_url`."""
        return self.endpoint_url

    def add_user(
        self,
        *,
        name: str = "user",
        account_id: str = "123456789012",
        deny_iam: bool = False,
    ) -> AccessKey:
        """
        Add a user, and return a long-term access key.

        Called again with the same name, it returns another key of the user.

        Args:
            name: The name of the user.

            account_id: The account of the user.

            deny_iam: Whether IAM denies the user ``ListMFADevices``.
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
        Add a role, or replace it.

        Args:
            arn: The ARN of the role.

            trusts: Principals that may assume it: ARNs of users, roles or sessions,
                account IDs, or ``"*"``.

            external_id: The required external ID. `None` means that none is required.

            requires_mfa: Whether ``AssumeRole`` needs an MFA code, or the credentials
                of a ``GetSessionToken`` with one.

            max_session_duration: The maximum of ``DurationSeconds``.

            min_session_duration: The minimum of ``DurationSeconds``; some
                STS-compatible services have a lower one than AWS.

            web_identity_providers: The issuers of the web identity tokens that are
                accepted, for example ``"https://oidc.example"``; see
                :meth:`web_identity_token`.

            audience: The audience that these tokens must have.

            saml_providers: ARNs of the providers of the assertions that are accepted,
                for example ``"arn:aws:iam::123456789012:saml-provider/Corp"``; see
                :meth:`saml_assertion`.

        Raises:
            TypeError: If one of the lists isn't a list of `str`.
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
        Add an MFA device of a user; its code changes every thirty seconds.

        Args:
            user: The ARN of the user, or the name of a user of account 123456789012.

            serial: The ARN of the device, or the serial number of a hardware device.
                `None` means ``arn:aws:iam::…:mfa/`` and the name of the user.

            secret: The seed in Base32. `None` means a new one.

        Raises:
            ValueError: If *secret* isn't Base32.
        """
        is_arn = user.startswith("arn:")
        arn = user if is_arn else f"arn:aws:iam::123456789012:user/{user}"
        return self._iam.mfa.add(arn, serial=serial, secret=secret)

    def add_member_account(
        self, account_id: str, *, management_account_id: str = "123456789012"
    ) -> None:
        """
        Add a member account of an organization.

        Users and roles of the management account may call ``AssumeRoot`` for it,
        with one of AWS's root task policies.

        Args:
            account_id: The ID of the member account.

            management_account_id: The ID of the management account.
        """
        self._iam.add_member_account(
            account_id, management_account_id=management_account_id
        )

    def add_bucket(
        self, name: str, *, objects: Mapping[str, bytes] | None = None
    ) -> None:
        """Add an S3 bucket; *objects* maps keys to contents."""
        self._s3.add_bucket(name, objects or {})

    def web_identity_token(
        self,
        *,
        subject: str = "system:serviceaccount:default:app",
        audience: str = "sts.amazonaws.com",
        issuer: str = "https://oidc.example",
        lifetime: dt.timedelta = dt.timedelta(hours=1),
    ) -> str:
        """
        Return a web identity token, as an OpenID Connect provider issues it.

        It is a well-formed JSON Web Token, and can be used any number of times. STS
        rejects tokens that were not made here.

        Args:
            subject: The ``sub`` claim: the user or workload.

            audience: The ``aud`` claim.

            issuer: The ``iss`` claim; see *web_identity_providers* of a role.

            lifetime: The time from now to the ``exp`` claim, by the server's clock.
        """
        return self._iam.issue_web_identity_token(
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
        Return a SAML assertion, as a company's login page posts it to AWS.

        It is the Base64 of a whole response, without a signature, and can be used
        once. STS rejects assertions that were not made here.

        Args:
            pairs: Roles to choose from, as pairs of role ARN and provider ARN. `None`
                means all roles with *saml_providers*.

            name: The ``RoleSessionName`` and the subject.

            lifetime: The time for which it can be used; STS accepts no assertion that
                is older than five minutes.

            session_duration: The ``SessionDuration`` attribute in seconds, or `None`
                for none. STS ignores it; the AWS console does not.
        """
        if pairs is None:
            roles = self._iam.roles()
            pairs = [(role.arn, arn) for role in roles for arn in role.saml_providers]
        return self._iam.issue_saml_assertion(
            pairs=pairs,
            name=name,
            lifetime=lifetime,
            session_duration=session_duration,
        )

    def issued(self, *, role_arn: str | None = None) -> tuple[AccessKey, ...]:
        """
        Return the temporary keys issued so far, oldest first.

        Args:
            role_arn:
                Return only those of this role. `None` means all, including those of
                principals other than roles.
        """
        return self._iam.issued(role_arn)

    def reject_key(self, access_key_id: str) -> None:
        """Reject a key from now on: a temporary one as expired, a user's as deleted."""
        self._iam.reject([access_key_id])

    def reject_current(self, *, role_arn: str | None = None) -> None:
        """
        Reject all temporary keys issued so far as expired.

        Args:
            role_arn: Reject only those of this role. `None` means all, including
                those of principals other than roles.
        """
        keys = self._iam.issued(role_arn)
        self._iam.reject(key.access_key_id for key in keys)

    def reject_all_keys(self, *, service: Literal["iam", "s3", "sts"] = "s3") -> None:
        """Make *service* reject every key, including keys that are issued later."""
        self._iam.reject_all(service)

    def accept_keys(self) -> None:
        """Undo all rejections."""
        self._iam.accept_all()

    def calls(
        self, operation: str | None = None, *, role_arn: str | None = None
    ) -> tuple[Call, ...]:
        """
        Return the requests so far, oldest first.

        Args:
            operation: Return only those of this operation, for example
                ``"AssumeRole"``. `None` means all.

            role_arn: Return only those with this ``RoleArn``. `None` means all.
        """
        return tuple(
            call
            for call in tuple(self._calls)
            if operation in (None, call.operation)
            and role_arn in (None, call.params.get("RoleArn"))
        )

    def count(
        self, operation: str | None = None, *, role_arn: str | None = None
    ) -> int:
        """
        Return the number of requests so far. The arguments are those of :meth:`calls`.
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
        Write an AWS config file and a credentials file with this server's endpoint.

        Existing files keep their other profiles. Both get mode 0600.

        Args:
            directory: The directory of the files; it has to exist.

            key: The access key of the profile.

            name: The name of the profile.

            region: The region of the profile.

            settings: More settings for the config file, for example
                ``sts_regional_endpoints``.
        """
        config = {"region": region, "endpoint_url": self.endpoint_url, **settings}
        return write_profile(directory, name, key, config)

    def session(self, key: AccessKey, *, region: str = "us-east-1") -> boto3.Session:
        """
        Return a boto3 session that signs with *key*, with this server as its endpoint.
        """
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory()
            directory = self._directory.name
            name = key.access_key_id
            files = self.write_profile(directory, key=key, name=name, region=region)
        return session_of(files)

    def _answer(self, request: HttpRequest) -> Answer:
        call = self._backend.read(request)
        answer = self._backend.answer(call, request)
        status = answer.status or None
        self._calls.append(attrs.evolve(call, status=status, code=answer.code))
        return answer


def _several(name: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return a list of texts as a tuple. A single text is an error."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _no_list(f"{name} is", value)
    for text in (texts := tuple(value)):
        if not isinstance(text, str):
            raise _no_list(f"{name} has a value", text)
    return texts


def _no_list(subject: str, value: object) -> TypeError:
    hint = " The ARN of a key is key.arn." if isinstance(value, AccessKey) else ""
    kind = type(value).__name__
    message = f"{subject} of type {kind}; pass a list of ARNs or other str.{hint}"
    return TypeError(message)
