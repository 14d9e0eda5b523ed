"""Status store: keeps records, observations and the history of runs from run to run.

The store is one SQLite file. At the start it reads three tables (records, jobs, codes), and keeps the rows
packed in memory. It unpacks each record on demand, and reads explanations of decisions from the file on demand.
Changes are visible through this object at once. The store writes them together in one transaction: after
`flush_after` seconds, or at 1,000 changes if these come first. A StatusStore belongs to one process and one
thread.
"""

# ruff: noqa: PTH110
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ppg_graph import Fingerprint, JobId
from ppg_invariants.errors import StoreError
from ppg_invariants.functions.evidence import (
    Evidence,
    FunctionEvidence,
    evidence_of,
)
from ppg_invariants.functions.fingerprint import FunctionState
from ppg_invariants.functions.resolution import FormerState, ResolvedFunction, resolved
from ppg_invariants.rows.checksums import (
    RowsDamagedError,
    is_sound_row,
)
from ppg_invariants.rows.codec import (
    NO_NAME,
    OBSERVED,
    DamagedError,
    is_sound_record,
    pack_observation,
    pack_record,
    unpack_observation,
)
from ppg_invariants.rows.job_names import stored_name
from ppg_invariants.rows.records import (
    DamageReport,
    RunEnd,
    RunEvent,
    RunSummary,
    StoredObservation,
    StoredRecord,
)
from ppg_invariants.sqlite_file import database, repair, schema
from ppg_invariants.sqlite_file.lock import WriterLock
from ppg_invariants.store.evidence_tables import EvidenceTables
from ppg_invariants.store.run_history import RunHistory
from ppg_invariants.store.tables import Tables
from ppg_invariants.store.views import Durations, History, StoredRecords

__all__ = ["StatusStore"]


class StatusStore:
    """Status store: reads and writes the store at a path; `StatusStore.open` makes one."""

    def __init__(
        self, path: str, source: "database.Reader | sqlite3.Connection", lock: WriterLock | None
    ) -> None:
        self.path = path
        self._tables = Tables(path, source)
        self._run_history = RunHistory(self._tables)
        self._load()
        if lock is not None:
            self._tables.begin_to_write(lock, self._remembered)

    @property
    def damage(self) -> DamageReport | None:
        """The damage of the file, if opening it required a repair, or a repair since then."""
        return self._tables.damage

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, read_only: bool = False) -> Self:
        """Open the store at `path`; create it if it is missing and `read_only` is not set.

        With `read_only` nothing is locked, created or changed, and the records are those of this moment.
        Raises StoreLocked if another writer holds the store, StoreTooNew, StoreError.

        A damaged file is copied aside, and a StoreDamagedWarning is given; with `read_only` it stays in its
        place. `damage` then reports the rows that were saved.
        """
        name = os.fspath(path)
        return cls._open_to_read(name) if read_only else cls._open_to_write(name)

    @classmethod
    def _open_to_read(cls, path: str) -> Self:
        if not os.path.exists(path):
            raise StoreError(
                f"there is no status store {path}; nothing was run here yet; run the pipegraph once"
            )
        database.refuse_strangers(path, to_write=False)
        try:
            return database.at_second_look(lambda: cls._read(path))
        except database.READING_ERRORS as error:
            what = database.damage_of(path, error)
        saved, report = repair.salvage_into_memory(path, what)
        store = cls(path, saved, None)
        store._tables.report(report)
        return store

    @classmethod
    def _read(cls, path: str) -> Self:
        database.check_header(path)
        reader = database.Reader(path)
        try:
            if schema.check(reader.select, path) < schema.SCHEMA_VERSION:
                # The file of an earlier version stays as it is until the next run.
                return cls(path, reader.migrated(), None)
            return cls(path, reader, None)
        except BaseException:
            reader.close()
            raise

    @classmethod
    def _open_to_write(cls, path: str) -> Self:
        database.refuse_strangers(path, to_write=True)
        database.require_permission(path)
        lock = WriterLock(path)
        try:
            database.remove_unfinished(path)
            if not os.path.lexists(path):
                database.create_store(path)
            try:
                return database.at_second_look(lambda: cls._connect(path, lock))
            except OSError as error:
                raise StoreError(
                    f"the status store {path} cannot be used: {error.strerror}; remove it, if it is a link, "
                    "or choose another status file"
                ) from error
            except database.READING_ERRORS as error:
                what = database.damage_of(path, error)
            report = repair.replace_damaged(path, what)
            try:
                store = cls._connect(path, lock)
            except database.READING_ERRORS as error:
                raise StoreError(f"{repair.describe(path, report)}; it cannot be used: {error}") from error
        except BaseException:
            lock.release()
            raise
        try:
            store._tables.report(report)
        except BaseException:  # with `-W error`
            store.close()
            raise
        return store

    @classmethod
    def _connect(cls, path: str, lock: WriterLock) -> Self:
        connection = database.connect_writer(path)
        try:
            schema.migrate(connection, path)
            return cls(path, connection, lock)
        except BaseException:
            connection.close()
            raise

    # Reading

    def records(self) -> StoredRecords:
        """Return a live view of the last success of every job, by job id. It omits damaged records."""
        return StoredRecords(self._records, self._tables.names)

    def history(self) -> History:
        """Return a live view of the part of every record that the evaluator compares."""
        return History(self._records, self._tables.names)

    def durations(self) -> Durations:
        """Return a live view of the seconds that each job took when it last ran."""
        return Durations(self._records)

    def observation(self, job_id: JobId) -> StoredObservation | None:
        """Return the last observation of an invariant, with its evidence; None if missing or damaged."""
        packed = self._observations().get(job_id)
        if packed is None:
            return None
        try:
            fingerprint, file, own = unpack_observation(job_id, packed)
        except DamagedError:
            del self._observations()[job_id]
            self._tables.met_damage(str(RowsDamagedError("observations")))
            return None
        evidence = None if file is not None else self.evidence(fingerprint)
        if isinstance(evidence, FunctionEvidence):
            return StoredObservation(fingerprint, function=evidence, own=own)
        return StoredObservation(fingerprint, file, evidence)

    def evidence(self, fingerprint: Fingerprint) -> Evidence | None:
        """Return the evidence of a fingerprint; None if the store has none, or it is damaged."""
        return self._evidence.of(fingerprint)

    def runs(self, limit: int = 20) -> list[RunSummary]:
        """Return the last runs, the newest first."""
        return self._run_history.runs(limit)

    def events(self, run_id: int) -> list[RunEvent]:
        """Return the events of one run, in the order of recording; those of jobs with a lost name are omitted."""
        return self._run_history.events(run_id)

    def noted(self, kind: str, job_id: JobId) -> RunEvent | None:
        """Return the last note of this kind about a job; None if it is missing or damaged."""
        return self._run_history.noted(kind, job_id)

    def job_ids(self) -> list[JobId]:
        """Return every job that the store has a name of, the oldest first.

        Most of them have a record or an observation.
        """
        return [job_id for job_id in self._tables.names if job_id != NO_NAME]

    def evidence_of_function(self, state: FunctionState) -> FunctionEvidence:
        """Return the evidence of a function's present state, to compare with `evidence` of earlier states."""
        return evidence_of(state, self._evidence.codes)

    # Writing

    def put(self, job_id: JobId, stored: StoredRecord) -> None:
        """Record a job's success in place of the earlier record."""
        packed = pack_record(job_id, stored, self._tables.number)
        self._records[job_id] = packed
        self._tables.insert("records", self._tables.number(job_id), packed)

    def forget(self, job_id: JobId) -> None:
        """Remove a job's record; harmless if there is none."""
        if self._records.pop(job_id, None) is not None:
            self._tables.write("DELETE FROM records WHERE job = ?", self._tables.number(job_id))

    def remember(self, job_id: JobId, observation: StoredObservation) -> bool:
        """Keep the last observation of an invariant, and the evidence of its fingerprint.

        An observation equal to the last one is cheap.

        Returns:
            Whether the observation differs from the last one.
        """
        packed = pack_observation(job_id, observation.fingerprint, observation.file, observation.own)
        seen = self._observations()
        if seen.get(job_id) == packed:
            return False
        seen[job_id] = packed
        self._tables.insert("observations", self._tables.number(job_id), packed)
        evidence = observation.function if observation.parameters is None else observation.parameters
        if evidence is not None:
            self._evidence.keep(observation.fingerprint, evidence)
        return True

    def resolve_function(self, job_id: JobId, state: FunctionState) -> Fingerprint:  # noqa: ARG002
        """Return a function's own fingerprint, the same under every Python version; see `across_versions`."""
        own = Fingerprint(self._evidence.codes.fingerprint(state))
        if self._evidence.codes.has_new_rows:
            self._evidence.write_codes()
        return own

    def fingerprint_that_counts(
        self,
        job_id: JobId,
        state: FunctionState,
        former: FormerState,
        before: FunctionState | None = None,
    ) -> ResolvedFunction:
        """Return the fingerprint of a function that counts; see `resolved`."""
        own = self.resolve_function(job_id, state)
        packed = self._observations().get(job_id)
        if packed == pack_observation(job_id, own, None, b""):
            return ResolvedFunction(own, b"", is_recorded=True)
        if packed is None or (type(packed) is bytes and packed[OBSERVED] == own):
            return ResolvedFunction(own, b"")
        try:
            seen, _, known = unpack_observation(job_id, packed)
        except DamagedError:
            self.observation(job_id)  # it reports the damage
            return ResolvedFunction(own, b"")
        return resolved(self._evidence.codes, own, seen, known, former, before)

    def begin_run(self, details: Mapping[str, object] | None = None) -> int:
        """Note that a run begins, and return its number; `details` is JSON data of the caller."""
        return self._run_history.begin(details or {})

    def end_run(self, run_id: int, end: RunEnd, details: Mapping[str, object] | None = None) -> None:
        """Note how a run ended, and write it at once; `details`, if given, replace those of the beginning.

        The run was begun by this object.
        """
        self._run_history.end(run_id, end, details)

    def add_event(
        self,
        run_id: int,
        kind: str,
        job_id: JobId | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Append an event to the history of a run."""
        self._run_history.add_event(run_id, kind, job_id, details or {})

    def note(self, run_id: int, kind: str, job_id: JobId, details: Mapping[str, object]) -> None:
        """Keep an event of a run in place of the job's earlier event of this kind; `details` is JSON data."""
        self._run_history.note(run_id, kind, job_id, details)

    # Batches

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds the owner should call `flush_if_due`; None if no change waits."""
        writer = self._tables.writer
        return None if writer is None else writer.seconds_until_due()

    def flush_if_due(self) -> None:
        """Write the waiting changes, if the first of them has waited for `flush_after` seconds."""
        if self.seconds_until_due() == 0.0:
            self.flush()

    def flush(self) -> None:
        """Write the waiting changes; after the return they survive the death of this process.

        If another program deleted, replaced or damaged the store, it is made again, with a StoreDamagedWarning.
        Raises StoreError if the changes cannot be written (a full disk, for example). The changes then still
        wait, and none is lost.
        """
        self._tables.flush()

    def close(self) -> None:
        """Write the waiting changes, close the file and release the lock; harmless the second time.

        In a forked child it writes and closes nothing, because file and lock belong to the parent.
        """
        self._tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StoreError:
            if not isinstance(error, StoreError):  # the first error says what happened
                raise

    # Internals

    def _load(self) -> None:
        # Records come first. Even if a writer is at work, the names read later include all that records refer to.
        records = self._tables.rows("SELECT job, packed FROM records")
        self._tables.load_names()
        names = self._tables.names
        known = len(names)
        self._records: dict[JobId, bytes] = {
            names[job]: packed
            for job, packed in records
            if type(job) is int and 0 < job < known and is_sound_record(names[job], packed)
        }
        if len(self._records) != len(records):
            raise RowsDamagedError("records")
        self._seen: dict[JobId, bytes] | None = None
        self._evidence = EvidenceTables(self._tables)

    def _remembered(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return by table all rows in memory, for a store that is made again."""
        numbers, names = self._tables.numbers, dict(enumerate(self._tables.names))
        rows: dict[str, list[tuple[Any, ...]]] = {
            "jobs": [(number, stored_name(name)) for name, number in numbers.items()],
            "records": [(numbers[job_id], packed) for job_id, packed in self._records.items()],
            "codes": self._evidence.code_rows,
        }
        if self._seen is not None:
            seen = [(numbers[job_id], packed) for job_id, packed in self._seen.items()]
            rows["observations"] = [row for row in seen if is_sound_row("observations", row, None, names)]
        return rows

    def _observations(self) -> dict[JobId, bytes]:
        if self._seen is None:
            rows = self._tables.query("SELECT job, packed FROM observations")
            names = self._tables.names
            known = len(names)
            self._seen = {names[job]: packed for job, packed in rows if type(job) is int and 0 < job < known}
        return self._seen
