"""The base class of token suppliers, and how they call users' functions."""

from __future__ import annotations

import functools

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from .._core.errors import capitalized
from ..exceptions import FailureKind, RefreshError, SourceCredentialsError


__all__ = [
    "CODE_WORKS_ONCE",
    "TokenSupplier",
    "call_function",
    "explain_rejection",
    "function_name",
]


CODE_WORKS_ONCE = (
    "Each code works once; if another process used it, wait for the next one."
)


class TokenSupplier(ABC):
    """
    Supplies the MFA code, web identity token or SAML assertion of an STS request.

    A supplier belongs to one request, which may be sent many times: at each refresh,
    and again after a failure. One thread at a time uses it.
    """

    key: Hashable = None
    """Equal for suppliers whose sessions may share credentials."""

    portable_key: Any = None
    """What distinguishes the tokens from others, as JSON values that are equal in all
    processes, without secrets. `None` means that credentials can't be shared."""

    single_use: bool = False
    """Whether STS accepts each token once. Such a token is never sent again, even if
    the response was lost."""

    timeout: float = 0.0
    """Seconds that it may take to get a token. Waiting threads wait longer by this
    time."""

    def needs_input(self) -> bool:
        """Return whether `parameters` would prompt a person now."""
        return False

    @abstractmethod
    def parameters(self) -> dict[str, str]:
        """
        Return a token as parameters for STS. May block, for example for a person.

        Raises:
            RefreshError: If there is no token.
        """

    def accepted(self, now: float) -> float | None:
        """
        Record that STS accepted the last token.

        Args:
            now: The time by STS's clock, in seconds since the epoch.

        Returns:
            The seconds until the token expires. `None` if that isn't known, or if
            each request gets a new token.
        """
        return None

    @abstractmethod
    def rejected(self, error: RefreshError) -> RefreshError | None:
        """
        Record an error that STS returned.

        Returns:
            The error to raise if STS rejected the token, with an explanation. `None`
            if *error* isn't about the token.
        """

    @abstractmethod
    def can_renew(self) -> bool:
        """Return whether `parameters` would return a different token now. May block."""

    def update(self, later: TokenSupplier) -> None:  # noqa: B027 - seldom needed
        """Use the arguments of a later session that shares these credentials."""


T = TypeVar("T")


def function_name(function: Callable[..., Any]) -> str:
    """Return the name of a user's function for messages."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"the function {name}()"


def call_function(
    function: Callable[..., T],
    *args: Any,
    action: str,
    hop: str,
    failure: type[RefreshError],
    kind: FailureKind | None = None,
) -> T:
    """
    Call a user's function, and translate the exceptions that it raises.

    Args:
        function: The function.

        *args: Its arguments.

        action:
            The beginning of the error message: a sentence without its period.

        hop: The role, device or token that the error names.

        failure: The class of the error.

        kind: The kind of the error. `None` means the class's default.

    Raises:
        RefreshError: If the function fails. Only the class of its exception is quoted,
            because the text may contain secrets. Errors of this library are raised
            unchanged.
    """
    try:
        return function(*args)
    except (RefreshError, MemoryError):
        raise
    except Exception as e:
        name = capitalized(function_name(function))
        raise failure(
            f"{action}. {name} raised {type(e).__name__}.",
            kind=kind,
            hop=hop,
            hint="See the cause of this error for details.",
        ) from e


def explain_rejection(
    error: RefreshError, more: str, *, hint: str, kind: FailureKind | None = None
) -> SourceCredentialsError:
    """
    Return STS's error with *more* text and another *hint*.

    Args:
        error: The error that STS returned.

        more: A text that is appended to the message.

        hint: What to do about it, in place of the error's own hint.

        kind: The kind of the new error. `None` means the kind of *error*.
    """
    text = str(error).removesuffix(error.hint).rstrip()
    explained = SourceCredentialsError(
        f"{text} {more}".rstrip(),
        kind=error.kind if kind is None else kind,
        code=error.code,
        http_status=error.http_status,
        hop=error.hop,
        hint=hint,
    )
    explained.__cause__ = error.__cause__
    return explained
