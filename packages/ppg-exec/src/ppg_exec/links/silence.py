"""Silence: says when the other side of a link has been silent for too long.

All times of a link are parts of one, after which a silent machine counts as lost. A controller that has heard a message at a time
`t` of the agent's clock, as the last one, takes the machine for lost at `t` + `lost_after` or later. What it sends until then
names `t`. The agent takes it until `t` + `fresh_seconds`, and lives for `agent_seconds` from then on. So it has ended before.

The clock goes on while a machine is suspended. So an agent that wakes up notices at once how long it has heard nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = ["LOST_AFTER", "Limits", "Silence", "boot_seconds"]

LOST_AFTER = 60.0
"""The usual `lost_after`, in seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits: says how long the sides of a link may be silent.

    Args:
        lost_after: seconds of silence after which a controller takes a machine for lost: its agent has ended by then.

    """

    lost_after: float = LOST_AFTER

    @property
    def agent_seconds(self) -> float:
        """After so many seconds of silence an agent ends its tasks and itself."""
        return self.lost_after / 2

    @property
    def fresh_seconds(self) -> float:
        """So old may be what a controller has heard last, for an agent to get what it sends."""
        return self.lost_after / 3

    @property
    def ping_seconds(self) -> float:
        """A worker sends something at least so often, which a controller answers at once."""
        return self.lost_after / 12


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
