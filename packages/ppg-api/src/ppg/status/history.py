"""What is remembered of earlier runs, to look at the world with; writes nothing."""

from collections.abc import Iterator, Mapping

from ppg.status.run_notes import LastAccepted, LastMade, LastRun, last_accepted, last_made, last_run
from ppg_graph import Fingerprint, JobId, Record
from ppg_invariants import (
    FileState,
    FunctionEvidence,
    FunctionState,
    RunEnd,
    StatusStore,
    StoredObservation,
    StoredRecord,
)

__all__ = ["History"]


class History:
    """The status store as an observer uses it.

    What it sees it keeps to itself; the `Recorder` of a run writes it down.

    Parameters:
        store: open for reading or for writing; the memory does not close it.

    Attributes:
        history: what decisions are made from.
    """

    def __init__(self, store: StatusStore) -> None:
        self._store = store
        self._stored = store.records()
        self.history: Mapping[JobId, Record] = store.history()

    def job_ids(self) -> list[JobId]:
        """Every job that was ever heard of."""
        return self._store.job_ids()

    def last_success(self, job_id: JobId) -> StoredRecord | None:
        """The record of a job with all that belongs to it."""
        return self._stored.get(job_id)

    def files(self, job_id: JobId) -> Mapping[str, FileState]:
        """The state of each file when the job last succeeded, by its name relative to the root."""
        return self._stored.files(job_id)

    def own_file(self, job_id: JobId) -> FileState | None:
        """The state of a job's one file, if it is called like the job; None says nothing."""
        return self._stored.own_file(job_id)

    def input_file(self, job_id: JobId) -> FileState | None:
        """The state of an input file at the last look."""
        seen = self._store.observation(job_id)
        return None if seen is None else seen.file

    def fingerprint_of(self, job_id: JobId, state: FunctionState) -> Fingerprint:
        """The fingerprint of a function, which is the same across versions of Python."""
        return self._store.resolve_function(job_id, state)

    def last_fingerprint(self, job_id: JobId) -> Fingerprint | None:
        """What an invariant came to at the last look."""
        seen = self._store.observation(job_id)
        return None if seen is None else seen.fingerprint

    def last_made(self, generator: JobId) -> LastMade | None:
        """What a generator made when it last succeeded."""
        return last_made(self._store, generator)

    def last_run(self, job_id: str) -> LastRun | None:
        """How and why a job ran last."""
        return last_run(self._store, job_id)

    def last_accepted(self, job_id: JobId) -> LastAccepted | None:
        """When and why a job's files were taken over."""
        return last_accepted(self._store, job_id)

    def was_accepted(self, job_id: JobId) -> float | None:
        """When a job's record was made from existing files, in seconds since the epoch; None if it ran."""
        record = self._stored.get(job_id)
        return None if record is None or record.duration is not None else record.finished

    def runs(self) -> Iterator[tuple[int, float, bool]]:
        """Every run, the newest first: its number, when it began, and whether it is known how it ended."""
        for run in self._store.runs(limit=-1):
            yield run.run_id, run.started, run.end is not RunEnd.UNKNOWN

    def evidence(self, fingerprint: Fingerprint) -> bytes | FunctionEvidence | None:
        """What parameters or function a fingerprint stands for, if that was ever seen."""
        return self._store.evidence(fingerprint)

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Take notice of what an invariant came to."""

    def files_were_touched(self, job_id: JobId, touched: Mapping[str, FileState]) -> None:
        """Take notice of the new stat of files whose content is what it was."""
