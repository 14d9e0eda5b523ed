"""Reason details: tells why a job runs in the terms of the user's script.

The evaluator knows ids and fingerprints. The store keeps what each fingerprint of parameters or of a function was made
of. With both, a reason names the parameter, the helper or the default that changed, instead of an invariant.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import assert_never

from ppg.jobs.invariants import name_space_of, readable_name
from ppg.result import JobState
from ppg.status.causes import Cause, CauseKind
from ppg.status.history import History
from ppg.text import counted
from ppg_graph import (
    AlwaysRuns,
    Dag,
    Demanded,
    FileChanged,
    FileEmpty,
    FileMissing,
    Fingerprint,
    Forced,
    JobId,
    NodeKind,
    NoRecord,
    ReadChanged,
    Reason,
    Targeted,
    UpstreamAdded,
    UpstreamChanged,
    UpstreamRemoved,
    describe,
    is_read,
)
from ppg_invariants import FileState, FunctionEvidence, is_of_project

__all__ = ["ReasonWords"]


MOST_DETAILED = 1000
"""How many changes of invariants a run compares in detail. Each comparison takes up to half a millisecond.

After so many, a reason only names the invariant: `its function changed`. `ppg why` still tells each change.
"""

LARGEST_COMPARED = 1 << 14
"""Bytes of encoded values that a run compares for a sentence: the run loop waits for it. `ppg why` has no limit."""

FAILED_BEFORE = "it failed last time"
NOT_VALID = "its last result is not valid any more"
_WITHOUT_RECORD = {
    text: Cause(text, kind)
    for text, kind in (
        (FAILED_BEFORE, CauseKind.FAILED),
        (NOT_VALID, CauseKind.INVALID),
        (describe(NoRecord()), CauseKind.NEW),
    )
}
"""One object for each, because most reasons of a first run are the same."""
_KINDS = {
    "PI:": CauseKind.PARAMETERS,
    "command:": CauseKind.PARAMETERS,
    "rendering:": CauseKind.PARAMETERS,
    "FI:": CauseKind.FUNCTIONS,
    "function:": CauseKind.FUNCTIONS,
}
"""The kind of cause by the name space of the invariant that changed."""
_OWN = {
    "PI:": "its parameters",
    "FI:": "its function",
    "command:": "its command",
    "rendering:": "its rendering",
}
"""What the invariants of a job are called in sentences about this job."""


class ReasonWords:
    """Reason words: puts reasons into sentences.

    Parameters:
        history: of earlier runs; has the evidence of fingerprints.
        dag: the graph; None if only the history is known.
        runs_before: whether there were earlier runs, in which a job may have failed.
        root: the folder of the pipegraph, of a caller that nothing waits for: then every change has its values, also
            those of files. None for a run.
    """

    def __init__(
        self, history: History, dag: Dag | None, *, runs_before: bool = True, root: Path | None = None
    ) -> None:
        self._root = root
        self._history = history
        self._dag = dag
        self._runs_before = runs_before
        self._compared: dict[tuple[JobId, Fingerprint, Fingerprint], str | None] = {}
        self._last_edit: float | None = None

    def sentence(self, job_id: JobId, reason: Reason) -> str:
        """The reason in one line: `minq: 20 → 29`, `helper() changed (used by make)`, `new: never built`.

        Parameters:
            job_id: of the job that runs.
            reason: why it does.
        """
        match reason:
            case NoRecord():
                return self._without_record(job_id) or describe(reason)
            case UpstreamChanged(upstream, old, new):
                if self._is_job(upstream):
                    return f"{upstream} came out differently"
                change = self._change(job_id, upstream, old, new)
                change = change or f"{readable_name(upstream)} changed{self._of_input(upstream)}"
                return _of_its_own(change, upstream, job_id)
            case FileChanged(names):
                return describe(reason) + self._of_outputs(job_id, names)
            case UpstreamAdded(upstream) if not is_read(upstream):
                return f"it depends on {self._name(upstream)} now"
            case UpstreamRemoved(upstream):
                return f"it depends no longer on {self._name(upstream)}"
            case _:
                return describe(reason)

    def sentences(self, job_id: JobId, reasons: Iterable[Reason]) -> tuple[str, ...]:
        """All reasons of a job, a line for each."""
        return tuple(self.sentence(job_id, reason) for reason in reasons)

    def causes(self, job_id: JobId, reasons: Iterable[Reason]) -> tuple[Cause, ...]:
        """All reasons of a job, as front ends group them."""
        return tuple(self._cause(job_id, reason) for reason in reasons)

    def _cause(self, job_id: JobId, reason: Reason) -> Cause:
        text = self.sentence(job_id, reason)
        match reason:
            case NoRecord():
                return _WITHOUT_RECORD.get(text) or Cause(text, CauseKind.NEW)
            case UpstreamChanged(upstream):
                if self._is_job(upstream):
                    return Cause(text, CauseKind.RESULTS, upstream)
                return Cause(text, _KINDS.get(name_space_of(upstream), CauseKind.INPUTS))
            case Demanded(by):
                return Cause(text, CauseKind.DEMAND, by)
            case ReadChanged():
                return Cause(text, CauseKind.READS)
            case UpstreamAdded() | UpstreamRemoved():
                return Cause(text, CauseKind.DEPENDENCIES)
            case FileMissing() | FileEmpty() | FileChanged():
                return Cause(text, CauseKind.OUTPUTS)
            case Targeted() | Forced():
                return Cause(text, CauseKind.ASKED)
            case AlwaysRuns():
                return Cause(text, CauseKind.ALWAYS)
            case _:
                assert_never(reason)

    def lines(self, job_id: JobId, reason: Reason, *, is_past: bool = False) -> Iterator[str]:
        """The sentence; below it, indented, what it leaves out: every change with its path, and diffs of source.

        Parameters:
            job_id: of the job that runs.
            reason: why it does, or did.
            is_past: the reason is that of an earlier run; whether the job had failed before that is not known.
        """
        if is_past and isinstance(reason, NoRecord):
            yield "it was new, or had failed before"
            return
        yield self.sentence(job_id, reason)
        if isinstance(reason, UpstreamChanged) and not self._is_job(reason.upstream):
            for line in self.change_lines(reason.old, reason.new):
                yield f"  {line}"

    def change_lines(self, old: Fingerprint, new: Fingerprint) -> list[str]:
        """Every change between two fingerprints of an invariant with its path, and diffs of source."""
        before, after = self._history.evidence(old), self._history.evidence(new)
        if before is None or after is None:
            return []
        from ppg.status.change_words import change_lines  # noqa: PLC0415 (most runs have no change to tell)

        try:
            return change_lines(before, after)
        except ValueError:
            # One side is damaged in the store; that it changed is known from the fingerprints.
            return ["(what the status store kept to show the change is damaged)"]
        except RecursionError:
            return ["(the values are nested too deeply to show the change)"]

    def _change(self, job_id: JobId, invariant: JobId, old: Fingerprint, new: Fingerprint) -> str | None:
        key = (invariant, old, new)
        if key not in self._compared:
            if self._root is None and len(self._compared) >= MOST_DETAILED:
                return None
            self._compared[key] = self._compare(job_id, invariant, old, new)
        return self._compared[key]

    def _compare(self, job_id: JobId, invariant: JobId, old: Fingerprint, new: Fingerprint) -> str | None:
        before, after = self._history.evidence(old), self._history.evidence(new)
        if before is None or after is None:
            return None
        if self._root is None and max(_size(before), _size(after)) > LARGEST_COMPARED:
            return None
        from ppg.status.change_words import change_sentence  # noqa: PLC0415 (the same)

        try:
            return change_sentence(invariant, before, after, lambda: self._no_module_was_edited(job_id))
        except (ValueError, RecursionError):
            # `change_lines` says so.
            return None

    def _of_input(self, job_id: JobId) -> str:
        """What to add about an input file: its size before and now."""
        return self._sizes(job_id, None if self._root is None else self._history.input_file(job_id))

    def _of_outputs(self, job_id: JobId, names: Iterable[str]) -> str:
        """What to add about outputs that changed outside ppg: the size of the first before and now."""
        if self._root is None:
            return ""
        before = self._history.files(job_id)
        return next((sizes for name in names if (sizes := self._sizes(name, before.get(name)))), "")

    def _sizes(self, name: str, before: FileState | None) -> str:
        if self._root is None or before is None:
            return ""
        try:
            size = (self._root / name).stat().st_size
        except OSError:
            return ""
        if size == before.size:
            return f" (other content, {counted(size, 'byte')} as before)"
        return f" ({before.size:,} → {counted(size, 'byte')})"

    def _no_module_was_edited(self, job_id: JobId) -> bool:
        """Whether the files of all loaded modules of the project are older than the run in which a job succeeded."""
        if self._dag is None:
            return False  # no script is loaded
        begun = self._history.start_of_success(job_id)
        if self._last_edit is None:
            self._last_edit = _last_edit()
        return begun is not None and self._last_edit < begun

    def _is_job(self, job_id: JobId) -> bool:
        """Whether this is a job that runs; invariants only observe."""
        if self._dag is not None and job_id in self._dag:
            return self._dag.kind(self._dag.node(job_id)) is not NodeKind.INVARIANT
        return not name_space_of(job_id) and self._history.last_fingerprint(job_id) is None

    def _without_record(self, job_id: JobId) -> str | None:
        """Why a job has no valid record although it ran before; None if it never ran."""
        last = self._history.last_run(job_id) if self._runs_before else None
        if last is None:
            return None
        # Another kind of job, an interrupted run, or a damaged store.
        return FAILED_BEFORE if last.state is JobState.FAILED else NOT_VALID

    def _name(self, job_id: JobId) -> str:
        return job_id if self._is_job(job_id) else readable_name(job_id)


def _of_its_own(text: str, invariant: JobId, job_id: JobId) -> str:
    """Return a sentence without the name of the job that it is about, so that jobs with equal reasons have equal ones."""
    space = name_space_of(invariant)
    name = invariant.removeprefix(space)
    if space not in _OWN or (name != job_id and not name.startswith(f"{job_id} (")):
        return text
    return text.replace(readable_name(invariant), _OWN[space])


def _size(evidence: bytes | FunctionEvidence) -> int:
    """Bytes of encoded values in the evidence."""
    return len(evidence if isinstance(evidence, bytes) else evidence.values)


def _last_edit() -> float:
    """Return when a file of a loaded module of the project last changed; infinity if that is not known."""
    modules: list[tuple[str, object]] = [*sys.modules.items()]  # some programs put other objects there
    files = {
        file
        for name, module in modules
        if isinstance(module, ModuleType)
        and is_of_project(name)
        and isinstance(file := vars(module).get("__file__"), str)
    }
    try:
        # No program can set this time, other than that of the last modification.
        return max((Path(file).stat().st_ctime for file in files), default=math.inf)
    except OSError:
        return math.inf
