"""History: reads the records of earlier runs; writes nothing."""

from collections.abc import Callable, Iterator, Mapping

from ppg.status.folder_notes import files_seen, has_begun, left_broken
from ppg.status.results import Result, results_of
from ppg.status.run_notes import (
    LastAccepted,
    LastMade,
    LastRun,
    last_accepted,
    last_made,
    last_reads,
    last_run,
    last_unread,
)
from ppg_graph import Fingerprint, JobId, Record
from ppg_invariants import (
    FileState,
    FunctionEvidence,
    FunctionState,
    ResolvedFunction,
    RunEnd,
    RunSummary,
    StatusStore,
    StoredObservation,
    StoredRecord,
)

__all__ = ["History"]


class History:
    """History: reads the status store for observers.

    It discards new observations; the subclass `Recorder`, which runs use, writes them.

    Parameters:
        store: open for reading or for writing; the history does not close it.

    Attributes:
        history: the records from which the evaluator decides.
    """

    def __init__(self, store: StatusStore) -> None:
        self._store = store
        self._stored = store.records()
        self.history: Mapping[JobId, Record] = store.history()
        self._makers: dict[str, list[JobId]] | None = None

    @property
    def durations(self) -> Mapping[JobId, float]:
        """Duration of each job's last run, in seconds."""
        return self._store.durations()

    def job_ids(self) -> list[JobId]:
        """Return the ids of all jobs in the store."""
        return self._store.job_ids()

    def last_success(self, job_id: JobId) -> StoredRecord | None:
        """Return a job's record with its files, times and memory; None if there is none."""
        return self._stored.get(job_id)

    def files(self, job_id: JobId) -> Mapping[str, FileState]:
        """Return the state of each file at the job's last success, by its name relative to the root."""
        return self._stored.files(job_id)

    def own_file(self, job_id: JobId) -> FileState | None:
        """Return the recorded state of a job's one file if its name is the job id; None decides nothing."""
        return self._stored.own_file(job_id)

    def input_file(self, job_id: JobId) -> FileState | None:
        """Return the state of an input file at the last observation; None if there is none."""
        seen = self._store.observation(job_id)
        return None if seen is None else seen.file

    def files_seen(self, job_id: JobId) -> Mapping[str, FileState]:
        """Return the state of each file at the last observation of a folder, by its name in the folder."""
        return files_seen(self._store, job_id)

    def saw_files(self, job_id: JobId, files: Mapping[str, FileState]) -> None:
        """Take the state of each file of a folder; discarded here, recorded by `Recorder`."""

    def made_file(self, path: str) -> FileState | None:
        """Return the state of a file when a job last made it, by the records of all jobs; None if none did."""
        if self._makers is None:
            self._makers = {}
            # The id of a job with several files joins their names.
            for job_id in self._stored:
                for name in {job_id, *job_id.split(":")}:
                    self._makers.setdefault(name, []).append(job_id)
        found: FileState | None = None
        latest = float("-inf")
        for job_id in self._makers.get(path, ()):
            stored = self._stored.get(job_id)
            if stored is not None and path in stored.files and stored.finished > latest:
                found, latest = stored.files[path], stored.finished
        return found

    def fingerprint_of(self, job_id: JobId, state: FunctionState) -> Fingerprint:
        """Return the fingerprint of a function, which is the same across versions of Python."""
        return self._store.resolve_function(job_id, state)

    def fingerprint_that_counts(
        self,
        job_id: JobId,
        state: FunctionState,
        former: Callable[[], FunctionState | None],
        before: FunctionState | None = None,
    ) -> ResolvedFunction:
        """Return the fingerprint of a function that counts; see `ppg_invariants.functions.resolution`."""
        return self._store.fingerprint_that_counts(job_id, state, former, before)

    def last_fingerprint(self, job_id: JobId) -> Fingerprint | None:
        """Return the fingerprint of an invariant at the last observation; None if there is none."""
        seen = self._store.observation(job_id)
        return None if seen is None else seen.fingerprint

    def has_begun(self, job_id: JobId) -> bool:
        """Return whether a job began to make its folder, and its end is not recorded."""
        return has_begun(self._store, job_id)

    def left_broken(self, job_id: JobId) -> bool:
        """Return whether a job renamed its partial folder when it last failed."""
        return left_broken(self._store, job_id)

    def last_made(self, generator: JobId) -> LastMade | None:
        """Return the jobs and edges that a generator made at its last success; None if not recorded."""
        return last_made(self._store, generator)

    def last_run(self, job_id: str) -> LastRun | None:
        """Return how and why a job ran last; None if that is not recorded."""
        return last_run(self._store, job_id)

    def last_unread(self, job_id: JobId) -> tuple[int, tuple[str, ...]] | None:
        """Return the run in which a job last did not read all files that it depends on, and these files."""
        return last_unread(self._store, job_id)

    def reads_before_failure(self, job_id: JobId) -> tuple[JobId, ...]:
        """Return what a job without a record had read before it failed."""
        return last_reads(self._store, job_id)

    def last_accepted(self, job_id: JobId) -> LastAccepted | None:
        """Return when and why a job's files were accepted; None if they never were."""
        return last_accepted(self._store, job_id)

    def was_accepted(self, job_id: JobId) -> float | None:
        """Return when the files of a job's record were accepted (seconds since the epoch); None if it ran."""
        record = self._stored.get(job_id)
        return None if record is None or record.duration is not None else record.finished

    def start_of_success(self, job_id: JobId) -> float | None:
        """Return when the run began in which a job last succeeded (seconds since the epoch); None if it never did."""
        record = self._stored.get(job_id)
        if record is None:
            return None
        return max((started for _, started, _ in self.runs() if started <= record.finished), default=None)

    def summaries(self, limit: int) -> list[RunSummary]:
        """Return the last runs, the newest first, with their times and ends."""
        return self._store.runs(limit)

    def results(self, run_id: int) -> list[Result]:
        """Return what a run made of the jobs that ran in it."""
        return list(results_of(self._store, run_id))

    def runs(self) -> Iterator[tuple[int, float, bool]]:
        """Yield every run, the newest first: its number, its start, and whether its end is recorded."""
        for run in self._store.runs(limit=-1):
            yield run.run_id, run.started, run.end is not RunEnd.UNKNOWN

    def evidence(self, fingerprint: Fingerprint) -> bytes | FunctionEvidence | None:
        """Return the parameters or the function of a fingerprint; None if they were never recorded."""
        return self._store.evidence(fingerprint)

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Take an invariant's observation; discarded here, recorded by `Recorder`."""

    def files_were_touched(self, job_id: JobId, touched: Mapping[str, FileState]) -> None:
        """Take the new stat of files with unchanged content; discarded here, recorded by `Recorder`."""
