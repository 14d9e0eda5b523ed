"""Run account: gathers reasons and failures while a graph runs, and tells at the end what led to what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ppg.account.failures import FailureGroup, Failures
from ppg.account.reasons import grouped_reasons, named
from ppg.result import JobState
from ppg.status.causes import Cause
from ppg.text import counted, one_line

if TYPE_CHECKING:
    from ppg.result import JobOutcome, RunResult

__all__ = ["RunAccount"]

MOST_FAILURES = 10
"""Number of groups of failures that have a line each."""


class RunAccount:
    """Run account: holds why the jobs of one run had to run, and how they failed.

    Attributes:
        failures: the failures so far.
    """

    def __init__(self) -> None:
        self.failures: Failures = Failures()
        self._causes: dict[str, tuple[Cause, ...]] = {}
        self._same: dict[tuple[Cause, ...], tuple[Cause, ...]] = {}

    def queued(self, job_id: str, causes: tuple[Cause, ...]) -> None:
        """Take why a job has to run."""
        # Most jobs of a large run have the same reasons, which are kept once.
        self._causes[job_id] = self._same.setdefault(causes, causes)

    def failed(self, outcome: "JobOutcome") -> bool:
        """Take a failure; return whether it is the first of its kind."""
        return len(self.failures.take(outcome).job_ids) == 1

    def blocked(self, job_ids: Iterable[str], cause: str) -> None:
        """Take jobs that cannot run because the job `cause` failed."""
        self.failures.block(job_ids, cause)

    def lines(self, result: "RunResult") -> list[str]:
        """Return why jobs had to run, what failed, and what was not done; nothing if no job had to run."""
        return [one_line(line) for line in self._lines(result)]

    def _lines(self, result: "RunResult") -> Iterator[str]:
        if self._causes:
            grouped = grouped_reasons(self._causes, result)
            for group in grouped.groups:
                after = _some(group.followers, "job", "jobs")
                yield f"why     {group.words}: {_some(group.job_ids)}" + (
                    f"; after that {after}" if after else ""
                )
            if grouped.of_several:
                yield f"why     several of these: {_some(grouped.of_several)}"
        again = [job_id for job_id in self._causes if result[job_id].attempts > 1]
        if again:
            yield f"again   {_some(again)} took more than one attempt"
        failures = self.failures.groups
        # Which of two jobs failed first is chance, so the groups name them in the order of their declaration.
        position = {job_id: number for number, job_id in enumerate(result)} if failures else {}
        for failure in failures[:MOST_FAILURES]:
            yield _failure(failure, position)
        rest = failures[MOST_FAILURES:]
        if rest:
            job_ids = sorted((job for failure in rest for job in failure.job_ids), key=position.__getitem__)
            yield f"failed  {counted(len(rest), 'other failure')}: {_some(job_ids)}"
        not_done = result.in_state(JobState.NOT_DONE)
        if not_done:
            yield f"left    not done: {_some(not_done)}"
        if failures:
            yield (
                "Fix what failed and run again: only these jobs and their downstream jobs will run. "
                "'ppg why JOB' shows each failure"
            )


def _failure(group: FailureGroup, position: Mapping[str, int]) -> str:
    place = f" ({group.place})" if group.place else ""
    job_ids, blocked = (
        sorted(each, key=lambda job_id: position.get(job_id, -1)) for each in (group.job_ids, group.blocked)
    )
    line = f"failed  {group.error}{place}: {_some(job_ids)}"
    return f"{line}; blocked: {_some(blocked)}" if blocked else line


def _some(job_ids: Sequence[str], noun: str = "job", plural: str = "") -> str:
    """The number of some jobs, and the first names; empty if there are none."""
    return f"{counted(len(job_ids), noun, plural)} ({named(job_ids)})" if job_ids else ""
