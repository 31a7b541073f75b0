"""
What asking STS takes: a request, and somebody who signs it.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from .sts_endpoint_part import StsEndpoint


__all__ = ["Signatory", "StsRequest"]


class StsRequest(Protocol):
    """
    A checked request for credentials.
    """

    @property
    def operation(self) -> str:
        """
        The method of an STS client.
        """

    @property
    def label(self) -> str:
        """
        What messages call it: mostly the ARN of a role.
        """

    @property
    def what(self) -> str:
        """
        What couldn't be done, if it fails.
        """

    @property
    def duration_seconds(self) -> int | Literal["max"] | None:
        """
        How long the credentials shall live.
        """

    def to_params(self, *, duration_seconds: int | None) -> dict[str, Any]:
        """
        Its parameters.
        """


class Signatory(Protocol):
    """
    Who signs a request to STS. Sources are such.
    """

    @property
    def is_role(self) -> bool:
        """
        Whether its credentials are known to be those of an assumed role.
        """

    @property
    def can_show_mfa(self) -> bool:
        """
        Whether passing *mfa_serial* would make a difference to it.
        """

    @property
    def renewable(self) -> bool:
        """
        Whether there can be others some time, if STS refuses these.
        """

    def would_ask(self) -> bool:
        """
        Whether `prepare` would ask somebody for something now.
        """

    def describe(self, wall: float) -> str:
        """
        Its name, and when its credentials expire, for messages.
        """

    def client(self, region: str | None, endpoint: StsEndpoint) -> Any:
        """
        An STS client that signs with its credentials.
        """

    def prepare(self) -> float | None:
        """
        Have credentials to sign with.

        Returns:
            The seconds they have left. `None` if that isn't known.
        """

    def note_region(self, region: str) -> None:
        """
        Use a client's region for requests to STS if none is configured.
        """

    def resolve_again(self) -> bool:
        """
        Look the credentials up anew; return whether there can be others.
        """
