"""Progress: counts the jobs of a run from its events, and holds what displays show of it."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

from ppg.account.failure_report import failure_lines
from ppg.account.run_account import RunAccount
from ppg.coordinators import LocalSystem
from ppg.live.pace import Pace
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
    from ppg.live.picture import RunningJob, RunState
    from ppg.result import JobOutcome, RunResult

__all__ = ["RunSoFar", "StyledText", "Tally", "winding_down_line"]

SECONDS_BEFORE_SHOWN = 0.5
"""A job that runs for less is only counted: names that come and go faster cannot be read."""
RUNNING_SHOWN = 10
FAILURES_SHOWN = 3
MOST_FAILURES = 10
"""How many different failures are shown when they happen; the account at the end counts all."""
STYLES = {"why": "cyan", "again": "yellow", "failed": "red", "left": "yellow"}
"""Styles of the lines of the account, by their first word."""

StyledText = tuple[str, str]
"""Lines to print, and the style of the first of them (`ppg.live.screen.STYLES`)."""


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
        self.machines: dict[str, str] = {}
        """The machine of each running job that runs on another one, by id."""

    @property
    def settled(self) -> int:
        """Number of jobs with a final outcome."""
        return self.ran + self.up_to_date + self.not_needed + self.failed - self._unobserved + self.blocked

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            # The frequent ones come first.
            case JobQueued(job_id, reasons):
                self.queued[job_id] = reasons
                # A job that could not read its leftover cache starts a second time.
                self._forget(job_id)
            case JobStarted(job_id, _, when, machine):
                self.queued.pop(job_id, None)
                self.running[job_id] = when
                if machine:
                    self.machines[job_id] = machine
            case JobFinished(job_id, _):
                self._ended(job_id)
                self.ran += 1
            case RunStarted(pipegraph, _, jobs):
                self.jobs = jobs
                self._pipegraph = pipegraph
            case JobsNotNeeded(job_ids):
                self.not_needed += len(job_ids)
            case JobsUpToDate(job_ids):
                self.up_to_date += len(job_ids)
            case JobFailed(job_id, _):
                self._ended(job_id)
                self.failed += 1
                self._unobserved += self.is_invariant(job_id)
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
        return ", ".join(self.parts())

    def parts(self) -> list[str]:
        """Return the counts of the run, a text for each."""
        parts = [
            f"{self.settled:,} of {counted(self.jobs, 'job')}",
            f"{self.ran:,} ran",
            f"{self.up_to_date:,} up to date",
        ]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.blocked:
            parts.append(f"{self.blocked:,} blocked")
        parts.append(f"{len(self.running):,} running")
        return parts

    def running_lines(self, now: float) -> Iterator[str]:
        """Yield the counts, then one line per running job with its running time."""
        yield self.line()
        for job_id, since in self.running.items():
            yield f"  running for {max(0.0, now - since):.1f} s{self.place_of(job_id)}: {one_line(job_id)}"

    def place_of(self, job_id: str) -> str:
        """Return the words that say on which machine a job runs; none if that is this one."""
        machine = self.machines.get(job_id)
        return "" if machine is None else f" on {one_line(machine)}"

    def is_invariant(self, job_id: str) -> bool:
        """Whether the job is an invariant; `failed` counts those too, because the user must repair them."""
        return self._pipegraph is not None and self._pipegraph.job(job_id).kind is NodeKind.INVARIANT

    def _ended(self, job_id: str) -> None:
        self.queued.pop(job_id, None)
        self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        self.running.pop(job_id, None)
        self.machines.pop(job_id, None)


class RunSoFar:
    """Run so far: holds what a live view shows of a run, from its events."""

    def __init__(self) -> None:
        self.tally: Tally = Tally()
        self._account = RunAccount()
        self._begun = time.monotonic()
        self._first_start: float | None = None
        self._pids: dict[str, int] = {}
        self._has_processes = False
        self._pipegraph: DeclaredGraph | None = None
        self._find_durations: Callable[[], Mapping[str, float]] | None = None
        self._pace: Pace | None = None
        self._settled_before: list[Iterable[str]] = []
        self._ended_before: list[tuple[str, float]] = []

    def take(self, event: Event) -> StyledText | None:
        """Take an event; return what a display prints because of it."""
        self.tally(event)
        self._follow(event)
        if isinstance(event, (JobQueued, JobStarted, JobFinished)):
            return None
        match event:
            case JobFailed(_, outcome):
                groups = self._account.failures
                if self._account.failed(outcome) and len(groups.groups) <= MOST_FAILURES:
                    return "\n".join(failure_lines(outcome, shortly=True)), "red"
            case Warned(message):
                return f"warning: {one_line(message)}", "yellow"
            case StatusRequested(when):
                return "\n".join(self.tally.running_lines(when)), ""
            case Answered(text):
                return text, ""
            case RunWindingDown(running):
                return winding_down_line(running), "yellow"
            case RunStopping():
                return "ending the running jobs ...", "yellow"
            case _:
                pass
        return None

    def ending(self, result: "RunResult") -> Iterator[StyledText]:
        """Yield the account of the run, and its summary."""
        for line in self._account.lines(result):
            yield line, STYLES.get(line.split(" ", 1)[0], "")
        yield f"{result.summary()} ({result.duration:.1f} s)", "bold"

    def begin_pace(self) -> None:
        """Estimate the end from now on; until then nothing has to look up the durations of all jobs."""
        if self._pace is not None or self._pipegraph is None:
            return
        dag = self._pipegraph.dag
        self._pace = Pace(self._find_durations() if self._find_durations is not None else {})
        self._pace.declared(
            job_id
            for job_id, kind in zip(dag.job_ids, dag.kinds, strict=True)
            if kind is not NodeKind.INVARIANT
        )
        for job_ids in self._settled_before:
            self._pace.settled(job_ids)
        for job_id, runtime in self._ended_before:
            self._pace.ended(job_id, runtime)
        self._settled_before.clear()
        self._ended_before.clear()

    def oldest(self) -> list[tuple[str, float, int | None, str]]:
        """Return the running jobs that are shown, the oldest first: id, seconds since the epoch, process, and other machine."""
        latest = time.time() - SECONDS_BEFORE_SHOWN
        found: list[tuple[str, float, int | None, str]] = []
        for job_id, since in self.tally.running.items():
            if len(found) == RUNNING_SHOWN or since > latest:
                # The others have started later.
                break
            machine = self.tally.machines.get(job_id, "")
            found.append((job_id, since, self.process_of(job_id), machine))
        return found

    def will_show_more(self) -> bool:
        """Whether `oldest` has more in a moment, without any event."""
        running = self.tally.running
        shown = len(self.oldest())
        return shown < min(len(running), RUNNING_SHOWN)

    def process_of(self, job_id: str) -> int | None:
        """Return the process of a running job; None if it runs on another machine, or in this process."""
        pid = self._pids.get(job_id) if self._has_processes else None
        return None if pid == os.getpid() else pid

    def state(self, jobs: "Sequence[RunningJob]") -> "RunState":
        """Return what a block shows, with those of the running jobs that it names."""
        from ppg.live.picture import RunState  # noqa: PLC0415 (plain lines do not need it)

        tally, now = self.tally, time.monotonic()
        failures = self._account.failures.latest
        left = None
        if self._pace is not None and self._first_start is not None:
            clock = time.time()
            running = (max(0.0, clock - since) for since in tally.running.values())
            left = self._pace.seconds_left(running, now - self._first_start)
        return RunState(
            tally.parts(),
            tally.settled / max(tally.jobs, 1),
            now - self._begun,
            left,
            jobs,
            len(tally.running) - len(jobs) if jobs else 0,
            [f"{group.error}: {counted(len(group.job_ids), 'job')}" for group in failures[:FAILURES_SHOWN]],
            max(len(failures) - FAILURES_SHOWN, 0),
        )

    def _follow(self, event: Event) -> None:
        match event:
            case JobQueued(job_id, _, causes):
                self._account.queued(job_id, causes)
            case JobStarted(job_id, pid):
                self._pids[job_id] = pid
                if self._first_start is None:
                    self._first_start = time.monotonic()
            case JobFinished(job_id, outcome):
                self._ended(job_id, outcome)
            case RunStarted(pipegraph, _, _, durations):
                self._pipegraph = pipegraph
                coordinator = pipegraph.resource_coordinator
                # Jobs of other machines have process ids there.
                self._has_processes = type(coordinator) is LocalSystem and not coordinator.inline
                self._find_durations = durations
            case JobFailed(job_id, outcome):
                if not self.tally.is_invariant(job_id):
                    self._ended(job_id, outcome)
            case JobsBlocked(job_ids, cause):
                self._account.blocked(job_ids, cause)
                self._settled(job_ids)
            case JobsUpToDate(job_ids) | JobsNotNeeded(job_ids):
                self._settled(job_ids)
            case GraphExtended(_, job_ids):
                if self._pace is not None:
                    self._pace.declared(job_ids)
            case _:
                pass

    def _ended(self, job_id: str, outcome: "JobOutcome") -> None:
        self._pids.pop(job_id, None)
        if self._pace is None:
            self._ended_before.append((job_id, outcome.runtime or 0.0))
        else:
            self._pace.ended(job_id, outcome.runtime or 0.0)

    def _settled(self, job_ids: Iterable[str]) -> None:
        if self._pace is None:
            self._settled_before.append(job_ids)
        else:
            self._pace.settled(job_ids)


def winding_down_line(running: int) -> str:
    """Answer to the command `stop`, after which no more jobs start."""
    jobs = counted(running, "job has", "jobs have")
    return f"no more jobs start; the run ends when {jobs} ended ('abort' ends it at once)"
