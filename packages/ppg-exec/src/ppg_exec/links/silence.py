"""Silence: says when the other side of a link has been silent for too long.

The clock goes on while a machine is suspended. So an agent that wakes up notices at once how long it has heard nothing.
"""

from __future__ import annotations

import time

__all__ = ["AGENT_SECONDS", "CONTROLLER_SECONDS", "PING_SECONDS", "Silence", "boot_seconds"]

AGENT_SECONDS = 30.0
"""After so many seconds of silence an agent ends its tasks and itself."""
CONTROLLER_SECONDS = 60.0
"""After so many seconds of silence a controller takes a machine for lost: its agent has ended by then."""
PING_SECONDS = 5.0
"""A controller sends something at least so often."""


def boot_seconds() -> float:
    """Seconds since the machine has started, with those for which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Silence:
    """Silence: measures how long nothing has come from the other side; None as `limit`: any silence will do."""

    def __init__(self, limit: float | None, now: float) -> None:
        self.limit: float | None = limit
        self._heard = now
        self._is_off = False

    def heard(self, now: float) -> None:
        """Note that something has arrived."""
        self._heard = now

    def suspend(self) -> None:
        """Measure nothing until `resume`."""
        self._is_off = True

    def resume(self, now: float) -> None:
        """Measure again, from now on."""
        self._is_off = False
        self._heard = now

    def is_over(self, now: float) -> bool:
        """Whether the silence has lasted for the limit."""
        return self.limit is not None and not self._is_off and now - self._heard >= self.limit

    def left(self, now: float) -> float | None:
        """Seconds until it has; None if it never will."""
        if self.limit is None or self._is_off:
            return None
        return max(0.0, self._heard + self.limit - now)
