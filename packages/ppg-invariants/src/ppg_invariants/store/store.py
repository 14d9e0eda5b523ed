"""Status store: keeps records, observations and the history of runs from run to run.

The store is one SQLite file. At the start it reads three tables (records, jobs, codes), and keeps the rows
packed in memory. It unpacks each record on demand, and reads explanations of decisions from the file on demand.
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
from weakref import WeakSet

from ppg_graph import Fingerprint, JobId
from ppg_invariants.errors import StoreDamagedWarning, StoreError
from ppg_invariants.functions.across_versions import CanonicalCodes
from ppg_invariants.functions.components import Component, References
from ppg_invariants.functions.evidence import (
    Evidence,
    FunctionEvidence,
    evidence_of,
    evidence_of_item,
    pack_evidence,
    reached_items,
    unpack_evidence,
)
from ppg_invariants.functions.fingerprint import FunctionState
from ppg_invariants.functions.resolution import FormerState, ResolvedFunction, resolved
from ppg_invariants.store import database, repair, schema
from ppg_invariants.store.checksums import (
    TABLES,
    RowsDamagedError,
    insert_into,
    is_sound_row,
    sealed,
    sound_rows,
)
from ppg_invariants.store.codec import (
    NO_NAME,
    OBSERVED,
    DamagedError,
    is_sound_record,
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
from ppg_invariants.store.writer import Writer

__all__ = ["StatusStore"]


class StatusStore:
    """Status store: reads and writes the store at a path; `StatusStore.open` makes one."""

    def __init__(
        self, path: str, source: "database.Reader | sqlite3.Connection", lock: WriterLock | None
    ) -> None:
        self.path = path
        self._damage: DamageReport | None = None
        self._source = source
        self._closed = False
        self._begun: dict[int, tuple[Any, ...]] = {}
        self._kept_texts: set[bytes] = set()
        self._kept_items: WeakSet[Component] = WeakSet()
        self._kept_digests: set[bytes] = set()
        self._writer: Writer | None = None
        self._load()
        if lock is not None:
            assert isinstance(source, sqlite3.Connection)
            self._writer = Writer(path, source, lock, self._remembered)

    @property
    def damage(self) -> DamageReport | None:
        """The damage of the file, if opening it required a repair, or a repair since then."""
        repaired = None if self._writer is None else self._writer.damage
        return repaired or self._damage

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
        store._report(report)
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
            store._report(report)
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

    def _report(self, report: DamageReport) -> None:
        self._damage = report
        warnings.warn(repair.describe(self.path, report), StoreDamagedWarning, stacklevel=5)

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
            fingerprint, file, own = unpack_observation(job_id, packed)
        except DamagedError:
            del self._observations()[job_id]
            self._met_damage(str(RowsDamagedError("observations")))
            return None
        evidence = None if file is not None else self.evidence(fingerprint)
        if isinstance(evidence, FunctionEvidence):
            return StoredObservation(fingerprint, function=evidence, own=own)
        return StoredObservation(fingerprint, file, evidence)

    def evidence(self, fingerprint: Fingerprint) -> Evidence | None:
        """Return the evidence of a fingerprint; None if the store has none, or it is damaged."""
        for _, packed in self._select("evidence", "WHERE fingerprint = ?", fingerprint):
            try:
                return unpack_evidence(packed, self._text, self._evidence_of_item)
            except ValueError:
                return None
        return None

    def _evidence_of_item(self, digest: bytes) -> FunctionEvidence | None:
        """Return the evidence of what a global name stands for; None if there is none."""
        evidence = self.evidence(Fingerprint(digest))
        return evidence if isinstance(evidence, FunctionEvidence) else None

    def runs(self, limit: int = 20) -> list[RunSummary]:
        """Return the last runs, the newest first."""
        found = map(RunSummary.of, self._select("runs", "ORDER BY id DESC LIMIT ?", limit))
        return [run for run in found if run is not None]

    def events(self, run_id: int) -> list[RunEvent]:
        """Return the events of one run, in the order of recording; those of jobs with a lost name are omitted."""
        found = self._select("events", "WHERE run = ? ORDER BY rowid", run_id)
        names: dict[int | None, JobId | None] = {None: None, **dict(enumerate(self._names))}
        kept = (row for row in found if names.get(row[3], NO_NAME) != NO_NAME)
        events = [RunEvent.of(row, names[row[3]]) for row in kept]
        return [event for event in events if event is not None]

    def noted(self, kind: str, job_id: JobId) -> RunEvent | None:
        """Return the last note of this kind about a job; None if it is missing or damaged."""
        job = self._numbers.get(job_id)
        found = [] if job is None else self._select("notes", "WHERE job = ? AND kind = ?", job, kind)
        return RunEvent.of(found[0], job_id) if found else None

    def job_ids(self) -> list[JobId]:
        """Return every job that the store has a name of, the oldest first.

        Most of them have a record or an observation.
        """
        return [job_id for job_id in self._names if job_id != NO_NAME]

    def evidence_of_function(self, state: FunctionState) -> FunctionEvidence:
        """Return the evidence of a function's present state, to compare with `evidence` of earlier states."""
        return evidence_of(state, self._codes)

    # Writing

    def put(self, job_id: JobId, stored: StoredRecord) -> None:
        """Record a job's success in place of the earlier record."""
        packed = pack_record(job_id, stored, self._number)
        self._records[job_id] = packed
        self._insert("records", self._number(job_id), packed)

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
        packed = pack_observation(job_id, observation.fingerprint, observation.file, observation.own)
        seen = self._observations()
        if seen.get(job_id) == packed:
            return False
        seen[job_id] = packed
        self._insert("observations", self._number(job_id), packed)
        evidence = observation.function if observation.parameters is None else observation.parameters
        if isinstance(evidence, FunctionState):
            self._codes.note_syntax(evidence)
            if evidence.references is not None:
                self._keep_items(evidence.references)
            self._write_codes()
            evidence = evidence_of(evidence, self._codes)
        if evidence is not None:
            packed = pack_evidence(evidence, self._keep_text)
            self._insert("evidence", observation.fingerprint, packed)
        return True

    def _keep_items(self, references: References) -> None:
        """Keep the evidence of all that global names stand for, once for all functions that reach it."""
        for item in reached_items(references, self._kept_items):
            digest = self._codes.of_items.of(item)
            if digest not in self._kept_digests:
                self._kept_digests.add(digest)
                self._codes.note_syntax_of_item(item)
                self._insert(
                    "evidence", digest, pack_evidence(evidence_of_item(item, self._codes), self._keep_text)
                )

    def resolve_function(self, job_id: JobId, state: FunctionState) -> Fingerprint:  # noqa: ARG002
        """Return a function's own fingerprint, the same under every Python version; see `across_versions`."""
        own = Fingerprint(self._codes.fingerprint(state))
        if self._codes.has_new_rows:
            self._write_codes()
        return own

    def fingerprint_that_counts(
        self, job_id: JobId, state: FunctionState, former: FormerState
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
        return resolved(self._codes, own, seen, known, former)

    def begin_run(self, details: Mapping[str, object] | None = None) -> int:
        """Note that a run begins, and return its number; `details` is JSON data of the caller."""
        self.flush()
        run_id = 1 + max(
            (run for (run,) in self._query("SELECT max(id) FROM runs WHERE id < 1 << 40") if run), default=0
        )
        host, text = socket.gethostname().encode(errors="replace").decode(), json.dumps(dict(details or {}))
        row = (run_id, time.time(), None, RunEnd.UNKNOWN.value, os.getpid(), host, text)
        self._begun[run_id] = row
        self._insert("runs", *row)
        self.flush()
        return run_id

    def end_run(self, run_id: int, end: RunEnd, details: Mapping[str, object] | None = None) -> None:
        """Note how a run ended, and write it at once; `details`, if given, replace those of the beginning.

        The run was begun by this object.
        """
        run, started, _, _, pid, host, text = self._begun[run_id]
        if details is not None:
            text = json.dumps(dict(details))
        self._insert("runs", run, started, time.time(), end.value, pid, host, text)
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
        self._insert("events", run_id, time.time(), kind, job, text)

    def note(self, run_id: int, kind: str, job_id: JobId, details: Mapping[str, object]) -> None:
        """Keep an event of a run in place of the job's earlier event of this kind; `details` is JSON data."""
        job, text = self._number(job_id), json.dumps(details)
        self._insert("notes", run_id, time.time(), kind, job, text)

    # Batches

    def seconds_until_due(self) -> float | None:
        """Return in how many seconds the owner should call `flush_if_due`; None if no change waits."""
        return None if self._writer is None else self._writer.seconds_until_due()

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
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Write the waiting changes, close the file and release the lock; harmless the second time.

        In a forked child it writes and closes nothing, because file and lock belong to the parent.
        """
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._writer.close()
        else:
            self._source.close()

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
        records = self._rows("SELECT job, packed FROM records")
        self._names = load_names(self._rows)
        names = self._names
        known = len(names)
        self._records: dict[JobId, bytes] = {
            names[job]: packed
            for job, packed in records
            if type(job) is int and 0 < job < known and is_sound_record(names[job], packed)
        }
        if len(self._records) != len(records):
            raise RowsDamagedError("records")
        self._seen: dict[JobId, bytes] | None = None
        codes = self._rows("SELECT python, bytecode, syntax, canonical, checksum FROM codes ORDER BY rowid")
        self._code_rows = sound_rows("codes", codes)
        self._codes = CanonicalCodes(self._code_rows)

    def _remembered(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return by table all rows in memory, for a store that is made again."""
        numbers, names = self._numbers, dict(enumerate(self._names))
        rows: dict[str, list[tuple[Any, ...]]] = {
            "jobs": [(number, stored_name(name)) for name, number in numbers.items()],
            "records": [(numbers[job_id], packed) for job_id, packed in self._records.items()],
            "codes": self._code_rows,
        }
        if self._seen is not None:
            seen = [(numbers[job_id], packed) for job_id, packed in self._seen.items()]
            rows["observations"] = [row for row in seen if is_sound_row("observations", row, None, names)]
        return rows

    @functools.cached_property
    def _numbers(self) -> dict[JobId, int]:
        """Numbers of the jobs by name; made on first use, because most readers need none."""
        numbers = dict(zip(self._names, range(len(self._names)), strict=True))
        numbers.pop(NO_NAME, None)
        return numbers

    def _observations(self) -> dict[JobId, bytes]:
        if self._seen is None:
            rows = self._query("SELECT job, packed FROM observations")
            known = len(self._names)
            self._seen = {
                self._names[job]: packed for job, packed in rows if type(job) is int and 0 < job < known
            }
        return self._seen

    def _number(self, job_id: JobId) -> int:
        number = self._numbers.get(job_id)
        if number is None:
            number = self._numbers[job_id] = len(self._names)
            self._names.append(job_id)
            self._insert("jobs", number, stored_name(job_id))
        return number

    def _insert(self, table: str, *values: Any) -> None:
        self._write(insert_into(table), *sealed(table, values))

    def _write(self, statement: str, *values: object) -> None:
        if self._writer is None:
            raise StoreError(
                f"the status store {self.path} was opened for reading only; open it without read_only"
            )
        if self._closed:
            raise StoreError(f"the status store {self.path} is closed; open it again")
        self._writer.write(statement, values)

    def _write_codes(self) -> None:
        for row in self._codes.take_new():
            if self._writer is not None:  # a reader keeps new codes only in its memory
                self._code_rows.append(row)
                self._insert("codes", *row)

    def _keep_text(self, digest: bytes, text: str) -> None:
        if digest not in self._kept_texts:
            self._kept_texts.add(digest)
            self._insert("blobs", digest, text.encode("utf-8", "surrogatepass"))

    def _text(self, digest: bytes) -> str | None:
        for _, content in self._select("blobs", "WHERE digest = ?", digest):
            return bytes(content).decode("utf-8", "replace")
        return None

    def _met_damage(self, what: str) -> None:
        """Note damage that a read met: the next commit of a writer repairs it, and a reader only warns."""
        if self._writer is not None:
            self._writer.met_damage(what)
        elif self._damage is None:
            self._report(DamageReport(what, None, {}))

    def _select(self, table: str, condition: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the sound rows of a table that fulfil a condition, waiting changes included."""
        columns = ", ".join(TABLES[table])
        sound = []
        for *row, checksum in self._query(f"SELECT {columns}, checksum FROM {table} {condition}", *values):  # noqa: S608 (our own names)
            if is_sound_row(table, tuple(row), checksum, {}):
                sound.append(tuple(row))
            else:
                self._met_damage(str(RowsDamagedError(table)))
        return sound

    def _query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return rows, waiting changes included; a writer repairs damage that it meets, a reader returns none."""
        self.flush()
        for _before_repair in range(2):
            try:
                return database.at_second_look(lambda: self._rows(query, *values))
            except database.READING_ERRORS as error:
                self._met_damage(database.damage_of(self.path, error))
                self.flush()
        return []

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if self._writer is not None:
            return self._writer.connection.execute(query, values).fetchall()
        if isinstance(self._source, database.Reader):
            return self._source.select(query, values)
        return self._source.execute(query, values).fetchall()
