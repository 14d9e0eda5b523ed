"""Remembers: writes what the evaluator decided to keep into the status store, and reads what was kept."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ppg.graph.extension import Extension
from ppg.result import JobOutcome, JobState, RunResult
from ppg.status.history import History
from ppg.status.run_notes import note_generated, note_run
from ppg_graph import JobId, Reason, Record
from ppg_invariants import FileState, RunEnd, StatusStore, StoredObservation, StoredRecord

__all__ = ["Recorder"]


class Recorder(History):
    """The status store as a run uses it: remembers what was seen and made.

    Parameters:
        store: open for writing; the recorder does not close it.

    Attributes:
        run_id: the number of this run, unique within the store.
        has_news: whether an invariant looked different from the last time, or was looked at for the first time.
    """

    def __init__(self, store: StatusStore) -> None:
        super().__init__(store)
        self.run_id: int = store.begin_run()
        self.has_news: bool = False

    @property
    def durations(self) -> Mapping[JobId, float]:
        """How long jobs took when they last ran, in seconds."""
        return self._store.durations()

    @property
    def seconds_until_due(self) -> float | None:
        """How long what was recorded may still wait to be committed; None if nothing waits."""
        return self._store.seconds_until_due()

    def commit_if_due(self) -> None:
        """Commit what has waited long enough."""
        self._store.flush_if_due()

    def finish(self, result: RunResult) -> None:
        """Commit everything and close the account of the run."""
        if result.interrupted_by is not None or result.in_state(JobState.NOT_DONE):
            end = RunEnd.STOPPED
        else:
            end = RunEnd.FAILED if result.failed else RunEnd.DONE
        self._store.end_run(self.run_id, end)
        self._store.flush()

    # -- jobs --------------------------------------------------------------------------------------------

    def succeeded(
        self, job_id: JobId, record: Record, files: Mapping[str, FileState], outcome: JobOutcome
    ) -> None:
        """Remember a success."""
        self._store.put(
            job_id,
            StoredRecord(record, files, outcome.runtime, outcome.peak_memory, finished=time.time()),
        )

    def ran(self, outcome: JobOutcome, reasons: Sequence[Reason]) -> None:
        """Note how a job ended and why it ran, for those who ask later."""
        note_run(self._store, self.run_id, outcome, reasons)

    def generated(self, generator: str, extension: Extension) -> None:
        """Note what a generator made, so that it can be verified without running the generator."""
        jobs = [extension.jobs[job.job_id] for job in extension.event.jobs]
        note_generated(self._store, self.run_id, generator, extension.event, jobs)

    def forget(self, job_id: JobId) -> None:
        """Remember nothing of a job."""
        self._store.forget(job_id)

    # -- what was seen -----------------------------------------------------------------------------------

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Remember what an invariant came to, and what explains it."""
        if self._store.remember(job_id, observation):
            self.has_news = True

    def files_were_touched(self, job_id: JobId, touched: Mapping[str, FileState]) -> None:
        """Remember the new stat of files whose content is what it was."""
        stored = self._stored[job_id]
        self._store.put(job_id, replace(stored, files={**stored.files, **touched}))
