"""Standing in store: says how things are with the jobs that a status store remembers, without the script.

Only files are looked at: those that jobs made, those that they depend on, and those that they read. Functions, parameters
and the versions of tools are known to the script alone, and so are jobs that never ran.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ppg.exceptions import PyPipelineGraphError
from ppg.inspect.forecast import ReadOnlyHistory, read_only_history
from ppg.inspect.standing import Standing
from ppg.inspect.why import job_in_store
from ppg.paths import absolute
from ppg.result import JobState
from ppg_graph import (
    ABSENT,
    FileChanged,
    FileMissing,
    Fingerprint,
    JobId,
    NodeKind,
    ReadChanged,
    describe,
    is_read,
    path_of_read,
    read_id,
)
from ppg_invariants import FileComparison, FileState, Verdict, compare_files

__all__ = ["standing_in_store"]

NEW = Fingerprint(b"not as it was")


def standing_in_store(status_path: Path, names: Iterable[str] = ()) -> Standing:
    """Say how things are with the jobs that make files, as far as a status store and the files tell.

    Parameters:
        status_path: the status file; the pipegraph's root is taken to be its folder.
        names: the only jobs to tell of: ids, or files in whatever spelling; all if there are none.

    Raises:
        PyPipelineGraphError: there is no such status file, it cannot be read, or it knows no such job.
    """
    if not status_path.exists():
        raise PyPipelineGraphError(
            f"there is no status file '{status_path}'; nothing was run here yet; run the pipegraph once"
        )
    with read_only_history(status_path) as memory:
        wanted = {job_in_store(status_path, name, memory) for name in names}
        return _Standing(memory, os.path.abspath(status_path.parent)).of(wanted)  # noqa: PTH100 (keeps '..')


class _Standing:
    def __init__(self, memory: ReadOnlyHistory, root: str) -> None:
        self._memory = memory
        self._root = root

    def of(self, wanted: set[JobId]) -> Standing:
        memory = self._memory
        stale = self._with_other_files()
        for job_id, reasons in self._with_other_inputs().items():
            stale[job_id] = (*stale.get(job_id, ()), *reasons)
        maybe = self._below(stale)
        failed = {
            job_id: error for job_id in memory.job_ids() if (error := self._failure(job_id)) is not None
        }
        listed = [job_id for job_id in memory.history if self._makes_files(job_id)]
        chosen = [job_id for job_id in (*listed, *failed) if not wanted or job_id in wanted]
        return Standing(
            up_to_date=tuple(
                job_id
                for job_id in listed
                if job_id in chosen and job_id not in stale and job_id not in maybe
            ),
            stale={job_id: stale[job_id] for job_id in chosen if job_id in stale},
            maybe_stale={job_id: maybe[job_id] for job_id in chosen if job_id in maybe},
            failed={job_id: failed[job_id] for job_id in chosen if job_id in failed},
            never_built=(),
            blocked=(),
            problems={},
        )

    def _makes_files(self, job_id: JobId) -> bool:
        return self._memory.history[job_id].kind is NodeKind.OUTPUT

    def _failure(self, job_id: JobId) -> str | None:
        if job_id in self._memory.history or is_read(job_id):
            return None
        last = self._memory.last_run(job_id)
        return last.error or "it failed" if last is not None and last.state is JobState.FAILED else None

    # -- what the files tell ---------------------------------------------------------------------------

    def _compared(
        self, files: Mapping[tuple[str, str], FileState]
    ) -> Iterator[tuple[tuple[str, str], FileComparison]]:
        """Yield what happened to files, given by a job or an invariant and a name, since their states were recorded."""
        found = compare_files((absolute(name, self._root), state) for (_, name), state in files.items())
        yield from zip(files, found, strict=True)

    def _with_other_files(self) -> dict[JobId, tuple[str, ...]]:
        """Return the jobs with files that are not as they were left, with the reason."""
        files: dict[tuple[str, str], FileState] = {
            (job_id, name): state
            for job_id in self._memory.history
            if self._makes_files(job_id)
            for name, state in self._memory.files(job_id).items()
            if state.algorithm != "folder"
        }
        missing: dict[JobId, list[str]] = {}
        changed: dict[JobId, list[str]] = {}
        for (job_id, name), comparison in self._compared(files):
            if comparison.verdict is Verdict.MISSING:
                missing.setdefault(JobId(job_id), []).append(name)
            elif comparison.verdict not in (Verdict.INTACT, Verdict.TOUCHED):
                changed.setdefault(JobId(job_id), []).append(name)
        stale: dict[JobId, tuple[str, ...]] = {
            job_id: (describe(FileMissing(tuple(names))),) for job_id, names in missing.items()
        }
        for job_id, names in changed.items():
            stale.setdefault(job_id, (describe(FileChanged(tuple(names))),))
        return stale

    def _with_other_inputs(self) -> dict[JobId, tuple[str, ...]]:
        """Return the jobs with input files that are not as they were, with the reasons."""
        users: dict[JobId, list[JobId]] = {}
        for job_id, record in self._memory.history.items():
            for upstream in record.upstreams:
                if upstream not in self._memory.history:
                    users.setdefault(upstream, []).append(job_id)
        files: dict[tuple[str, str], FileState] = {}
        for upstream in users:
            state = self._memory.input_file(upstream)
            name = path_of_read(upstream) if is_read(upstream) else upstream
            if state is not None and upstream in (name, read_id(name)):
                files[upstream, name] = state
        stale: dict[JobId, tuple[str, ...]] = {}
        for (invariant, name), comparison in self._compared(files):
            upstream = JobId(invariant)
            now = _content(self._memory.last_fingerprint(upstream), comparison)
            for job_id in users[upstream]:
                before = self._memory.history[job_id].upstreams[upstream]
                if now == before:
                    continue
                if is_read(upstream):
                    why = describe(ReadChanged(upstream, before, now))
                else:
                    why = f"{name} {'is missing' if now == ABSENT else 'changed'}"
                stale[job_id] = (*stale.get(job_id, ()), why)
        for upstream in filter(is_read, users):
            name = path_of_read(upstream)
            if upstream == read_id(name) and os.path.exists(absolute(name, self._root)):  # noqa: PTH110 (a text)
                for job_id in users[upstream]:
                    if self._memory.history[job_id].upstreams[upstream] == ABSENT:
                        why = describe(ReadChanged(upstream, ABSENT, NEW))
                        stale[job_id] = (*stale.get(job_id, ()), why)
        return stale

    def _below(self, stale: Mapping[JobId, object]) -> dict[JobId, tuple[str, ...]]:
        """Return the jobs below stale ones, with the direct upstreams that may change."""
        users: dict[JobId, list[JobId]] = {}
        for job_id, record in self._memory.history.items():
            for upstream in record.upstreams:
                users.setdefault(upstream, []).append(job_id)
        found: dict[JobId, tuple[str, ...]] = {}
        waiting = list(stale)
        while waiting:
            upstream = waiting.pop(0)
            for job_id in users.get(upstream, ()):
                if job_id not in stale:
                    if job_id not in found:
                        waiting.append(job_id)
                    found[job_id] = (*found.get(job_id, ()), upstream)
        return {job_id: causes for job_id, causes in found.items() if self._makes_files(job_id)}


def _content(recorded: Fingerprint | None, comparison: FileComparison) -> Fingerprint:
    """Return the fingerprint of an input now, by that of its recorded state."""
    match comparison.verdict:
        case Verdict.INTACT | Verdict.TOUCHED:
            return NEW if recorded is None else recorded
        case Verdict.MISSING:
            return ABSENT
        case _:
            return NEW
