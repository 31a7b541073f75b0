"""Copies of one boto3 client, each with its own credentials and state."""

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


__all__ = ["ClientTemplate", "placeholder_refresher"]


CONTAINERS = (dict, list, set)


class ClientTemplate:
    """
    A client that botocore made, from which others are copied.

    A template keeps neither the session that made the client nor the client's emitter,
    which would take as much memory again.

    Args:
        make: Makes a client with a new botocore session that has the given emitter.
            `None` means an emitter with botocore's handlers.

        emitter: The emitter of the session that makes the original client.

        pools: The connection pools that clients of all kinds share.

    Raises:
        UnknownPartError: If the client has parts that may not be safe to share.
    """

    unshared_events: str | None = None
    """Why the clients don't share event handlers. `None` if they do."""

    def __init__(
        self,
        make: Callable[[BaseEventHooks | None], Any],
        emitter: BaseEventHooks,
        pools: Pools,
    ) -> None:
        recorder = EventRecorder(emitter)
        self._original: Any = make(recorder)
        try:
            (recorded,) = recorder.copies  # the emitter of this client
            recorder.copies.clear()  # the client's docstrings keep the recorder
            self._take_apart(emitter, recorded)
            self.http = SharedHttpSession(
                self._original._endpoint.http_session,
                lambda: make(None)._endpoint.http_session,
                pools,
            )
            self._check_events(emitter, recorded, self._check_parts())
            self._drop_emitter()
        except (UnknownPartError, MemoryError):
            raise
        except Exception as e:  # any, if botocore's classes have changed
            msg = f"the client is made in an unknown way: {type(e).__name__}: {e}"
            raise UnknownPartError(msg) from e

    def _take_apart(self, base: BaseEventHooks, recorded: EventRecorder) -> None:
        if unknown_methods():
            msg = f"emitters have other methods: {', '.join(sorted(unknown_methods()))}"
            raise UnknownPartError(msg)
        registrations = [*_resend_registrations(), *recorded.registrations]
        self._handlers = HandlerPlan(registrations)
        self._events = EventPlan(base, registrations, self._handlers.numbers)

    def client(self, credentials: Any, resend: ResendHandler) -> Any:
        """Return a new client that signs with *credentials*."""
        events = CopyOnWriteEvents(self._events)
        client = self._copy(events, credentials, resend)
        if self.unshared_events is not None:
            events.unshare()
        return client

    def _copy(
        self, events: CopyOnWriteEvents, credentials: Any, resend: ResendHandler
    ) -> Any:
        original = self._original
        if original._request_signer._credentials is None:  # an unsigned client
            credentials = None
        config = _copy_with_containers(original._client_config)
        user_agent = _copy_with_containers(
            original._user_agent_creator, _client_config=config
        )
        signer = _copy_with(
            original._request_signer,
            _credentials=credentials,
            _event_emitter=weakref.proxy(events),
        )
        client = _copy_with(
            original,
            _cache={},
            _client_config=config,
            _endpoint=_copy_with(
                original._endpoint,
                _event_emitter=events,
                _lock=threading.Lock(),
                http_session=self.http,
            ),
            _request_signer=signer,
            _ruleset_resolver=_resolver(
                original._ruleset_resolver, events, credentials
            ),
            _user_agent_creator=user_agent,
            meta=_copy_with(original.meta, _client_config=config, events=events),
        )
        events.handlers = self._handlers.handlers(
            Parts(client=client, signer=signer, user_agent=user_agent, resend=resend)
        )
        return client

    def _check_parts(self) -> CopyOnWriteEvents:
        """
        Check that a copy shares only objects that are safe to share.

        Returns:
            The emitter of the copy.
        """
        events = CopyOnWriteEvents(self._events)
        refresher = placeholder_refresher()
        copied = self._copy(
            events, RefresherCredentials(refresher), ResendHandler(refresher)
        )
        pairs = zip(parts_of(copied), parts_of(self._original), strict=True)
        for part, original in pairs:
            check_part(part, original)
        return events

    def _check_events(
        self, base: BaseEventHooks, recorder: EventRecorder, events: CopyOnWriteEvents
    ) -> None:
        """
        Check that a copy calls the same handlers as the original, in the same order.
        """
        again: Any = EventPlan(base, recorder.registrations, {}).shared
        ours: Any = self._events.shared
        try:
            recorded = listing(recorder.emitter)
            replayed = listing(again._emitter)
            shared = listing(ours._emitter, events.resolved)
            own = listing(events._emitter)
        except Exception as e:  # noqa: BLE001 - private attributes may be missing
            self.unshared_events = f"an emitter can't be read: {type(e).__name__}: {e}"
            return
        if recorded != replayed:
            msg = "not all of its event handlers are known"
            raise UnknownPartError(msg)
        if shared != own:
            self.unshared_events = "shared handlers aren't called in the same order"

    def _drop_emitter(self) -> None:
        """Free the memory of the original's emitter, which no copy uses."""
        original = self._original
        original.meta.events = original._endpoint._event_emitter = None
        if original._ruleset_resolver is not None:
            original._ruleset_resolver._event_emitter = None


def placeholder_refresher() -> Refresher:
    """Return a refresher for credentials that never sign a request."""

    def fetch() -> NoReturn:
        msg = "a template must not sign"
        raise AssertionError(msg)

    return Refresher(name="a template", fetch=fetch)


def _resend_registrations() -> list[Registration]:
    recorder = EventRecorder(HierarchicalEmitter())
    ResendHandler(placeholder_refresher()).register(recorder.register)
    return recorder.registrations


def _copy_with(thing: Any, **changes: Any) -> Any:
    """Return a shallow copy of *thing* in which some attributes have other values."""
    made = object.__new__(type(thing))
    for name, value in {**vars(thing), **changes}.items():
        object.__setattr__(
            made, name, value
        )  # takes less memory than a filled __dict__
    return made


def _copy_with_containers(thing: Any, **changes: Any) -> Any:
    """Return such a copy with copies of the dicts, lists and sets in it."""
    containers = {
        name: copy.copy(value)
        for name, value in vars(thing).items()
        if type(value) in CONTAINERS and (type(thing).__name__, name) not in SHARED
    }
    return _copy_with(thing, **{**containers, **changes})


def _resolver(resolver: Any, events: BaseEventHooks, credentials: Any) -> Any:
    if resolver is None:
        return None
    builtins = dict(resolver._builtins)
    if callable(builtins.get(EndpointResolverBuiltins.ACCOUNT_ID)):
        account_id = credentials.get_deferred_property("account_id")
        builtins[EndpointResolverBuiltins.ACCOUNT_ID] = account_id
    return _copy_with(
        resolver,
        _builtins=builtins,
        _client_context=dict(resolver._client_context),
        _event_emitter=events,
        _instance_cache={},
        _provider=_copy_with(resolver._provider),
    )
