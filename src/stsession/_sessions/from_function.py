"""from_function(): sessions with credentials that a function returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .._core.credentials import TemporaryCredentials
from .._core.errors import hides_arguments
from .._requests.limits import wrong_type
from .._sources.find import function_source
from .._sources.function import function_refresher
from ..exceptions import InvalidRequestError
from .chain import ChainBuilder
from .options import Options, SessionOptions, checks_names
from .pickling import Recipe
from .session import RefreshableSession


if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["from_function"]


@hides_arguments
@checks_names(SessionOptions)
def from_function(
    get: Callable[[], TemporaryCredentials | Mapping[str, object]],
    *,
    name: str | None = None,
    **options: Unpack[SessionOptions],
) -> RefreshableSession:
    """
    Return a session with credentials that a function returns.

    Use it for credentials from HashiCorp Vault, the AWS IoT credential provider or a
    service of your own. The function is called on first use, and then before the
    credentials expire, with the same rules as for roles: in the background, by one
    thread at a time, with pauses after failures, and after a service has rejected the
    key. Further roles can be assumed with :meth:`RefreshableSession.assume`.

    The function is called in another thread, with a copy of the caller's context
    variables. Callers wait for it for at most the policy's *load_timeout*, which is 30
    seconds by default; if it takes longer, a second call of it may begin. Exceptions
    that it raises are failures, and the causes of the errors that callers get.

    Args:
        get:
            A function without arguments that returns new credentials: a
            :class:`~stsession.TemporaryCredentials`, or a dict with the keys
            ``AccessKeyId``, ``SecretAccessKey``, ``SessionToken`` and ``Expiration``,
            or those of botocore or IoT. An expiration is a datetime, an ISO 8601
            string, or a number of seconds since 1970. Credentials without one are kept
            until a service rejects them. Coroutine functions aren't accepted. To pickle
            the session, *get* must be importable in the other process.

        name:
            The name of the credentials in errors, log lines, events and
            :meth:`RefreshableSession.status`. `None` means the name of the function.

        **options:
            Options of the session and of refreshes; see
            :class:`stsession.SessionOptions`. Those of the STS endpoint apply to
            :meth:`RefreshableSession.caller_identity` and to roles that the session
            assumes. *cache* isn't accepted, because the credentials of a function are
            shared with no other session. Settings that aren't passed, such as the
            region, are those of the environment and the default profile.

    Raises:
        InvalidRequestError: If *get* can't be called without arguments, or if an option
            is invalid.

    .. versionadded:: 0.1.0
    """
    if name is not None and not isinstance(name, str):
        raise wrong_type("name", name, "a str")
    if "cache" in options:
        raise InvalidRequestError(
            "from_function() takes no cache.",
            parameter="cache",
            hint="Leave it out: the credentials of a function are shared with no other "
            "session. The function can have a cache of its own.",
        )
    arguments = {"get": get, "name": name, **options}
    checked = Options(**options)
    refresher = function_refresher(get, checked.refresh, name=name, parameter="get")
    chain = ChainBuilder(function_source(refresher), checked, refreshers=(refresher,))
    # No credentials of the environment or of a profile are used.
    return RefreshableSession(chain, Recipe(from_function, arguments, environment={}))
