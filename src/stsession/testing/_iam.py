"""
Users, roles and keys: who somebody is, and what may be assumed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import threading

from collections.abc import Iterable, Mapping

import attrs

from .._clock import Clock, utc
from ._answers import Refused, Service
from ._http import HttpRequest
from ._keys import AccessKey, KeyMaker
from ._sigv4 import Signature, payload_is_intact, read_signature


__all__ = ["Iam", "Role", "session_identity"]


_NO_MATCH = (
    "The request signature we calculated does not match the signature you"
    " provided. Check your {} and signing method."
)

_REFUSALS: Mapping[tuple[str, Service], tuple[str, str, int]] = {
    ("unsigned", "sts"): (
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
        403,
    ),
    ("unsigned", "s3"): ("AccessDenied", "Access Denied", 403),
    ("unknown", "sts"): (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        403,
    ),
    ("unknown", "s3"): (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
    ),
    ("wrong token", "sts"): (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        403,
    ),
    ("wrong token", "s3"): (
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
        400,
    ),
    ("expired", "sts"): (
        "ExpiredToken",
        "The security token included in the request is expired",
        403,
    ),
    ("expired", "s3"): ("ExpiredToken", "The provided token has expired.", 400),
    ("wrong signature", "sts"): (
        "SignatureDoesNotMatch",
        _NO_MATCH.format("AWS Secret Access Key"),
        403,
    ),
    ("wrong signature", "s3"): (
        "SignatureDoesNotMatch",
        _NO_MATCH.format("key"),
        403,
    ),
    ("wrong payload", "sts"): (
        "SignatureDoesNotMatch",
        _NO_MATCH.format("AWS Secret Access Key"),
        403,
    ),
    ("wrong payload", "s3"): (
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        400,
    ),
}


@attrs.frozen(kw_only=True)
class Role:
    """
    A role that can be assumed.
    """

    arn: str
    trusts: tuple[str, ...]
    external_id: str | None
    min_session_duration: int
    max_session_duration: int

    def trusts_caller(self, caller: AccessKey) -> bool:
        """
        Tell whether the trust policy lets *caller* in.
        """
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
    The tables of users, roles and keys.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._maker = KeyMaker()
        self._lock = threading.Lock()  # guards the tables below
        self._roles: dict[str, Role] = {}
        self._keys: dict[str, AccessKey] = {}
        self._issued: list[AccessKey] = []
        self._rejected: set[str] = set()
        self._rejecting: set[Service] = set()

    def now(self) -> dt.datetime:
        """
        The time by which keys expire.
        """
        return utc(self._clock.wall())

    def add_user(self, arn: str) -> AccessKey:
        """
        Make a long-lived key.
        """
        key = self._maker.long_lived(arn=arn)
        with self._lock:
            self._keys[key.access_key_id] = key
        return key

    def add_role(self, role: Role) -> None:
        """
        Make *role* known, or replace it.
        """
        with self._lock:
            self._roles[role.arn] = role

    def role(self, arn: str) -> Role | None:
        """
        Look a role up.
        """
        with self._lock:
            return self._roles.get(arn)

    def issue(
        self, *, arn: str, user_id: str, role_arn: str | None, lifetime: dt.timedelta
    ) -> AccessKey:
        """
        Make a key that dies after *lifetime*.
        """
        key = self._maker.temporary(
            arn=arn,
            user_id=user_id,
            role_arn=role_arn,
            expires_at=self.now() + lifetime,
        )
        with self._lock:
            self._keys[key.access_key_id] = key
            self._issued.append(key)
        return key

    def issued(self, role_arn: str | None = None) -> tuple[AccessKey, ...]:
        """
        The temporary keys so far, oldest first.
        """
        with self._lock:
            keys = tuple(self._issued)
        return tuple(key for key in keys if role_arn in (None, key.role_arn))

    def reject(self, access_key_ids: Iterable[str]) -> None:
        """
        Treat keys as dead though their time hasn't come.
        """
        with self._lock:
            self._rejected.update(access_key_ids)

    def reject_all(self, service: Service) -> None:
        """
        Let *service* treat every key as dead, those to come as well.
        """
        with self._lock:
            self._rejecting.add(service)

    def accept_all(self) -> None:
        """
        Take all rejections back.
        """
        with self._lock:
            self._rejected.clear()
            self._rejecting.clear()

    def authenticate(self, request: HttpRequest, *, service: Service) -> AccessKey:
        """
        Tell who signed *request*.

        Raises:
            Refused: As *service* says it.
        """
        signature = read_signature(request)
        key = None if signature is None else self._find(signature)
        problem = self._problem(key, signature, request, service)
        if key is None or problem is not None:
            code, message, status = _REFUSALS[problem or "unknown", service]
            raise Refused(code, message, status=status)
        return key

    def _find(self, signature: Signature) -> AccessKey | None:
        with self._lock:
            return self._keys.get(signature.access_key_id)

    def _problem(
        self,
        key: AccessKey | None,
        signature: Signature | None,
        request: HttpRequest,
        service: Service,
    ) -> str | None:
        if signature is None:
            return "unsigned"
        if key is None:
            return "unknown"
        given, real = signature.session_token or "", key.session_token or ""
        if not hmac.compare_digest(given.encode(), real.encode()):
            return "wrong token"
        if self._is_dead(key, service):
            return "unknown" if key.expires_at is None else "expired"
        if not signature.is_made_with(key.secret_access_key, request):
            return "wrong signature"
        return None if payload_is_intact(request) else "wrong payload"

    def _is_dead(self, key: AccessKey, service: Service) -> bool:
        with self._lock:
            if service in self._rejecting or key.access_key_id in self._rejected:
                return True
        return key.expires_at is not None and self.now() >= key.expires_at


def session_identity(role_arn: str, session_name: str) -> tuple[str, str]:
    """
    The ARN and the unique ID of a session of a role.
    """
    _, partition, _, _, account, resource = role_arn.split(":", 5)
    name = resource.rpartition("/")[2]
    unique = hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()
    arn = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}"
    return arn, f"AROA{unique}:{session_name}"
