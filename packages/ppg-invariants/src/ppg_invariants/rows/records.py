"""Records: defines the values that the status store keeps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

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
    """Stored record: describes a job's last success.

    Attributes:
        record: the part that the evaluator compares
        files: state of every output file, by path
        duration: wall time of the job in seconds, None if it never ran (its outputs were accepted)
        peak_memory: bytes, None if unknown
        finished: seconds since the epoch

    """

    record: Record
    files: Mapping[str, FileState] = field(default_factory=lambda: _NO_FILES)
    duration: float | None = None
    peak_memory: int | None = None
    finished: float = 0.0


class StoredObservation(NamedTuple):
    """Stored observation: describes the last observation of an invariant.

    Attributes:
        fingerprint: the fingerprint that was observed
        file: state of the file, for file invariants; it spares hashing next time
        parameters: encoding of the parameters, for parameter invariants
        function: state of the function, for function invariants; a FunctionState is kept as FunctionEvidence
        own: the function's own fingerprint, if the one that was observed is that of a former ppg, which watched less;
            empty if the two are equal, None if a former ppg observed the function

    """

    fingerprint: Fingerprint
    file: FileState | None = None
    parameters: bytes | None = None
    function: FunctionEvidence | FunctionState | None = None
    own: bytes | None = None


class RunEnd(Enum):
    """Run end: names how a run ended."""

    DONE = "done"
    """Every job that had to run succeeded."""
    FAILED = "failed"
    """At least one job failed."""
    STOPPED = "stopped"
    """The run was interrupted."""
    UNKNOWN = "unknown"
    """No end was recorded: the run is still active, or its process was killed."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Run summary: describes one run of a pipegraph.

    Times are in seconds since the epoch. `details` is JSON data of the caller.
    """

    run_id: int
    started: float
    ended: float | None
    end: RunEnd
    pid: int
    host: str
    details: Mapping[str, object]

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "RunSummary | None":
        """Return the summary of a row; None if it was damaged before rows had checksums."""
        run, started, ended, outcome, pid, host, details = row
        try:
            return cls(run, started, ended, RunEnd(outcome), pid, host, json.loads(details))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Run event: describes one event of a run.

    `when` is in seconds since the epoch. `details` is JSON data of the caller.
    """

    run_id: int
    when: float
    kind: str
    job_id: JobId | None
    details: Mapping[str, object]

    @classmethod
    def of(cls, row: tuple[Any, ...], job_id: JobId | None) -> "RunEvent | None":
        """Return the event of a row about this job; None if it was damaged before rows had checksums."""
        run, when, kind, _, details = row
        try:
            return cls(run, when, kind, job_id, json.loads(details))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class DamageReport:
    """Damage report: describes the damage of a status store, and its repair.

    Attributes:
        what: SQLite's error message
        moved_to: path of the copy of the damaged file; None if the store was opened for reading only
        saved: number of rows that were readable and are in use, by table

    """

    what: str
    moved_to: str | None
    saved: Mapping[str, int]
