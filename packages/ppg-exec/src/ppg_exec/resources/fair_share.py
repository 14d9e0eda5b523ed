"""Fair share: decides how many cores of a machine one of several executors may use; it needs no clock and no processes.

Each executor has one core without asking, and holds a token for each further one. Executors that want more cores than they have
are *wanting*. While another one wants more, an executor uses at most its share: the cores are dealt out one by one to those that
still want one. So those that want little get all of that, and the others get the same.

A share is seldom a whole number. An executor that uses more than its share runs up a *debt* in core seconds. Until it has
paid that, by using less, it gets no part of a core more. So the odd core goes round.

A task of several cores may need more than the share. One executor at a time *collects* tokens for such a task, if it has no debt.
Meanwhile the others make do with what is left. Two that collected at the same time would wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["FairShare", "Holding", "level"]

_LITTLE = 0.05
_MOST_DEBT = 60.0
"""Core seconds; after that an executor is forgiven."""


class Holding(NamedTuple):
    """Holding: says what an executor has, and wants.

    used: cores that run tasks, with that which needs no token. wanted: cores that its tasks could use, these included. collects: the cores of the
    task that it collects tokens for, or 0.
    """

    used: int
    wanted: int
    collects: int = 0


def level(capacity: float, wanted: Sequence[int]) -> float:
    """The largest number of cores for each executor, so that all of them together use no more than there are."""
    left = capacity
    for count, most in enumerate(sorted(wanted)):
        each = left / (len(wanted) - count)
        if most >= each:
            return each
        left -= most
    return float("inf")


class FairShare:
    """FairShare: says how many cores an executor may use.

    Args:
        cores: of the machine.

    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self.debt: float = 0.0
        """core seconds that it has used beyond its share"""
        self.allowed: float = float("inf")
        """how many cores it may use; a task that runs is never ended for that"""
        self._looked: float | None = None

    def look(self, now: float, own: Holding, others: Sequence[Holding]) -> None:
        """Take in what all executors have and want at this moment (seconds)."""
        passed = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        if not any(other.wanted > other.used or other.collects for other in others):
            self.debt = 0.0
            self.allowed = float("inf")
            return
        # Each executor has one core beside the tokens, of which there is one less than cores.
        capacity = self._cores + len(others)
        share = level(capacity, [each.wanted for each in (own, *others)])
        self.debt = min(_MOST_DEBT, max(0.0, self.debt + (own.used - share) * passed))
        collected = max((other.collects for other in others), default=0)
        if own.collects:
            self.allowed = own.collects
        elif collected:
            self.allowed = max(1, (capacity - collected) // len(others))
        else:
            whole = int(share) if share < self._cores else self._cores
            self.allowed = max(1, whole + (share > whole and not self.has_debt))

    @property
    def has_debt(self) -> bool:
        """Whether it has used clearly more than its share."""
        return self.debt > _LITTLE
