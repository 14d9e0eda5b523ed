"""Room index: finds the machine with the most free cores, among many, in constant time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Machine", "RoomIndex"]


@dataclass(slots=True, eq=False)
class Machine:
    """Machine: is one machine as placement sees it.

    `room` is the number of its cores less the cores of all tasks that are there. It is negative if tasks were sent ahead.
    `loads` are those that it has, or is to get. A machine that is `reserved` takes the task that it is reserved for, one that
    is draining takes none.
    """

    name: str
    cores: int
    memory: int
    room: int = 0
    loads: set[str] = field(default_factory=set)
    tasks: dict[Any, int] = field(default_factory=dict)
    """the tasks there, in the order in which they were placed, with the cores that each takes"""
    reserved: Any = None
    is_draining: bool = False
    indexes: list[RoomIndex] = field(default_factory=list)
    """the indexes that have this machine"""

    @property
    def shape(self) -> tuple[int, int]:
        """Machines of one shape count cores and memory alike."""
        return self.cores, self.memory


class RoomIndex:
    """RoomIndex: holds machines by their room; those with the same room come in the order in which they got it."""

    __slots__ = ("_largest", "_machines", "cores")

    def __init__(self) -> None:
        self.cores: int = 0
        """of all machines together"""
        self._machines: dict[int, dict[Machine, None]] = {}
        self._largest = 0

    def __len__(self) -> int:
        return sum(map(len, self._machines.values()))

    def __iter__(self) -> Iterator[Machine]:
        for machines in self._machines.values():
            yield from machines

    def add(self, machine: Machine) -> None:
        """Add a machine."""
        if not self._machines or machine.room > self._largest:
            self._largest = machine.room
        self._machines.setdefault(machine.room, {})[machine] = None
        self.cores += machine.cores

    def remove(self, machine: Machine) -> None:
        """Remove a machine, of which the room has not changed since it was added."""
        machines = self._machines[machine.room]
        del machines[machine]
        self.cores -= machine.cores
        if not machines:
            del self._machines[machine.room]
            if machine.room == self._largest and self._machines:
                # Few values of room are in use at one time, at most as many as a machine has cores, and tasks ahead.
                self._largest = max(self._machines)

    def roomiest(self) -> Machine | None:
        """The machine with the most room; None if there is no machine."""
        return next(iter(self._machines[self._largest])) if self._machines else None
