from __future__ import annotations

import threading

from stsession._util import lazy


class Thing:
    """
    Makes a value at the first look.
    """

    def __init__(self, make=object):
        self.make = make
        self.made = 0

    @lazy
    def value(self):
        """
        It.
        """
        self.made += 1
        return self.make()


def test_once():
    """
    It is made when it is first asked for, and once, for each instance.
    """
    one, other = Thing(), Thing()

    assert 0 == one.made
    assert one.value is one.value
    assert one.value is not other.value
    assert 1 == one.made


def test_class():
    """
    Of the class it is what it is, docstring and all.
    """
    assert isinstance(Thing.value, lazy)
    assert "It." in Thing.value.__doc__


def test_nobody_waits():
    """
    While one instance makes its value, others make theirs.
    """
    going, done = threading.Event(), threading.Event()

    def make():
        going.set()
        done.wait(30)

    thread = threading.Thread(target=lambda: Thing(make).value)
    thread.start()
    going.wait(30)

    assert 7 == Thing(lambda: 7).value
    assert not done.is_set()

    done.set()
    thread.join()


def test_two_at_once():
    """
    If two threads make one, the first one's counts.
    """
    thing = Thing()
    thing.make = lambda: vars(thing).setdefault("value", "first") and "second"

    assert "first" == thing.value
