"""Errors of commands, and their exit statuses."""

from __future__ import annotations

import contextlib

from collections.abc import Iterator

from .._util import causes


__all__ = [
    "NEEDS_PERSON",
    "NOT_STARTED",
    "NO_CREDENTIALS",
    "OTHER_IDENTITY",
    "USAGE",
    "CommandError",
    "reporting_errors",
]


NO_CREDENTIALS = 1
USAGE = 2
NEEDS_PERSON = 3
OTHER_IDENTITY = 4
NOT_STARTED = 125


class CommandError(Exception):
    """An error that ends a command, with an exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@contextlib.contextmanager
def reporting_errors(status: int | None = None) -> Iterator[None]:
    """
    Turn errors of the library and the SDK into exit statuses.

    Args:
        status: That for missing credentials. `None` means one that says why.
    """
    from botocore.exceptions import (  # noqa: PLC0415 - `--help` needs no SDK
        BotoCoreError,
        ClientError,
    )

    from .. import InvalidRequestError, MfaError  # noqa: PLC0415 - as above

    try:
        yield
    except InvalidRequestError as e:
        raise CommandError(str(e), USAGE) from None
    except MfaError as e:
        raise CommandError(str(e), status or NEEDS_PERSON) from None
    except (BotoCoreError, ClientError) as e:
        usual = NEEDS_PERSON if _needs_login(e) else NO_CREDENTIALS
        raise CommandError(str(e), status or usual) from None
    except OSError as e:  # no temporary directory, for example
        raise CommandError(str(e), status or NO_CREDENTIALS) from None


def _needs_login(error: BaseException) -> bool:
    from botocore import exceptions as sdk  # noqa: PLC0415 - `--help` needs no SDK

    login = (
        sdk.SSOError,
        sdk.TokenRetrievalError,
        getattr(sdk, "LoginError", sdk.SSOError),  # botocore 1.37 has no such class
    )
    return any(isinstance(cause, login) for cause in causes(error))
