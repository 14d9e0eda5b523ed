"""Events: describe what happens in a run, for its listeners, in the order in which it happens.

Everything that shows or stores something about a run is a listener; the run loop depends on no listener.
Times are seconds since the epoch, durations are seconds, sizes are bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppg.porting.pickles import reads_old_pickles

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph
    from ppg.result import JobOutcome, RunResult
    from ppg.status.causes import Cause

__all__ = [
    "Answered",
    "Event",
    "GraphExtended",
    "JobFailed",
    "JobFinished",
    "JobQueued",
    "JobStarted",
    "JobsBlocked",
    "JobsNotNeeded",
    "JobsUpToDate",
    "Listener",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "RunStopping",
    "RunSuspended",
    "RunWindingDown",
    "StatusRequested",
    "Warned",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The graph is complete and free of cycles; the evaluator starts."""

    pipegraph: "DeclaredGraph"
    when: float
    jobs: int
    """Jobs that can do work; invariants are not counted."""
    durations: Callable[[], Mapping[str, float]] | None = None
    """Returns the seconds that each job of the status file took last, by id; None if that is not known."""


@dataclass(frozen=True, slots=True)
class JobsUpToDate:
    """These jobs need not run."""

    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobsNotNeeded:
    """No job of this run demands these jobs."""

    job_ids: tuple[str, ...]


@reads_old_pickles
@dataclass(frozen=True, slots=True)
class JobQueued:
    """The job has to run; it starts when cores and memory allow."""

    job_id: str
    reasons: tuple[str, ...]
    causes: tuple["Cause", ...] = ()
    """The same reasons, as front ends group them."""


@reads_old_pickles
@dataclass(frozen=True, slots=True)
class JobStarted:
    """The job's process runs."""

    job_id: str
    pid: int
    when: float
    machine: str = ""
    """The name of the machine, if the job runs on another one."""


@dataclass(frozen=True, slots=True)
class JobFinished:
    """The job succeeded; its record is committed within 0.1 s."""

    job_id: str
    outcome: "JobOutcome"


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The job failed, or an invariant could not be observed."""

    job_id: str
    outcome: "JobOutcome"


@dataclass(frozen=True, slots=True)
class JobsBlocked:
    """These jobs cannot run, because a job upstream failed."""

    job_ids: tuple[str, ...]
    cause: str
    """The job that failed."""


@dataclass(frozen=True, slots=True)
class GraphExtended:
    """A generator has added jobs to the graph."""

    generator: str
    job_ids: tuple[str, ...]
    """The new jobs that can do work."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning for the user; no job failed because of it."""

    message: str


@dataclass(frozen=True, slots=True)
class StatusRequested:
    """The user pressed Enter: show the running jobs."""

    when: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The user typed a command at the terminal; `text` is the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class RunSuspended:
    """The user pressed Ctrl-Z: this process is about to stop, and another process gets the terminal."""


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The run continues after Ctrl-Z, in the foreground or in the background."""


@dataclass(frozen=True, slots=True)
class RunWindingDown:
    """The user typed `stop`: no more jobs start, and the run ends when the running jobs have ended."""

    running: int
    """Number of jobs that run at this moment."""


@dataclass(frozen=True, slots=True)
class RunStopping:
    """The user ends the run; the running jobs are being ended."""

    signal: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; the last event."""

    result: "RunResult"


Event = (
    RunStarted
    | JobsUpToDate
    | JobsNotNeeded
    | JobQueued
    | JobStarted
    | JobFinished
    | JobFailed
    | JobsBlocked
    | GraphExtended
    | Warned
    | StatusRequested
    | Answered
    | RunSuspended
    | RunResumed
    | RunWindingDown
    | RunStopping
    | RunFinished
)

Listener = Callable[[Event], None]
"""Callable that gets every event, in order, in the process and thread of the run."""
