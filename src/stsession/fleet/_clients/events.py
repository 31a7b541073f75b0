"""
Event handlers that clients share until they are changed.
"""

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
"""What an emitter can do; all of it is recorded, or passed on."""


def unknown_methods() -> frozenset[str]:
    """
    What this botocore's emitters can do, and we don't know of.
    """
    public = {name for name in dir(HierarchicalEmitter) if not name.startswith("_")}
    return frozenset(public ^ METHODS)


class Registration(NamedTuple):
    """
    A call by which a handler was registered, or unregistered.
    """

    method: str
    event: str
    handler: Handler | None
    unique_id: str | None
    uses_count: bool

    def on(self, emitter: Any, handler: Handler | None) -> None:
        """
        Make the same call for another handler.
        """
        call = getattr(emitter, self.method)
        call(self.event, handler, self.unique_id, self.uses_count)


class EventRecorder(BaseEventHooks):
    """
    An emitter that remembers what is registered with it, and who copied it.

    Each client registers with a copy of its session's emitter.
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
        given = dict(
            zip(("handler", "unique_id", "unique_id_uses_count"), rest, strict=False)
        )
        given.update(named)
        self.registrations.append(
            Registration(
                method,
                event,
                given.get("handler"),
                given.get("unique_id"),
                given.get("unique_id_uses_count", False),
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
"""The own handlers of the client that emits."""

_own_handlers = _emitting.get  # looked up for each handler that is called


class _Whose:
    """
    Stands for the handler of this number of whichever client emits.
    """

    __slots__ = ("_name", "number")

    def __init__(self, number: int, handler: Handler) -> None:
        self.number = number
        self._name = getattr(handler, "__qualname__", type(handler).__qualname__)

    def __repr__(self) -> str:
        return f"<{self._name} of the client that emits>"

    def __call__(self, **kwargs: Any) -> Any:
        return _own_handlers()[self.number](**kwargs)


class EventPlan:
    """
    What a client of one kind has registered, for others to register alike.

    Args:
        base: The emitter of the session, with all that goes for every client.

        registrations: What the client itself has registered.

        own: Which handlers are a client's own, and their numbers; the rest is
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
        self.shared = self._emitter(self._stand_in)

    def _stand_in(self, handler: Handler) -> Handler:
        number = self._own.get(handler)
        return handler if number is None else _Whose(number, handler)

    def emitter(self, handlers: Sequence[Handler]) -> EventAliaser:
        """
        Make an emitter of its own for the client with these *handlers*.
        """
        return self._emitter(lambda handler: self.of(handler, handlers))

    def of(self, handler: Handler, handlers: Sequence[Handler]) -> Handler:
        """
        Return what takes the place of *handler* for a client.
        """
        number = self._own.get(handler)
        return handler if number is None else handlers[number]

    def _emitter(self, place: Callable[[Handler], Handler]) -> EventAliaser:
        emitter = copy.copy(self._base)
        stand_ins: dict[Handler, Handler] = {}
        for registration in self.registrations:
            handler = registration.handler
            if handler is not None:  # the same object, in case it is unregistered
                handler = stand_ins.setdefault(handler, place(handler))
            registration.on(emitter, handler)
        return EventAliaser(emitter)


class CopyOnWriteEvents(BaseEventHooks):
    """
    A client's emitter: that of all its kind, until it registers something.

    Args:
        plan: What all of its kind have in common.
    """

    def __init__(self, plan: EventPlan) -> None:
        self._plan = plan
        self._copy: EventAliaser | None = None
        self.handlers: Sequence[Handler] = ()
        """Its own ones; set before anything is emitted."""

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
        """
        Return what is called for this client where *handler* is registered.
        """
        return self.handlers[handler.number] if isinstance(handler, _Whose) else handler

    def own(self) -> EventAliaser:
        """
        Share no more; return the emitter that this one is now.
        """
        if self._copy is None:
            made = self._plan.emitter(self.handlers)
            # Another thread may do the same; the first one's counts.
            self._copy = self.__dict__.setdefault("_made", made)
        return self._copy

    def register(self, *args: Any, **kwargs: Any) -> None:
        self.own().register(*args, **kwargs)

    def register_first(self, *args: Any, **kwargs: Any) -> None:
        self.own().register_first(*args, **kwargs)

    def register_last(self, *args: Any, **kwargs: Any) -> None:
        self.own().register_last(*args, **kwargs)

    def unregister(self, *args: Any, **kwargs: Any) -> None:
        self.own().unregister(*args, **kwargs)

    def __copy__(self) -> EventAliaser:
        return copy.copy(self.own())

    @property
    def _emitter(self) -> Any:
        """
        Read by moto and others, though it is private.
        """
        own: Any = self.own()
        return own._emitter  # noqa: SLF001 - as they do
