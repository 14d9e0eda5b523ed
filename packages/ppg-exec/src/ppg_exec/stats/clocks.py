"""Clocks: compares the times of changes of local files with other moments.

The kernel stamps a change with the clock of the machine, which ticks every few milliseconds. Some file systems keep less of
it, as the digits of the stamp show. No program can set this time at will. But the clock may be set.
"""

from __future__ import annotations

import time

__all__ = ["TICK", "clock_offset", "has_moved", "is_older", "resolution"]

SECOND = 1_000_000_000
TICK = 50_000_000
"""What a stamp may be behind the clock: five times the longest tick of a kernel (10 ms), for a step of the clock that counts as none, too."""
STEP = 10_000_000
"""The clock was set if it differs by more from the time since the start of the machine. Slow corrections move both."""

_MOST_TRIES = 9


def resolution(stamp: int) -> int:
    """The coarsest tick, in ns, that a stamp allows."""
    if stamp % SECOND == 0:
        return 2 * SECOND
    tick = 1
    while stamp % (tick * 10) == 0:
        tick *= 10
    return tick


def is_older(stamp: int, moment: int) -> bool:
    """Whether a local file that changes at this moment, or later, gets a later stamp than this one."""
    return stamp < moment - 2 * SECOND or (stamp < moment - TICK and stamp < moment - resolution(stamp))


def clock_offset() -> int:
    """The time of the clock when the machine was started; it changes only if the clock is set."""
    tries = 0
    while True:
        tries += 1
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        now = time.time_ns()
        # Another value means that this process was interrupted in between.
        if time.clock_gettime_ns(time.CLOCK_BOOTTIME) - before < STEP // 10 or tries == _MOST_TRIES:
            return now - before


def has_moved(offset: int) -> bool:
    """Whether the clock was set since it had this offset."""
    return abs(clock_offset() - offset) > STEP
