"""Run history: keeps when runs began and how they ended, what happened in them, and the last notes about jobs."""

import json
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from ppg_graph import JobId
from ppg_invariants.rows.codec import NO_NAME
from ppg_invariants.rows.records import RunEnd, RunEvent, RunSummary
from ppg_invariants.store.tables import Tables

__all__ = ["RunHistory"]

RUNS_WITH_EVENTS = 1000
"""Number of runs of which the events are kept."""


class RunHistory:
    """Run history: reads and writes the tables `runs`, `events` and `notes` of one store.

    `StatusStore` has these methods too, and describes them.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._begun: dict[int, tuple[Any, ...]] = {}

    def runs(self, limit: int) -> list[RunSummary]:
        """Return the last runs, the newest first."""
        found = map(RunSummary.of, self._tables.select("runs", "ORDER BY id DESC LIMIT ?", limit))
        return [run for run in found if run is not None]

    def events(self, run_id: int) -> list[RunEvent]:
        """Return the events of one run, in the order of recording; those of jobs with a lost name are omitted."""
        found = self._tables.select("events", "WHERE run = ? ORDER BY rowid", run_id)
        names: dict[int | None, JobId | None] = {None: None, **dict(enumerate(self._tables.names))}
        kept = (row for row in found if names.get(row[3], NO_NAME) != NO_NAME)
        events = [RunEvent.of(row, names[row[3]]) for row in kept]
        return [event for event in events if event is not None]

    def noted(self, kind: str, job_id: JobId) -> RunEvent | None:
        """Return the last note of this kind about a job; None if it is missing or damaged."""
        job = self._tables.numbers.get(job_id)
        found = [] if job is None else self._tables.select("notes", "WHERE job = ? AND kind = ?", job, kind)
        return RunEvent.of(found[0], job_id) if found else None

    def begin(self, details: Mapping[str, object]) -> int:
        """Note that a run begins, write it at once, and return its number."""
        self._tables.flush()
        found = self._tables.query("SELECT max(id) FROM runs WHERE id < 1 << 40")
        run_id = 1 + max((run for (run,) in found if run), default=0)
        host = socket.gethostname().encode(errors="replace").decode()
        text = json.dumps(dict(details))
        row = (run_id, time.time(), None, RunEnd.UNKNOWN.value, os.getpid(), host, text)
        self._begun[run_id] = row
        if run_id > RUNS_WITH_EVENTS:
            self._tables.write("DELETE FROM events WHERE run <= ?", run_id - RUNS_WITH_EVENTS)
        self._tables.insert("runs", *row)
        self._tables.flush()
        return run_id

    def end(self, run_id: int, end: RunEnd, details: Mapping[str, object] | None) -> None:
        """Note how a run ended, and write it at once; this object has begun the run."""
        run, started, _, _, pid, host, text = self._begun[run_id]
        if details is not None:
            text = json.dumps(dict(details))
        self._tables.insert("runs", run, started, time.time(), end.value, pid, host, text)
        self._tables.flush()

    def add_event(self, run_id: int, kind: str, job_id: JobId | None, details: Mapping[str, object]) -> None:
        """Append an event to the history of a run."""
        job = None if job_id is None else self._tables.number(job_id)
        self._tables.insert("events", run_id, time.time(), kind, job, json.dumps(dict(details)))

    def note(self, run_id: int, kind: str, job_id: JobId, details: Mapping[str, object]) -> None:
        """Keep an event of a run in place of the job's earlier event of this kind."""
        job, text = self._tables.number(job_id), json.dumps(details)
        self._tables.insert("notes", run_id, time.time(), kind, job, text)
