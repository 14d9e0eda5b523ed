"""Poller: waits for all connections of the local executor with one epoll, itself a descriptor to wait on."""

from __future__ import annotations

import ctypes
import os
import select
import time

from ppg_exec.linux import libc
from ppg_exec.transport.channel import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Poller", "Timer"]

_NONBLOCK = os.O_NONBLOCK
_CLOEXEC = os.O_CLOEXEC
_ABSOLUTE = 1
_NEVER = 2.0**33
"""Seconds; 272 years, which the kernel can count in nanoseconds."""


class Poller:
    """Poller: watches connections, and has two other reasons to make its descriptor readable.

    The executor wakes it when the caller gives it something to do, and a timer wakes it when something is
    due.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wakeup, select.EPOLLIN)
        self._woken = False
        self._timer = Timer()
        self._epoll.register(self._timer, select.EPOLLIN)
        self._watched: dict[int, bool] = {}

    def fileno(self) -> int:
        """A descriptor that is readable when `wait` would return something."""
        return self._epoll.fileno()

    def wake(self) -> None:
        """Make the descriptor readable."""
        self._woken = True
        os.eventfd_write(self._wakeup, 1)

    def clear(self) -> None:
        """Undo `wake`."""
        if self._woken:  # usually not, which saves a system call and its exception
            self._drain()

    def _drain(self) -> None:
        self._woken = False
        try:
            os.eventfd_read(self._wakeup)
        except BlockingIOError:
            return

    def wake_at(self, when: float | None) -> None:
        """Make the descriptor readable at `when` (monotonic seconds); None: only for other reasons."""
        self._timer.set(when)

    def watch(self, descriptor: int) -> None:
        """Watch a descriptor, which `wait` returns when there is something to read."""
        if descriptor not in self._watched:
            self._watched[descriptor] = False
            self._epoll.register(descriptor, select.EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Stop watching a descriptor. Descriptors that are not watched are ignored."""
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def wait(self, timeout: float | None) -> list[int]:
        """The descriptors that can be read, after at most `timeout` seconds."""
        readable = []
        for descriptor, happened in self._epoll.poll(timeout):
            if descriptor == self._wakeup:
                self._drain()
            elif descriptor == self._timer.fileno():
                self._timer.clear()
            elif happened & ~select.EPOLLOUT and descriptor in self._watched:
                readable.append(descriptor)
        return readable

    def write(self, channel: Channel[Any, Any]) -> None:
        """Write what a channel has queued; `wait` returns when the channel can take the rest."""
        if not channel.has_waiting:
            return
        try:
            channel.flush()
        except EOFError:
            return  # the other side is gone, which the reader of the channel handles
        self._watch_for_room(channel.fileno(), wanted=channel.has_waiting)

    def _watch_for_room(self, descriptor: int, *, wanted: bool) -> None:
        if self._watched.get(descriptor, wanted) != wanted:
            self._watched[descriptor] = wanted
            self._epoll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def close(self) -> None:
        """Close the descriptors."""
        self._epoll.close()
        self._timer.close()
        os.close(self._wakeup)


class Timer:
    """Timer: is a descriptor that becomes readable at a given time, for callers that wait for several descriptors.

    It is a timerfd; `os` has that only from Python 3.13 on.
    """

    def __init__(self) -> None:
        self._descriptor: int = libc().timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK | _CLOEXEC)
        _check(self._descriptor)
        self._when: float | None = None

    def fileno(self) -> int:
        """A descriptor that is readable from the time that was set until `clear`."""
        return self._descriptor

    def set(self, when: float | None) -> None:
        """Fire at `when` (seconds of `time.monotonic`), or not at all; replaces the time set before."""
        if when == self._when:
            return
        self._when = when
        setting = _Setting()
        if when is not None:
            # The earliest time is a nanosecond after the clock's start, because zero disarms the timer.
            nanoseconds = max(1, int(min(when, _NEVER) * 1e9))
            setting.first = _Moment(*divmod(nanoseconds, 1_000_000_000))
        _check(libc().timerfd_settime(self._descriptor, _ABSOLUTE, ctypes.byref(setting), None))

    def clear(self) -> None:
        """Make the descriptor unreadable, if it was readable."""
        self._when = None
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class _Moment(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Moment), ("first", _Moment))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no timer: {os.strerror(number)}")
