"""Where a run stands, counted from its events; what every progress display shows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from ppg.report.events import (
    Answered,
    Event,
    GraphExtended,
    JobFailed,
    JobFinished,
    JobQueued,
    JobsBlocked,
    JobsNotNeeded,
    JobStarted,
    JobsUpToDate,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopping,
    RunSuspended,
    RunWindingDown,
    StatusRequested,
    Warned,
)
from ppg.text import counted, one_line
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph

__all__ = ["Tally", "winding_down_line"]


class Tally:
    """Counts jobs, and knows which run.

    Attributes:
        jobs: how many can do work.
        running: since when (seconds since the epoch) each running job runs, by id, oldest first.
    """

    def __init__(self) -> None:
        self.jobs: int = 0
        self.ran: int = 0
        self.up_to_date: int = 0
        self.not_needed: int = 0
        self.failed: int = 0
        self.blocked: int = 0
        self._unobserved = 0
        self._pipegraph: DeclaredGraph | None = None
        self.queued: dict[str, tuple[str, ...]] = {}
        self.running: dict[str, float] = {}

    @property
    def settled(self) -> int:
        """Jobs about which nothing more will happen."""
        return self.ran + self.up_to_date + self.not_needed + self.failed - self._unobserved + self.blocked

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case RunStarted(pipegraph, _, jobs):
                self.jobs = jobs
                self._pipegraph = pipegraph
            case JobsNotNeeded(job_ids):
                self.not_needed += len(job_ids)
            case JobsUpToDate(job_ids):
                self.up_to_date += len(job_ids)
            case JobQueued(job_id, reasons):
                self.queued[job_id] = reasons
                self.running.pop(job_id, None)  # it may have begun before, with a cache that was no good
            case JobStarted(job_id, _, when):
                self.queued.pop(job_id, None)
                self.running[job_id] = when
            case JobFinished(job_id, _):
                self._ended(job_id)
                self.ran += 1
            case JobFailed(job_id, _):
                self._ended(job_id)
                self.failed += 1
                self._unobserved += self._is_invariant(job_id)
            case JobsBlocked(job_ids, _):
                self.blocked += len(job_ids)
            case GraphExtended(_, job_ids):
                self.jobs += len(job_ids)
            case Warned() | StatusRequested() | Answered() | RunSuspended() | RunResumed():
                pass
            case RunWindingDown() | RunStopping() | RunFinished():
                pass
            case _:
                assert_never(event)

    def line(self) -> str:
        """Where the run stands, in one line."""
        parts = [
            f"{self.settled:,} of {counted(self.jobs, 'job')}",
            f"{self.ran} ran",
            f"{self.up_to_date} up to date",
        ]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.blocked:
            parts.append(f"{self.blocked} blocked")
        parts.append(f"{len(self.running)} running")
        return ", ".join(parts)

    def running_lines(self, now: float) -> Iterator[str]:
        """What runs, and for how long; one line per job."""
        yield self.line()
        for job_id, since in self.running.items():
            yield f"  running for {max(0.0, now - since):.1f} s: {one_line(job_id)}"

    def _is_invariant(self, job_id: str) -> bool:
        """Whether it is not among the `jobs`; it is counted as failed all the same, as the user must mend it."""
        return self._pipegraph is not None and self._pipegraph.job(job_id).kind is NodeKind.INVARIANT

    def _ended(self, job_id: str) -> None:
        self.queued.pop(job_id, None)
        self.running.pop(job_id, None)


def winding_down_line(running: int) -> str:
    """What is said when the user wants no more jobs to start."""
    jobs = counted(running, "job has", "jobs have")
    return f"no more jobs start; the run ends when {jobs} ended ('abort' ends it at once)"
