"""What the status store keeps, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ppg_graph import Fingerprint, JobId, Record
from ppg_invariants.files.state import FileState
from ppg_invariants.functions.evidence import FunctionEvidence
from ppg_invariants.functions.fingerprint import FunctionState

__all__ = [
    "DamageReport",
    "RunEnd",
    "RunEvent",
    "RunSummary",
    "StoredObservation",
    "StoredRecord",
]

_NO_FILES: Mapping[str, FileState] = {}


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A job's last success: what decides about it, and what is worth knowing.

    Attributes:
        record: the part that decisions are made from
        files: state of every output file, by path
        duration: wall time of the run in seconds, None if it was never run (accepted as it was)
        peak_memory: bytes, None if unknown
        finished: seconds since the epoch

    """

    record: Record
    files: Mapping[str, FileState] = field(default_factory=lambda: _NO_FILES)
    duration: float | None = None
    peak_memory: int | None = None
    finished: float = 0.0


class StoredObservation(NamedTuple):
    """The last look at an invariant.

    Attributes:
        fingerprint: what it came to
        file: state of the file, for file invariants: spares hashing next time
        parameters: encoding of the parameters, for parameter invariants
        function: for function invariants; a FunctionState is kept as FunctionEvidence

    """

    fingerprint: Fingerprint
    file: FileState | None = None
    parameters: bytes | None = None
    function: FunctionEvidence | FunctionState | None = None


class RunEnd(Enum):
    """How a run ended."""

    DONE = "done"
    """Every job that had to be done was."""
    FAILED = "failed"
    """At least one job failed."""
    STOPPED = "stopped"
    """It was interrupted."""
    UNKNOWN = "unknown"
    """It never said: it is still going on, or its process was killed."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of a pipegraph; times in seconds since the epoch, `details` is JSON data of the caller."""

    run_id: int
    started: float
    ended: float | None
    end: RunEnd
    pid: int
    host: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of a run; `when` in seconds since the epoch, `details` is JSON data of the caller."""

    run_id: int
    when: float
    kind: str
    job_id: JobId | None
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DamageReport:
    """What was wrong with a status store that could not be read, and what became of it.

    Attributes:
        what: the complaint of SQLite
        moved_to: where the damaged file is now; None if the store was opened for reading only
        saved: number of rows that could be read and are in use, by table

    """

    what: str
    moved_to: str | None
    saved: Mapping[str, int]
