"""Status store: keeps records, observations and the history of runs from run to run.

The store is one SQLite file. At the start it reads three tables (records, jobs, codes), and keeps the rows
packed in memory. It unpacks each record on demand. It reads explanations of decisions from the file on
demand.

Changes are visible through this object at once. The store writes them together in one transaction: after
`flush_after` seconds, or at 1,000 changes if these come first. A StatusStore belongs to one process and one
thread.
"""

# ruff: noqa: PTH110
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import functools
import json
import os
import socket
import sqlite3
import time
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ppg_graph import Fingerprint, JobId
from ppg_invariants.errors import StoreDamagedWarning, StoreError, remedy
from ppg_invariants.functions.across_versions import CanonicalCodes
from ppg_invariants.functions.evidence import (
    Evidence,
    FunctionEvidence,
    evidence_of,
    pack_evidence,
    unpack_evidence,
)
from ppg_invariants.functions.fingerprint import FunctionState
from ppg_invariants.store import database, repair, schema
from ppg_invariants.store.codec import (
    NO_NAME,
    DamagedError,
    is_sound,
    pack_observation,
    pack_record,
    unpack_observation,
)
from ppg_invariants.store.job_names import load_names, stored_name
from ppg_invariants.store.lock import WriterLock
from ppg_invariants.store.records import (
    DamageReport,
    RunEnd,
    RunEvent,
    RunSummary,
    StoredObservation,
    StoredRecord,
)
from ppg_invariants.store.views import Durations, History, StoredRecords

__all__ = ["StatusStore"]

_BATCH = 1000
_Statement = tuple[str, tuple[object, ...]]


class StatusStore:
    """Status store: reads and writes the store at a path; `StatusStore.open` makes one."""

    def __init__(
        self, path: str, source: "database.Reader | sqlite3.Connection", lock: WriterLock | None
    ) -> None:
        self.path = path
        self.damage: DamageReport | None = None
        """The damage of the file, if opening it required a repair."""
        self.flush_after: float = 0.1
        """Seconds that a change may wait, so that later changes are written with it."""
        self._source = source
        self._lock = lock
        self._owner = os.getpid()
        self._closed = False
        self._pending: list[_Statement] = []
        self._pending_since: float | None = None
        self._kept_texts: set[bytes] = set()
        self._load()

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
            return cls._read(path)
        except sqlite3.DatabaseError as error:
            if not database.is_damage(error):
                raise _readable_error(path, error) from error
            what = str(error)
        saved, report = repair.salvage_into_memory(path, what)
        store = cls(path, saved, None)
        store._report(report)
        return store

    @classmethod
    def _read(cls, path: str) -> Self:
        database.check_length(path)
        reader = database.Reader(path)
        try:
            if schema.check(reader.select, path) < schema.SCHEMA_VERSION:
                raise StoreError(  # noqa: TRY301
                    f"the status store {path} has an older schema; run the pipegraph once, which brings it up to date"
                )
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
            if not os.path.lexists(path):
                database.create_store(path)
            try:
                return cls._connect(path, lock)
            except OSError as error:
                raise StoreError(
                    f"the status store {path} cannot be used: {error.strerror}; remove it, if it is a link, "
                    "or choose another status file"
                ) from error
            except sqlite3.DatabaseError as error:
                if not database.is_damage(error):
                    raise _readable_error(path, error) from error
                what = str(error)
            report = repair.replace_damaged(path, what)
            store = cls._connect(path, lock)
            store._report(report)
        except BaseException:
            lock.release()
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

    def _report(self, report: DamageReport) -> None:
        self.damage = report
        saved = sum(report.saved.values())
        where = f"it was moved to {report.moved_to}; " if report.moved_to else ""
        warnings.warn(
            f"the status store {self.path} is damaged ({report.what}); {where}the readable rows are "
            f"in use (rows: {saved}, of jobs: {report.saved['records']}). Jobs without a saved record run again",
            StoreDamagedWarning,
            stacklevel=5,
        )

    # Reading

    def records(self) -> StoredRecords:
        """Return a live view of the last success of every job, by job id. It omits damaged records."""
        return StoredRecords(self._records, self._names)

    def history(self) -> History:
        """Return a live view of the part of every record that the evaluator compares."""
        return History(self._records, self._names)

    def durations(self) -> Durations:
        """Return a live view of the seconds that each job took when it last ran."""
        return Durations(self._records)

    def observation(self, job_id: JobId) -> StoredObservation | None:
        """Return the last observation of an invariant, with its evidence; None if missing or damaged."""
        packed = self._observations().get(job_id)
        if packed is None:
            return None
        try:
            fingerprint, file = unpack_observation(job_id, packed)
        except DamagedError:
            return None
        evidence = None if file is not None else self.evidence(fingerprint)
        if isinstance(evidence, FunctionEvidence):
            return StoredObservation(fingerprint, function=evidence)
        return StoredObservation(fingerprint, file, evidence)

    def evidence(self, fingerprint: Fingerprint) -> Evidence | None:
        """Return the evidence of a fingerprint; None if the store has none, or it is damaged."""
        for (packed,) in self._select("SELECT packed FROM evidence WHERE fingerprint = ?", fingerprint):
            try:
                return unpack_evidence(packed, self._text)
            except ValueError:
                return None
        return None

    def runs(self, limit: int = 20) -> list[RunSummary]:
        """Return the last runs, the newest first."""
        return [
            RunSummary(run, started, ended, RunEnd(outcome), pid, host, json.loads(details))
            for run, started, ended, outcome, pid, host, details in self._select(
                "SELECT id, started, ended, outcome, pid, host, details FROM runs ORDER BY id DESC LIMIT ?",
                limit,
            )
        ]

    def events(self, run_id: int) -> list[RunEvent]:
        """Return the events of one run, in the order of recording."""
        return [
            RunEvent(run_id, when, kind, None if job is None else self._names[job], json.loads(details))
            for when, kind, job, details in self._select(
                "SELECT at, kind, job, details FROM events WHERE run = ? ORDER BY rowid", run_id
            )
        ]

    def noted(self, kind: str, job_id: JobId) -> RunEvent | None:
        """Return the last note of this kind about a job; None if it is missing or damaged."""
        job = self._numbers.get(job_id)
        query = "SELECT run, at, details FROM notes WHERE job = ? AND kind = ?"
        for run, when, details in [] if job is None else self._select(query, job, kind):
            try:
                return RunEvent(run, when, kind, job_id, json.loads(details))
            except ValueError:
                return None
        return None

    def job_ids(self) -> list[JobId]:
        """Return every job that the store has a name of, the oldest first.

        Most of them have a record or an observation.
        """
        return [job_id for job_id in self._names if job_id != NO_NAME]

    def evidence_of_function(self, state: FunctionState) -> FunctionEvidence:
        """Return the evidence of a function's present state, to compare with `evidence` of earlier states."""
        return evidence_of(state, self._codes.canonical(state))

    # Writing

    def put(self, job_id: JobId, stored: StoredRecord) -> None:
        """Record a job's success in place of the earlier record."""
        packed = pack_record(job_id, stored, self._number)
        self._records[job_id] = packed
        self._write("INSERT OR REPLACE INTO records VALUES (?, ?)", self._number(job_id), packed)

    def forget(self, job_id: JobId) -> None:
        """Remove a job's record; harmless if there is none."""
        if self._records.pop(job_id, None) is not None:
            self._write("DELETE FROM records WHERE job = ?", self._number(job_id))

    def remember(self, job_id: JobId, observation: StoredObservation) -> bool:
        """Keep the last observation of an invariant, and the evidence of its fingerprint.

        An observation equal to the last one is cheap.

        Returns:
            Whether the observation differs from the last one.
        """
        packed = pack_observation(job_id, observation.fingerprint, observation.file)
        seen = self._observations()
        if seen.get(job_id) == packed:
            return False
        seen[job_id] = packed
        self._write("INSERT OR REPLACE INTO observations VALUES (?, ?)", self._number(job_id), packed)
        evidence = observation.function if observation.parameters is None else observation.parameters
        if isinstance(evidence, FunctionState):
            self._codes.note_syntax(evidence)
            self._write_codes()
            evidence = evidence_of(evidence, self._codes.canonical(evidence))
        if evidence is not None:
            packed = pack_evidence(evidence, self._keep_text)
            self._write("INSERT OR IGNORE INTO evidence VALUES (?, ?)", observation.fingerprint, packed)
        return True

    def resolve_function(self, job_id: JobId, state: FunctionState) -> Fingerprint:  # noqa: ARG002
        """Return a function's fingerprint, the same under every Python version; see `across_versions`."""
        fingerprint = state.combine(self._codes.canonical(state))
        if self._codes.has_new_rows:
            self._write_codes()
        return Fingerprint(fingerprint)

    def begin_run(self, details: Mapping[str, object] | None = None) -> int:
        """Note that a run begins, and return its number; `details` is JSON data of the caller."""
        self.flush()
        ((run_id,),) = self._rows("SELECT coalesce(max(id), 0) + 1 FROM runs")
        self._write(
            "INSERT INTO runs VALUES (?, ?, NULL, ?, ?, ?, ?)",
            run_id,
            time.time(),
            RunEnd.UNKNOWN.value,
            os.getpid(),
            socket.gethostname(),
            json.dumps(dict(details or {})),
        )
        self.flush()
        return int(run_id)

    def end_run(self, run_id: int, end: RunEnd, details: Mapping[str, object] | None = None) -> None:
        """Note how a run ended, and write it at once; `details`, if given, replace those of the beginning."""
        self._write("UPDATE runs SET ended = ?, outcome = ? WHERE id = ?", time.time(), end.value, run_id)
        if details is not None:
            self._write("UPDATE runs SET details = ? WHERE id = ?", json.dumps(dict(details)), run_id)
        self.flush()

    def add_event(
        self,
        run_id: int,
        kind: str,
        job_id: JobId | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Append an event to the history of a run."""
        job = None if job_id is None else self._number(job_id)
        text = json.dumps(dict(details or {}))
        self._write("INSERT INTO events VALUES (?, ?, ?, ?, ?)", run_id, time.time(), kind, job, text)

    def note(self, run_id: int, kind: str, job_id: JobId, details: Mapping[str, object]) -> None:
        """Keep an event of a run in place of the job's earlier event of this kind; `details` is JSON data."""
        job, text = self._number(job_id), json.dumps(details)
        self._write(
            "INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)", run_id, time.time(), kind, job, text
        )

    # Batches

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds the owner should call `flush_if_due`; None if no change waits."""
        if self._pending_since is None:
            return None
        return max(0.0, self._pending_since + self.flush_after - time.monotonic())

    def flush_if_due(self) -> None:
        """Write the waiting changes, if the first of them has waited for `flush_after` seconds."""
        if self.seconds_until_due() == 0.0:
            self.flush()

    def flush(self) -> None:
        """Write the waiting changes; after the return they survive the death of this process.

        Raises StoreError if they cannot be written (a full disk, for example). The changes then still wait,
        and none is lost.
        """
        if not self._pending:
            return
        self._check_owner()
        connection = self._source
        if not isinstance(connection, sqlite3.Connection):
            raise AssertionError("only a writer has changes that wait")  # noqa: TRY004 (a bug, not a wrong type)
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement, values in self._pending:
                    connection.execute(statement, values)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            what_to_do = remedy(error, "make room or make it writable")
            raise StoreError(
                f"the status store {self.path} cannot be written: {error}; its content is still valid, but "
                f"{len(self._pending)} changes are not in it; {what_to_do}, and run again"
            ) from error
        self._pending.clear()
        self._pending_since = None

    def close(self) -> None:
        """Write the waiting changes, close the file and release the lock; harmless the second time.

        In a forked child it writes and closes nothing, because file and lock belong to the parent.
        """
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._owner:
            return
        try:
            self.flush()
        finally:
            self._source.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Internals

    def _load(self) -> None:
        # Records come first. Even if a writer is at work, the names read later include all that records refer to.
        records = self._rows("SELECT job, packed FROM records")
        self._names = load_names(self._rows)
        names = self._names
        known = len(names)
        self._records: dict[JobId, bytes] = {
            names[job]: packed for job, packed in records if job < known and is_sound(names[job], packed)
        }
        self._seen: dict[JobId, bytes] | None = None
        self._codes = CanonicalCodes(
            self._rows("SELECT python, bytecode, syntax, canonical FROM codes ORDER BY rowid")
        )

    @functools.cached_property
    def _numbers(self) -> dict[JobId, int]:
        """Numbers of the jobs by name; made on first use, because most readers need none."""
        numbers = dict(zip(self._names, range(len(self._names)), strict=True))
        numbers.pop(NO_NAME, None)
        return numbers

    def _observations(self) -> dict[JobId, bytes]:
        if self._seen is None:
            self._seen = {}
            for job, packed in self._select("SELECT job, packed FROM observations"):
                if job < len(self._names):
                    self._seen[self._names[job]] = packed
        return self._seen

    def _number(self, job_id: JobId) -> int:
        number = self._numbers.get(job_id)
        if number is None:
            number = self._numbers[job_id] = len(self._names)
            self._names.append(job_id)
            self._write("INSERT INTO jobs VALUES (?, ?)", number, stored_name(job_id))
        return number

    def _write(self, statement: str, *values: object) -> None:
        if self._lock is None:
            raise StoreError(
                f"the status store {self.path} was opened for reading only; open it without read_only"
            )
        if self._closed:
            raise StoreError(f"the status store {self.path} is closed; open it again")
        if self._pending_since is None:
            self._pending_since = time.monotonic()
        self._pending.append((statement, values))
        if len(self._pending) >= _BATCH:
            self.flush()

    def _write_codes(self) -> None:
        for row in self._codes.take_new():
            if self._lock is not None:  # a reader keeps new codes only in its memory
                self._write("INSERT INTO codes VALUES (?, ?, ?, ?)", *row)

    def _keep_text(self, digest: bytes, text: str) -> None:
        if digest not in self._kept_texts:
            self._kept_texts.add(digest)
            self._write(
                "INSERT OR IGNORE INTO blobs VALUES (?, ?)", digest, text.encode("utf-8", "surrogatepass")
            )

    def _text(self, digest: bytes) -> str | None:
        rows = self._select("SELECT content FROM blobs WHERE digest = ?", digest)
        return bytes(rows[0][0]).decode("utf-8", "replace") if rows else None

    def _check_owner(self) -> None:
        if os.getpid() != self._owner:
            raise StoreError(
                f"the status store {self.path} belongs to process {self._owner}; a fork of it must not write"
            )

    def _select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return rows, waiting changes included; if the query meets damage, return none."""
        self.flush()
        try:
            return self._rows(query, *values)
        except sqlite3.DatabaseError as error:
            if database.is_damage(error):
                return []
            raise _readable_error(self.path, error) from error

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if isinstance(self._source, database.Reader):
            return self._source.select(query, values)
        return self._source.execute(query, values).fetchall()


def _readable_error(path: str, error: sqlite3.Error) -> StoreError:
    usual = "see that file and directory may be read and written, and that the disk is not full"
    return StoreError(f"the status store {path} cannot be used: {error}; {remedy(error, usual)}")
