"""What the driver saw when it looked at an invariant, or at the files of a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ppg_graph.ids import Fingerprint

__all__ = ["FileStatus", "Files", "Observation", "Unobservable"]


class FileStatus(Enum):
    """Whether the files of a job are what its record says."""

    INTACT = "intact"
    """All there, with the recorded content."""
    MISSING = "missing"
    """At least one is not there."""
    EMPTY = "empty"
    """At least one has no content, and should have."""
    CHANGED = "changed"
    """At least one has other content than recorded: somebody changed it behind ppg's back."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an OUTPUT or LAZY job beside its record; `names` are those that have the status."""

    status: FileStatus
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unobservable:
    """An invariant that cannot be observed, say, because its file is missing. It fails, with this reason."""

    reason: str


Observation: TypeAlias = Fingerprint | Files | Unobservable
"""A fingerprint or `Unobservable` for invariants, `Files` for jobs that make files."""
