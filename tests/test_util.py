"""Helpers: state of the process, numbers of objects, lazy values."""

from __future__ import annotations

import threading

from dataclasses import dataclass, field

import pytest

from stsession import _util
from stsession._util import fresh_process_state, lazy, number_of, per_process


@pytest.fixture(name="declared", autouse=True)
def _declared(monkeypatch):
    monkeypatch.setattr(_util, "_declared", [])


def test_state_is_made_when_it_is_used():
    """And once."""
    made = []
    state = per_process(lambda: made.append("made") or made)

    assert [] == made
    assert ["made"] == state() == state()


def test_fresh_state_and_the_former():
    """There is another value inside, made at its first use, and then the former one."""
    state, unused = per_process(list), per_process(list)
    state().append("before")
    with fresh_process_state():
        assert [] == state()
        state().append("inside")
        unused().append("inside")
        late = per_process(list)
        late().append("inside")

    assert ["before"] == state()
    assert [] == unused() == late()


def test_state_of_files_may_stay():
    """What files contain doesn't depend on the test that reads them."""
    state = per_process(list, of_files=True)
    state().append("content")
    with fresh_process_state(of_files=False):
        assert ["content"] == state()
    with fresh_process_state():
        assert [] == state()


def test_state_of_two_threads():
    """If two threads make one, the first one's counts."""

    def make():
        if not made:
            made.append(1)
            return state() and ["second"]
        return ["first"]

    made: list[int] = []
    state = per_process(make)

    assert ["first"] == state()


def test_number_is_one_objects():
    """Another object has another number, however equal it is."""

    @dataclass(frozen=True)
    class Vault:
        path: str
        token: str = field(compare=False)

    alice, bob = Vault("aws", "alice"), Vault("aws", "bob")

    assert alice == bob
    assert number_of(alice) == number_of(alice)
    assert number_of(alice) != number_of(bob)


def test_number_of_what_takes_no_reference():
    """It gets another one each time, so it is never shared."""
    assert number_of(()) != number_of(())


def test_address_that_is_used_again():
    """Numbers aren't."""

    class Thing:
        pass

    assert 20 == len({number_of(Thing()) for _ in range(20)})


class Lazy:
    """Makes a value at the first look."""

    def __init__(self, make=object):
        self.make = make
        self.made = 0

    @lazy
    def value(self):
        """It."""
        self.made += 1
        return self.make()


def test_lazy_once():
    """It is made at the first access, and once for each instance."""
    one, other = Lazy(), Lazy()

    assert 0 == one.made
    assert one.value is one.value
    assert one.value is not other.value
    assert 1 == one.made


def test_lazy_of_the_class():
    """Of the class it is what it is, docstring and all."""
    assert isinstance(Lazy.value, lazy)
    assert "It." in Lazy.value.__doc__


def test_lazy_without_a_lock():
    """While one instance makes its value, others make theirs."""
    going, done = threading.Event(), threading.Event()

    def make():
        going.set()
        done.wait(30)

    thread = threading.Thread(target=lambda: Lazy(make).value)
    thread.start()
    going.wait(30)

    assert 7 == Lazy(lambda: 7).value
    assert not done.is_set()

    done.set()
    thread.join()


def test_lazy_of_two_threads():
    """If two threads make one, the first one's counts."""
    thing = Lazy()
    thing.make = lambda: vars(thing).setdefault("value", "first") and "second"

    assert "first" == thing.value
