"""Progress: counts the jobs of a run from its events, for every progress display."""

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
    """Tally: counts the jobs of a run by state, and lists the running ones.

    Attributes:
        jobs: the number of jobs that can do work.
        running: the start of each running job (seconds since the epoch), by id, oldest first.
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
        self._machines: dict[str, str] = {}

    @property
    def settled(self) -> int:
        """Number of jobs with a final outcome."""
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
                # A job that could not read its leftover cache starts a second time.
                self._forget(job_id)
            case JobStarted(job_id, _, when, machine):
                self.queued.pop(job_id, None)
                self.running[job_id] = when
                if machine:
                    self._machines[job_id] = machine
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
        """Return the counts of the run in one line."""
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
        """Yield the counts, then one line per running job with its running time."""
        yield self.line()
        for job_id, since in self.running.items():
            yield f"  running for {max(0.0, now - since):.1f} s{self.place_of(job_id)}: {one_line(job_id)}"

    def place_of(self, job_id: str) -> str:
        """Return the words that say on which machine a job runs; none if that is this one."""
        machine = self._machines.get(job_id)
        return "" if machine is None else f" on {one_line(machine)}"

    def _is_invariant(self, job_id: str) -> bool:
        """Whether the job is an invariant; `failed` counts those too, because the user must repair them."""
        return self._pipegraph is not None and self._pipegraph.job(job_id).kind is NodeKind.INVARIANT

    def _ended(self, job_id: str) -> None:
        self.queued.pop(job_id, None)
        self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        self.running.pop(job_id, None)
        self._machines.pop(job_id, None)


def winding_down_line(running: int) -> str:
    """Answer to the command `stop`, after which no more jobs start."""
    jobs = counted(running, "job has", "jobs have")
    return f"no more jobs start; the run ends when {jobs} ended ('abort' ends it at once)"
