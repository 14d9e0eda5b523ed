"""Ledger: counts cores and memory, and keeps the waiting tasks in order; it needs no clock and no processes.

**Memory is paid in cores.** Each core stands for its share of the machine's memory. A task that needs more
takes as many cores as that memory belongs to. Then the sum of what is stated can never exceed what there is,
and one number, the free cores, is enough.

**Order.** Larger priority first, then first come, first served. If the first task does not fit, later ones
that do may overtake it, so that cores do not idle. They may do so `PATIENCE` times the number of cores. After
that no task starts until the first one fits: a wide task cannot starve, however many small ones come.
"""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

__all__ = ["PATIENCE", "Ledger", "Unsatisfiable", "WaitingLine"]

PATIENCE = 4
"""How many tasks per core may overtake a task that waits for more cores than are free."""

Item = TypeVar("Item")

_rank = attrgetter("rank")


class Unsatisfiable(ValueError):  # noqa: N818 - reads as what happened
    """Unsatisfiable: says that a task asks for more than there is even when nothing else runs."""


class Ledger:
    """Ledger: counts the cores of one machine, and how many of them are taken."""

    def __init__(self, cores: int, memory: int) -> None:
        """`cores` are there to give away; `memory` in bytes is spread over them evenly."""
        if cores < 1 or memory < 1:
            raise ValueError(f"a machine has at least one core and one byte, not {cores} and {memory}")
        self.cores = cores
        self.memory = memory
        self.free: int = cores

    def claim(self, cores: int, memory: int | None) -> int:
        """How many cores a task takes that keeps `cores` busy (-1: all) and needs `memory` bytes.

        Raises Unsatisfiable, with the reason.
        """
        if cores > self.cores:
            raise Unsatisfiable(f"it needs {cores} cores, and there are {self.cores}")
        claim = self.cores if cores == -1 else cores
        if memory is None:
            return claim
        if memory > self.memory:
            raise Unsatisfiable(
                f"it needs {memory / 1e9:.1f} GB of memory, and there are {self.memory / 1e9:.1f} GB"
            )
        return max(claim, min(self.cores, math.ceil(memory * self.cores / self.memory)))

    def take(self, claim: int) -> None:
        """Take that many cores, which must be free."""
        if claim > self.free:
            raise AssertionError(f"{claim} cores were taken while {self.free} are free")
        self.free -= claim

    def give_back(self, claim: int) -> None:
        """Return cores that were taken."""
        self.free += claim
        if self.free > self.cores:
            raise AssertionError(f"{self.free} cores are free, of {self.cores}")


@dataclass(slots=True)
class _Place(Generic[Item]):
    rank: tuple[float, int, int]
    claim: int
    item: Item | None
    overtaken: int = 0


_Ranked = tuple[tuple[float, int, int], _Place[Item]]
"""An item of a heap. No two ranks are equal, so comparing tuples never compares the places."""


class WaitingLine(Generic[Item]):
    """WaitingLine: holds tasks that wait, and chooses the next one. Items must be hashable."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # One heap per claim: whether a task fits depends on its claim alone, so only the first of each heap
        # matters.
        self._heaps: dict[int, list[_Ranked[Item]]] = {}
        self._places: dict[Item, _Place[Item]] = {}
        self._serial = itertools.count()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, item: object) -> bool:
        return item in self._places

    def add(self, item: Item, claim: int, priority: float, order: int) -> None:
        """Add an item; `order` decides between equal priorities: smaller first."""
        # The serial number separates an item from its own former place, which may still be in the heap.
        place = _Place((-priority, order, next(self._serial)), claim, item)
        self._places[item] = place
        heapq.heappush(self._heaps.setdefault(claim, []), (place.rank, place))

    def remove(self, item: Item) -> None:
        """Take an item out of the line, wherever it stands."""
        self._places.pop(item).item = None

    def first(self) -> Item | None:
        """The next item by order, whether it fits or not; it stays in line."""
        firsts = self._firsts()
        return min(firsts, key=_rank).item if firsts else None

    def pop(self) -> tuple[Item, int] | None:
        """Take out the next item that may start now; returns it and its claim, or None if none may."""
        firsts = self._firsts()
        if not firsts:
            return None
        head = min(firsts, key=_rank)
        if head.claim > self._ledger.free:
            if head.overtaken >= PATIENCE * self._ledger.cores:
                return None
            fitting = [place for place in firsts if place.claim <= self._ledger.free]
            if not fitting:
                return None
            head.overtaken += 1
            head = min(fitting, key=_rank)
        self._ledger.take(head.claim)
        return self._take_out(head)

    def _take_out(self, place: _Place[Item]) -> tuple[Item, int]:
        item = place.item
        assert item is not None
        self.remove(item)
        return item, place.claim

    def _firsts(self) -> list[_Place[Item]]:
        firsts = []
        for claim, heap in list(self._heaps.items()):
            while heap and heap[0][1].item is None:
                heapq.heappop(heap)
            if heap:
                firsts.append(heap[0][1])
            else:
                del self._heaps[claim]
        return firsts
