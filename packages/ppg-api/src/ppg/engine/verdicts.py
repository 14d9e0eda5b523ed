"""What can become of a job's existing output that might be accepted."""

from collections.abc import Mapping
from dataclasses import dataclass

from ppg_graph import Reason, Record
from ppg_invariants import FileState

__all__ = ["Changed", "NotMade", "Refused", "Taken", "UpToDate", "Verdict"]


@dataclass(frozen=True, slots=True)
class Taken:
    """The files count as made now: why the job would have run, its record, and the state of each file by name."""

    reasons: tuple[Reason, ...]
    record: Record
    files: Mapping[str, FileState]


@dataclass(frozen=True, slots=True)
class Refused:
    """It was to be taken over, and cannot be."""

    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """It would run, for these reasons, and nobody asked to take it over."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class NotMade:
    """There is nothing to take over."""


@dataclass(frozen=True, slots=True)
class UpToDate:
    """It was named, and its record holds."""


Verdict = Taken | Refused | Changed | NotMade | UpToDate
