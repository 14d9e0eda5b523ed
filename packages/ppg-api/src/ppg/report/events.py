"""What a run tells its listeners, in the order in which it happens.

Whatever shows or stores something about a run listens to these events; the run itself knows none of the
listeners. Times are seconds since the epoch, durations are seconds, sizes are bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph
    from ppg.result import JobOutcome, RunResult

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
    """The graph is complete and free of cycles; deciding begins."""

    pipegraph: "DeclaredGraph"
    when: float
    jobs: int
    """Jobs that can do work; invariants are not counted."""


@dataclass(frozen=True, slots=True)
class JobsUpToDate:
    """These jobs need not run."""

    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobsNotNeeded:
    """Nothing in this run asked for these jobs."""

    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobQueued:
    """The job has to run; it starts when cores and memory allow."""

    job_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobStarted:
    """The job's process runs."""

    job_id: str
    pid: int
    when: float


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
    """These jobs cannot run, because something that they need failed."""

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
    """Something that the user should know, though nothing failed."""

    message: str


@dataclass(frozen=True, slots=True)
class StatusRequested:
    """The user pressed Enter: show what runs."""

    when: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The user typed a command at the terminal; this is what there is to say."""

    text: str


@dataclass(frozen=True, slots=True)
class RunSuspended:
    """The user pressed Ctrl-Z: this process is about to be stopped, and the terminal is another's."""


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The run goes on after Ctrl-Z, in the foreground or in the background."""


@dataclass(frozen=True, slots=True)
class RunWindingDown:
    """The user wants no more jobs to start; the run ends when those that run have ended."""

    running: int
    """How many those are."""


@dataclass(frozen=True, slots=True)
class RunStopping:
    """The user wants to end the run; running jobs are being ended."""

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
"""Is called with every event, in order, in the process and thread of the run."""
