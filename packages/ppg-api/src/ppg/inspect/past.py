"""Past: lists the runs that the status store remembers, and what made a difference between two of them."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ppg.exceptions import PyPipelineGraphError
from ppg.inspect.forecast import ReadOnlyHistory, read_only_history
from ppg.result import JobState
from ppg.status.reason_details import ReasonWords
from ppg.status.results import Result
from ppg.text import counted
from ppg_graph import JobId
from ppg_invariants import RunEnd, RunSummary

__all__ = ["difference", "past_runs"]

MOST_RUNS = 10_000
LISTED = 5
"""Jobs with equal reasons beyond this number share one line."""
NAMED = 3
ENDS = {
    RunEnd.DONE: "done",
    RunEnd.FAILED: "failed",
    RunEnd.STOPPED: "stopped",
    RunEnd.UNKNOWN: "goes on, or was killed",
}


def past_runs(status_path: Path, limit: int) -> list[str]:
    """Return a line for each of the last runs, the newest first.

    Raises:
        PyPipelineGraphError: there is no such status file, or it cannot be read.
    """
    _require(status_path)
    with read_only_history(status_path) as memory:
        return [_line(run) for run in memory.summaries(limit)]


def _require(status_path: Path) -> None:
    if not status_path.exists():
        raise PyPipelineGraphError(
            f"there is no status file '{status_path}'; nothing was run here yet; run the pipegraph once"
        )


def _line(run: RunSummary) -> str:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    took = "" if run.ended is None else f"{run.ended - run.started:8.1f} s"
    names = {"ran": "ran", "failed": "failed", "blocked": "blocked", "not_done": "not done"}
    counts = [f"{run.details[key]} {word}" for key, word in names.items() if run.details.get(key)]
    parts = [ENDS[run.end], *counts]
    return f"run {run.run_id:<5} {started}  {took:>10}  {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class _Change:
    """Change: the result of a job after two runs.

    Attributes:
        before, after: the last results until each run; None if the job had not run.
        between: the results of the runs after the first one, until the second one.
    """

    before: Result | None
    after: Result
    between: tuple[Result, ...]

    @property
    def what(self) -> str:
        if self.after.state is JobState.FAILED:
            return "failed"
        if self.before is None:
            return "new"
        if self.before.state is JobState.FAILED:
            return "mended"
        return "same" if self.before.fingerprint == self.after.fingerprint else "changed"


def difference(status_path: Path, first: int, second: int) -> list[str]:
    """Return which results differ after two runs, and why the jobs had run.

    Raises:
        PyPipelineGraphError: there is no such status file, it cannot be read, or there was no such run.
    """
    _require(status_path)
    if first > second:
        first, second = second, first
    with read_only_history(status_path) as memory:
        known = {run.run_id for run in memory.summaries(MOST_RUNS)}
        for run_id in (first, second):
            if run_id not in known:
                raise PyPipelineGraphError(
                    f"there was no run {run_id}; `ppg runs` lists those that are remembered"
                )
        changes = _changes(memory, sorted(run_id for run_id in known if run_id <= second), first)
        return list(_told(changes, ReasonWords(memory, None), first, second))


def _changes(memory: ReadOnlyHistory, run_ids: list[int], first: int) -> dict[JobId, _Change]:
    """Return the jobs that ran after the run `first`, with their results."""
    before: dict[JobId, Result] = {}
    between: dict[JobId, list[Result]] = {}
    for run_id in run_ids:
        for result in memory.results(run_id):
            if run_id <= first:
                before[result.job_id] = result
            else:
                between.setdefault(result.job_id, []).append(result)
    return {
        job_id: _Change(before.get(job_id), results[-1], tuple(results))
        for job_id, results in between.items()
    }


def _told(changes: Mapping[JobId, _Change], words: ReasonWords, first: int, second: int) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    counts: dict[str, int] = {}
    for job_id, change in changes.items():
        counts[change.what] = counts.get(change.what, 0) + 1
        if change.what == "same":
            continue
        reasons = [reason for result in change.between for reason in result.reasons]
        why = "; ".join(dict.fromkeys(words.sentences(job_id, reasons)))
        groups.setdefault((change.what, why), []).append(job_id)
    for (what, why), job_ids in groups.items():
        if len(job_ids) <= LISTED:
            yield from (f"{what:<8} {job_id}: {why}" for job_id in job_ids)
        else:
            named = ", ".join(job_ids[:NAMED])
            yield f"{what:<8} {counted(len(job_ids), 'job')} ({named} and {len(job_ids) - NAMED} more): {why}"
    differing = sum(count for what, count in counts.items() if what != "same")
    same = f"; {counted(counts['same'], 'job')} ran again, with the same result" if "same" in counts else ""
    yield f"{counted(differing, 'result differs', 'results differ')} between run {first} and run {second}{same}"
