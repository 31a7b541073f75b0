"""Emitters of botocore events that clients share until one registers a handler."""

from __future__ import annotations

import contextvars
import copy

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.hooks import BaseEventHooks, EventAliaser, HierarchicalEmitter


__all__ = [
    "CopyOnWriteEvents",
    "EventPlan",
    "EventRecorder",
    "Registration",
    "unknown_methods",
]


Handler = Callable[..., Any]

METHODS = frozenset(
    {
        "emit",
        "emit_until_response",
        "register",
        "register_first",
        "register_last",
        "unregister",
    }
)
"""The public methods of an emitter; all of them are recorded or passed on."""


def unknown_methods() -> frozenset[str]:
    """
    Return public methods of the installed botocore's emitters that aren't handled here.
    """
    public = {name for name in dir(HierarchicalEmitter) if not name.startswith("_")}
    return frozenset(public ^ METHODS)


class Registration(NamedTuple):
    """A call by which a handler was registered, or unregistered."""

    method: str
    event: str
    handler: Handler | None
    unique_id: str | None
    uses_count: bool

    def replay(self, emitter: Any, handler: Handler | None) -> None:
        """Make the same call on *emitter*, with another handler."""
        call = getattr(emitter, self.method)
        call(self.event, handler, self.unique_id, self.uses_count)


class EventRecorder(BaseEventHooks):
    """
    An emitter that records registrations, and the copies that are made of it.

    Each client registers its handlers with a copy of its session's emitter.
    """

    def __init__(self, emitter: BaseEventHooks) -> None:
        self.emitter: Any = emitter
        self.registrations: list[Registration] = []
        self.copies: list[EventRecorder] = []

    def emit(self, event_name: str, **kwargs: Any) -> Any:
        return self.emitter.emit(event_name, **kwargs)

    def emit_until_response(self, event_name: str, **kwargs: Any) -> Any:
        return self.emitter.emit_until_response(event_name, **kwargs)

    def _record(self, method: str, event: str, *rest: Any, **named: Any) -> None:
        getattr(self.emitter, method)(event, *rest, **named)
        arguments = dict(
            zip(("handler", "unique_id", "unique_id_uses_count"), rest, strict=False)
        )
        arguments.update(named)
        self.registrations.append(
            Registration(
                method,
                event,
                arguments.get("handler"),
                arguments.get("unique_id"),
                arguments.get("unique_id_uses_count", False),
            )
        )

    def register(self, *args: Any, **kwargs: Any) -> None:
        self._record("register", *args, **kwargs)

    def register_first(self, *args: Any, **kwargs: Any) -> None:
        self._record("register_first", *args, **kwargs)

    def register_last(self, *args: Any, **kwargs: Any) -> None:
        self._record("register_last", *args, **kwargs)

    def unregister(self, *args: Any, **kwargs: Any) -> None:
        self._record("unregister", *args, **kwargs)

    def __copy__(self) -> EventRecorder:
        copied = EventRecorder(copy.copy(self.emitter))
        self.copies.append(copied)
        return copied


_emitting: contextvars.ContextVar[Sequence[Handler]] = contextvars.ContextVar(
    "stsession_emitting"
)
"""The handlers of the client that is emitting an event, which no other client
shares."""

_current_handlers = _emitting.get  # looked up for each handler that is called


class HandlerSlot:
    """A handler in a shared emitter that calls the emitting client's own handler."""

    __slots__ = ("_name", "number")

    def __init__(self, number: int, handler: Handler) -> None:
        self.number = number
        self._name = getattr(handler, "__qualname__", type(handler).__qualname__)

    def __repr__(self) -> str:
        return f"<{self._name} of the client that emits>"

    def __call__(self, **kwargs: Any) -> Any:
        return _current_handlers()[self.number](**kwargs)


class EventPlan:
    """
    The registrations of one client, from which emitters for other clients are made.

    Args:
        base: The emitter of the session, with the handlers of all its clients.

        registrations: The registrations of the client itself.

        own:
            The numbers of the handlers that each client has a copy of. All others are
            shared.
    """

    def __init__(
        self,
        base: BaseEventHooks,
        registrations: Sequence[Registration],
        own: Mapping[Handler, int],
    ) -> None:
        self._base = base
        self.registrations = tuple(registrations)
        self._own = dict(own)
        self.shared = self._emitter(self._slot)

    def _slot(self, handler: Handler) -> Handler:
        number = self._own.get(handler)
        return handler if number is None else HandlerSlot(number, handler)

    def emitter(self, handlers: Sequence[Handler]) -> EventAliaser:
        """Return an unshared emitter for the client with these *handlers*."""

        def own(handler: Handler) -> Handler:
            number = self._own.get(handler)
            return handler if number is None else handlers[number]

        return self._emitter(own)

    def _emitter(self, replacement: Callable[[Handler], Handler]) -> EventAliaser:
        emitter = copy.copy(self._base)
        replacements: dict[Handler, Handler] = {}
        for registration in self.registrations:
            handler = registration.handler
            if handler is not None:  # the same object, in case it is unregistered
                handler = replacements.setdefault(handler, replacement(handler))
            registration.replay(emitter, handler)
        return EventAliaser(emitter)


class CopyOnWriteEvents(BaseEventHooks):
    """
    A client's emitter: shared with other clients until a handler is registered.

    Args:
        plan: The registrations that the clients have in common.
    """

    def __init__(self, plan: EventPlan) -> None:
        self._plan = plan
        self._copy: EventAliaser | None = None
        self.handlers: Sequence[Handler] = ()
        """The client's own handlers; set before the first event."""

    def emit(self, event_name: str, **kwargs: Any) -> Any:
        if self._copy is not None:
            return self._copy.emit(event_name, **kwargs)
        before = _emitting.set(self.handlers)
        try:
            return self._plan.shared.emit(event_name, **kwargs)
        finally:
            _emitting.reset(before)

    def emit_until_response(self, event_name: str, **kwargs: Any) -> Any:
        if self._copy is not None:
            return self._copy.emit_until_response(event_name, **kwargs)
        before = _emitting.set(self.handlers)
        try:
            return self._plan.shared.emit_until_response(event_name, **kwargs)
        finally:
            _emitting.reset(before)

    def resolved(self, handler: Handler) -> Handler:
        """Return the handler that this client calls for the registered *handler*."""
        return (
            self.handlers[handler.number]
            if isinstance(handler, HandlerSlot)
            else handler
        )

    def unshare(self) -> EventAliaser:
        """Stop sharing, and return the client's own emitter."""
        if self._copy is None:
            made = self._plan.emitter(self.handlers)
            # If two threads do this, the emitter of the first one is used.
            self._copy = self.__dict__.setdefault("_made", made)
        return self._copy

    def register(self, *args: Any, **kwargs: Any) -> None:
        self.unshare().register(*args, **kwargs)

    def register_first(self, *args: Any, **kwargs: Any) -> None:
        self.unshare().register_first(*args, **kwargs)

    def register_last(self, *args: Any, **kwargs: Any) -> None:
        self.unshare().register_last(*args, **kwargs)

    def unregister(self, *args: Any, **kwargs: Any) -> None:
        self.unshare().unregister(*args, **kwargs)

    def __copy__(self) -> EventAliaser:
        return copy.copy(self.unshare())

    @property
    def _emitter(self) -> Any:
        """The inner emitter, which moto and others read although it is private."""
        own: Any = self.unshare()
        return own._emitter  # noqa: SLF001 - as they do
