"""Recorder: reads and writes the status store for a run; it writes the records that the evaluator commits."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ppg.graph.extension import Extension
from ppg.result import JobOutcome, JobState, RunResult
from ppg.status.folder_notes import note_files_seen, note_folder
from ppg.status.history import History
from ppg.status.results import note_result
from ppg.status.run_notes import note_generated, note_reads, note_run, note_unread
from ppg_graph import JobId, Reason, Record, is_read
from ppg_invariants import FileState, RunEnd, StatusStore, StoredObservation, StoredRecord

__all__ = ["Recorder"]


class Recorder(History):
    """Recorder: writes the observations and successes of a run into the status store.

    Parameters:
        store: open for writing; the recorder does not close it.

    Attributes:
        run_id: the number of this run, unique within the store.
        has_changed_invariants: whether an observed invariant is new or differs from the last observation.
    """

    def __init__(self, store: StatusStore) -> None:
        super().__init__(store)
        self.run_id: int = store.begin_run()
        self.has_changed_invariants: bool = False

    @property
    def seconds_until_due(self) -> float | None:
        """Seconds until the next commit is due; None if no record waits."""
        return self._store.seconds_until_due()

    def commit_if_due(self) -> None:
        """Commit the records if the commit is due."""
        self._store.flush_if_due()

    def finish(self, result: RunResult) -> None:
        """Record how the run ended, and commit everything."""
        if result.interrupted_by is None and result.failed:
            end = RunEnd.FAILED
        elif result.interrupted_by is not None or result.in_state(JobState.NOT_DONE):
            end = RunEnd.STOPPED
        else:
            end = RunEnd.DONE
        counts = {
            "ran": len(result.ran),
            "failed": len(result.failed),
            "blocked": len(result.blocked),
            "not_done": len(result.in_state(JobState.NOT_DONE)),
        }
        self._store.end_run(self.run_id, end, counts)
        self._store.flush()

    # -- jobs --------------------------------------------------------------------------------------------

    def succeeded(
        self, job_id: JobId, record: Record, files: Mapping[str, FileState], outcome: JobOutcome
    ) -> None:
        """Record a success."""
        self._store.put(
            job_id,
            StoredRecord(record, files, outcome.runtime, outcome.peak_memory, finished=time.time()),
        )

    def ran(self, outcome: JobOutcome, reasons: Sequence[Reason], report: str = "") -> None:
        """Note how a job ended and why it ran, and the report of its failure, for `ppg why`; and its result, for `ppg diff`."""
        note_run(self._store, self.run_id, outcome, reasons, report)
        note_result(self._store, self.run_id, outcome, self.history.get(JobId(outcome.job_id)), reasons)

    def generated(self, generator: str, extension: Extension) -> None:
        """Note the jobs and edges that a generator made, so that verification need not run the generator."""
        # Reads are in the records of their jobs.
        made = [job for job in extension.event.jobs if not is_read(job.job_id)]
        edges = tuple(
            edge
            for edge in extension.event.edges
            if not is_read(edge.upstream) and not is_read(edge.downstream)
        )
        event = replace(extension.event, jobs=tuple(made), edges=edges)
        jobs = [extension.jobs[job.job_id] for job in made]
        note_generated(self._store, self.run_id, generator, event, jobs)

    def left_unread(self, job_id: JobId, paths: Sequence[str]) -> None:
        """Note the files that a job depends on, and did not open."""
        note_unread(self._store, self.run_id, job_id, paths)

    def failed(self, job_id: JobId, reads: Iterable[JobId]) -> None:
        """Note what a job that failed has read."""
        note_reads(self._store, self.run_id, job_id, self.history.get(job_id), reads)

    def forget(self, job_id: JobId) -> None:
        """Remove the record of a job."""
        self._store.forget(job_id)

    # -- observations ------------------------------------------------------------------------------------

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Record an invariant's fingerprint, and the parameters or function that explain it."""
        if self._store.remember(job_id, observation):
            self.has_changed_invariants = True

    def saw_files(self, job_id: JobId, files: Mapping[str, FileState]) -> None:
        """Record the state of each file of a folder."""
        note_files_seen(self._store, self.run_id, job_id, files)

    # -- folders -----------------------------------------------------------------------------------------

    def begins_folder(self, job_id: JobId) -> None:
        """Record, before a job begins to make its folder, that all in it comes from that job."""
        note_folder(self._store, self.run_id, job_id, has_begun=True)
        self._store.flush()

    def ended_folder(self, job_id: JobId, *, left_broken: bool = False) -> None:
        """Record that a job has made its folder, or that nothing is left of it."""
        note_folder(self._store, self.run_id, job_id, has_begun=False, left_broken=left_broken)

    def files_were_touched(self, job_id: JobId, touched: Mapping[str, FileState]) -> None:
        """Record the new stat of files with unchanged content."""
        stored = self._stored[job_id]
        self._store.put(job_id, replace(stored, files={**stored.files, **touched}))
