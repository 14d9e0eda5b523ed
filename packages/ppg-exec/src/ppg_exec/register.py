"""The tasks that an executor has taken and not yet given back, and what its caller is to be told."""

from __future__ import annotations

from typing import NamedTuple

from .entries import Entry, Role
from .executor import Event
from .tasks import Cancelled, End, Notice, Outcome, Output, Place, Succeeded, Task, Usage

__all__ = ["NO_OUTPUT", "UNUSED", "Register", "Streams"]


class Streams(NamedTuple):
    """What a task has printed."""

    stdout: Output = Output()
    stderr: Output = Output()


NO_OUTPUT = Streams()
UNUSED = Usage()


class Register:
    """Every entry by its key, those that are at a node by their number too, and the events to come.

    Each entry that is added leaves by `report`, and its caller is told once.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.sent: dict[int, Entry] = {}
        self.loads: dict[str, Task] = {}
        """what a new node has to load again"""
        self.events: list[Event] = []
        self._numbers = 0

    def next_number(self) -> int:
        """A number that nothing else has."""
        self._numbers += 1
        return self._numbers

    def take_events(self) -> list[Event]:
        """What has happened since the last time."""
        events, self.events = self.events, []
        return events

    def report(
        self,
        entry: Entry,
        end: End,
        streams: Streams = NO_OUTPUT,
        usage: Usage = UNUSED,
        warned: tuple[str, ...] = (),
    ) -> None:
        """An entry has ended for good."""
        del self.entries[entry.task.key]
        if entry.role is Role.TASK:
            if entry.task.place is Place.NODE and isinstance(end, Succeeded):
                self.loads[entry.task.key] = entry.task
            self.events.append(
                Outcome(
                    entry.task.key,
                    end,
                    streams.stdout,
                    streams.stderr,
                    usage,
                    warned,
                    entry.attempt,
                    entry.earlier,
                )
            )
        elif not isinstance(end, Succeeded | Cancelled):
            self.events.append(Notice(f"{entry.task.key} failed: {end}"))
