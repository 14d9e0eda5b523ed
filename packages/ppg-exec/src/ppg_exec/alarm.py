"""A descriptor that becomes readable at a given time, for callers that wait for several descriptors."""

from __future__ import annotations

import ctypes
import os
import time

from .linux import libc

__all__ = ["Alarm"]

_NONBLOCK = os.O_NONBLOCK
_CLOEXEC = os.O_CLOEXEC
_ABSOLUTE = 1

_NEVER = 2.0**33
"""Seconds; 272 years, which the kernel can count in nanoseconds."""


class _Moment(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Moment), ("first", _Moment))


class Alarm:
    """A timerfd; `os` has it only from Python 3.13 on."""

    def __init__(self) -> None:
        self._descriptor: int = libc().timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK | _CLOEXEC)
        _check(self._descriptor)
        self._when: float | None = None

    def fileno(self) -> int:
        """Readable from the time that was set until `silence`."""
        return self._descriptor

    def set(self, when: float | None) -> None:
        """Go off at `when` (seconds of `time.monotonic`), or not at all; replaces what was set before."""
        if when == self._when:
            return
        self._when = when
        setting = _Setting()
        if when is not None:
            # At once is a nanosecond after the clock's start: zero would turn the timer off.
            nanoseconds = max(1, int(min(when, _NEVER) * 1e9))
            setting.first = _Moment(*divmod(nanoseconds, 1_000_000_000))
        _check(libc().timerfd_settime(self._descriptor, _ABSOLUTE, ctypes.byref(setting), None))

    def silence(self) -> None:
        """Make the descriptor unreadable, if it was readable."""
        self._when = None
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no timer: {os.strerror(number)}")
