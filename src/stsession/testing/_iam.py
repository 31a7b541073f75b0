"""IAM tables: users, roles, keys, web identity tokens and SAML assertions."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import threading

from collections.abc import Iterable

import attrs

from .._core.runtime import Clock, utc
from ._answers import Service
from ._federation import SamlAssertion, WebIdentity
from ._keys import AccessKey, new_secret, new_token, random_base32
from ._mfa import MfaDevices


__all__ = ["Iam", "Role", "session_identity"]


@attrs.frozen(kw_only=True)
class Role:
    arn: str
    trusts: tuple[str, ...]
    external_id: str | None
    requires_mfa: bool
    min_session_duration: int
    max_session_duration: int
    web_identity_providers: tuple[str, ...]
    audience: str
    saml_providers: tuple[str, ...]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def trusts_caller(self, caller: AccessKey) -> bool:
        names = {
            "*",
            caller.arn,
            caller.role_arn,
            caller.account,
            f"arn:aws:iam::{caller.account}:root",
        }
        return any(principal in names for principal in self.trusts)


class Iam:
    """
    Tables of users, roles, keys, web identity tokens and SAML assertions.

    Tokens and assertions that are not in the tables count as forged; signatures are not
    verified.

    Args:
        clock: The clock by which keys expire.

        default_user:
            The user that owns every unknown access key. With a default user, the
            services check nothing.
    """

    mfa: MfaDevices
    """The MFA devices."""

    def __init__(self, clock: Clock, *, default_user: AccessKey | None = None) -> None:
        self.mfa = MfaDevices(clock)
        self.default_user = default_user
        self._clock = clock
        self._batch = random_base32(8)  # makes the key IDs of one server unique
        self._numbers = itertools.count(1)
        self._user_numbers = itertools.count(1)
        self._lock = threading.Lock()  # guards the tables below
        self._denied: set[str] = set()
        self._managers: dict[str, str] = {}  # by member account
        self._roles: dict[str, Role] = {}
        self._keys: dict[str, AccessKey] = {}
        self._issued: list[AccessKey] = []
        self._rejected: set[str] = set()
        self._rejecting: set[Service] = set()
        self._tokens: dict[str, WebIdentity] = {}
        self._assertions: dict[str, SamlAssertion] = {}
        self._used: set[str] = set()

    def now(self) -> dt.datetime:
        return utc(self._clock.wall())

    def add_user(self, arn: str, *, deny_iam: bool) -> AccessKey:
        with self._lock:
            number = f"{next(self._user_numbers):08d}"
            key = AccessKey(
                access_key_id=f"AKIA{self._batch}{number}",
                secret_access_key=new_secret(number),
                arn=arn,
                user_id=f"AIDA{random_base32(17)}",
            )
            self._keys[key.access_key_id] = key
            (self._denied.add if deny_iam else self._denied.discard)(arn)
        return key

    def key(self, access_key_id: str) -> AccessKey | None:
        with self._lock:
            return self._keys.get(access_key_id)

    def may_call_iam(self, caller: AccessKey) -> bool:
        with self._lock:
            return caller.arn not in self._denied

    def add_member_account(
        self, account_id: str, *, management_account_id: str
    ) -> None:
        with self._lock:
            self._managers[account_id] = management_account_id

    def manages(self, caller: AccessKey, account_id: str) -> bool:
        with self._lock:
            return self._managers.get(account_id) == caller.account

    def add_role(self, role: Role) -> None:
        with self._lock:
            self._roles[role.arn] = role

    def role(self, arn: str) -> Role | None:
        with self._lock:
            return self._roles.get(arn)

    def roles(self) -> tuple[Role, ...]:
        with self._lock:
            return tuple(self._roles.values())

    def issue(
        self,
        *,
        arn: str,
        user_id: str,
        expires_at: dt.datetime,
        role_arn: str | None = None,
        mfa: bool = False,
    ) -> AccessKey:
        with self._lock:
            number = f"{next(self._numbers):08d}"
            key = AccessKey(
                access_key_id=f"ASIA{self._batch}{number}",
                secret_access_key=new_secret(number),
                session_token=new_token(number),
                arn=arn,
                user_id=user_id,
                role_arn=role_arn,
                expires_at=expires_at,
                mfa=mfa,
            )
            self._keys[key.access_key_id] = key
            self._issued.append(key)
        return key

    def issued(self, role_arn: str | None = None) -> tuple[AccessKey, ...]:
        with self._lock:
            keys = tuple(self._issued)
        return tuple(key for key in keys if role_arn in (None, key.role_arn))

    def reject(self, access_key_ids: Iterable[str]) -> None:
        with self._lock:
            self._rejected.update(access_key_ids)

    def reject_all(self, service: Service) -> None:
        with self._lock:
            self._rejecting.add(service)

    def accept_all(self) -> None:
        with self._lock:
            self._rejected.clear()
            self._rejecting.clear()

    def is_invalid(self, key: AccessKey, service: str) -> bool:
        with self._lock:
            if service in self._rejecting or key.access_key_id in self._rejected:
                return True
        return key.expires_at is not None and self.now() >= key.expires_at

    def issue_web_identity_token(
        self, *, subject: str, audience: str, issuer: str, lifetime: dt.timedelta
    ) -> str:
        now = self._clock.wall()
        identity = WebIdentity(
            subject=subject,
            audience=audience,
            issuer=issuer,
            issued_at=int(now),
            expires_at=int(now + lifetime.total_seconds()),
        )
        token = identity.token()
        with self._lock:
            self._tokens[token] = identity
        return token

    def web_identity(self, token: str) -> WebIdentity | None:
        with self._lock:
            return self._tokens.get(token)

    def issue_saml_assertion(
        self,
        *,
        pairs: Iterable[tuple[str, str]],
        name: str,
        lifetime: dt.timedelta,
        session_duration: int | None,
    ) -> str:
        now = self.now().replace(microsecond=0)
        assertion = SamlAssertion(
            pairs=tuple(pairs),
            name=name,
            issued_at=now,
            expires_at=now + lifetime,
            session_duration=session_duration,
        )
        document = assertion.document()
        with self._lock:
            self._assertions[document] = assertion
        return document

    def saml_assertion(self, document: str) -> SamlAssertion | None:
        with self._lock:
            return self._assertions.get(document)

    def use_saml_assertion(self, document: str) -> bool:
        with self._lock:
            is_first = document not in self._used
            self._used.add(document)
        return is_first


def session_identity(role_arn: str, session_name: str) -> tuple[str, str]:
    _, partition, _, _, account, resource = role_arn.split(":", 5)
    name = resource.rpartition("/")[2]
    unique = hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()
    arn = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}"
    return arn, f"AROA{unique}:{session_name}"
