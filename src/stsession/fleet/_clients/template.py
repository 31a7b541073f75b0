"""
A client as a template for others.
"""

from __future__ import annotations

import copy
import threading
import weakref

from collections.abc import Callable
from typing import Any, NoReturn

from botocore.hooks import BaseEventHooks, HierarchicalEmitter
from botocore.regions import EndpointResolverBuiltins

from ..._botocore.credentials import RefresherCredentials
from ..._botocore.resend import ResendHandler
from ..._core.refresher import Refresher
from .events import (
    CopyOnWriteEvents,
    EventPlan,
    EventRecorder,
    Registration,
    unknown_methods,
)
from .http import Pools, SharedHttpSession
from .parts import (
    SHARED,
    HandlerPlan,
    Parts,
    UnknownPartError,
    check_part,
    listing,
    parts_of,
)


__all__ = ["ClientTemplate", "never_refreshed"]


CONTAINERS = (dict, list, set)


class ClientTemplate:
    """
    A client that botocore made, and how to make others like it.

    It keeps neither the session that made the client nor the client's emitter: they
    would take as much memory again.

    Args:
        make: Makes a client with a new botocore session that has the given emitter;
            `None` means one with botocore's handlers.

        emitter: The emitter for the session that makes the template's client.

        pools: The connection pools that clients of all kinds share.

    Raises:
        UnknownPartError: If it has parts of which we don't know whether they may
            be shared.
    """

    unshared_events: str | None = None
    """Why its clients don't share event handlers. `None` if they do."""

    def __init__(
        self,
        make: Callable[[BaseEventHooks | None], Any],
        emitter: BaseEventHooks,
        pools: Pools,
    ) -> None:
        recorder = EventRecorder(emitter)
        self._real: Any = make(recorder)
        try:
            (recorded,) = recorder.copies  # it's for this client only
            recorder.copies.clear()  # which the client's docstrings hold
            self._take_apart(emitter, recorded)
            self.http = SharedHttpSession(
                self._real._endpoint.http_session,
                lambda: make(None)._endpoint.http_session,
                pools,
            )
            self._check_events(emitter, recorded, self._check_parts())
            self._drop_emitter()
        except (UnknownPartError, MemoryError):
            raise
        except Exception as e:  # whatever comes of parts that have changed
            msg = f"it isn't made as is known: {type(e).__name__}: {e}"
            raise UnknownPartError(msg) from e

    def _take_apart(self, base: BaseEventHooks, recorded: EventRecorder) -> None:
        if unknown_methods():
            msg = f"emitters are different: {', '.join(sorted(unknown_methods()))}"
            raise UnknownPartError(msg)
        registrations = [*_rejections(), *recorded.registrations]
        self._handlers = HandlerPlan(registrations)
        self._events = EventPlan(base, registrations, self._handlers.numbers)

    def client(self, credentials: Any, rejection: ResendHandler) -> Any:
        """
        Make a client that signs with *credentials*.
        """
        events = CopyOnWriteEvents(self._events)
        client = self._client(events, credentials, rejection)
        if self.unshared_events is not None:
            events.own()
        return client

    def _client(
        self,
        events: CopyOnWriteEvents,
        credentials: Any,
        rejection: ResendHandler,
    ) -> Any:
        real = self._real
        if real._request_signer._credentials is None:  # it doesn't sign
            credentials = None
        config = _like_with_own(real._client_config)
        user_agent = _like_with_own(real._user_agent_creator, _client_config=config)
        signer = _like(
            real._request_signer,
            _credentials=credentials,
            _event_emitter=weakref.proxy(events),
        )
        client = _like(
            real,
            _cache={},
            _client_config=config,
            _endpoint=_like(
                real._endpoint,
                _event_emitter=events,
                _lock=threading.Lock(),
                http_session=self.http,
            ),
            _request_signer=signer,
            _ruleset_resolver=_resolver(real._ruleset_resolver, events, credentials),
            _user_agent_creator=user_agent,
            meta=_like(real.meta, _client_config=config, events=events),
        )
        events.handlers = self._handlers.handlers(
            Parts(
                client=client, signer=signer, user_agent=user_agent, rejection=rejection
            )
        )
        return client

    def _check_parts(self) -> CopyOnWriteEvents:
        """
        See whether a client made from the template is like the template.

        Returns:
            Its emitter.
        """
        events = CopyOnWriteEvents(self._events)
        refresher = never_refreshed()
        light = self._client(
            events, RefresherCredentials(refresher), ResendHandler(refresher)
        )
        for ours, theirs in zip(parts_of(light), parts_of(self._real), strict=True):
            check_part(ours, theirs)
        return events

    def _check_events(
        self, base: BaseEventHooks, recorder: EventRecorder, events: CopyOnWriteEvents
    ) -> None:
        """
        See whether it emits as the template does, and nothing has been missed.
        """
        again: Any = EventPlan(base, recorder.registrations, {}).shared
        ours: Any = self._events.shared
        try:
            recorded = listing(recorder.emitter)
            replayed = listing(again._emitter)
            shared = listing(ours._emitter, events.resolved)
            own = listing(events._emitter)
        except Exception as e:  # noqa: BLE001 - it's no more than a look inside
            self.unshared_events = f"an emitter can't be read: {type(e).__name__}: {e}"
            return
        if recorded != replayed:
            msg = "not all of its event handlers are known"
            raise UnknownPartError(msg)
        if shared != own:
            self.unshared_events = "shared handlers aren't called in the same order"

    def _drop_emitter(self) -> None:
        """
        Let go of the emitter of botocore's client: each client gets its own.
        """
        real = self._real
        real.meta.events = real._endpoint._event_emitter = None
        if real._ruleset_resolver is not None:
            real._ruleset_resolver._event_emitter = None


def never_refreshed() -> Refresher:
    """
    Make a refresher for credentials that nobody signs with.
    """

    def fetch() -> NoReturn:
        msg = "a template was asked to sign"
        raise AssertionError(msg)

    return Refresher(name="a template", fetch=fetch)


def _rejections() -> list[Registration]:
    recorder = EventRecorder(HierarchicalEmitter())
    ResendHandler(never_refreshed()).register(recorder.register)
    return recorder.registrations


def _like(thing: Any, **changes: Any) -> Any:
    """
    Make a thing of the same class that differs in some attributes only.
    """
    made = object.__new__(type(thing))
    for name, value in {**vars(thing), **changes}.items():
        object.__setattr__(made, name, value)  # takes less room than a dict has
    return made


def _like_with_own(thing: Any, **changes: Any) -> Any:
    """
    The same, with containers of its own.
    """
    own = {
        name: copy.copy(value)
        for name, value in vars(thing).items()
        if type(value) in CONTAINERS and (type(thing).__name__, name) not in SHARED
    }
    return _like(thing, **{**own, **changes})


def _resolver(resolver: Any, events: BaseEventHooks, credentials: Any) -> Any:
    if resolver is None:
        return None
    builtins = dict(resolver._builtins)
    if callable(builtins.get(EndpointResolverBuiltins.ACCOUNT_ID)):
        account_id = credentials.get_deferred_property("account_id")
        builtins[EndpointResolverBuiltins.ACCOUNT_ID] = account_id
    return _like(
        resolver,
        _builtins=builtins,
        _client_context=dict(resolver._client_context),
        _event_emitter=events,
        _instance_cache={},
        _provider=_like(resolver._provider),
    )
