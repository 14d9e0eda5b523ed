"""Live view: shows a run on a terminal as a block that changes in its place, with unusual events above it, and an account at the end.

The run loop calls the view with each event, and a thread of the view draws the block. Drawing costs nothing that depends on
the number of jobs: the thread looks at the few jobs that it shows.
"""

import contextlib
import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

from ppg.account.failure_report import failure_lines
from ppg.account.run_account import RunAccount
from ppg.coordinators import LocalSystem
from ppg.live.pace import Pace
from ppg.live.picture import RunningJob, RunState, picture
from ppg.live.processes import last_line, memory_of
from ppg.live.screen import Above, Screen
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
from ppg.report.progress import Tally, winding_down_line
from ppg.text import counted, one_line
from ppg_graph import NodeKind

if TYPE_CHECKING:
    from ppg.graph.declared import DeclaredGraph

__all__ = ["LiveView"]

SECONDS_BETWEEN_DRAWINGS = 0.5
SECONDS_BEFORE_SHOWN = 0.5
"""A job that runs for less is only counted: names that come and go faster cannot be read."""
RUNNING_SHOWN = 10
MOST_ROWS = 18
FAILURES_SHOWN = 3
MOST_FAILURES = 10
"""How many different failures are shown when they happen; the account at the end counts all."""
STYLES = {"why": "cyan", "again": "yellow", "failed": "red", "left": "yellow"}
"""Styles of the lines of the account, by their first word."""


INDENT_OF_ACCOUNT = 8
"""Columns before the text of a line of the account, where its first word stands."""


def _in_rows(line: str, columns: int) -> list[str]:
    """Break a line of the account between words; names of files stay whole, so that a user can copy them."""
    return textwrap.wrap(
        line,
        columns,
        subsequent_indent=" " * INDENT_OF_ACCOUNT,
        break_long_words=False,
        break_on_hyphens=False,
    )


class LiveView:
    """Live view: shows one run on a terminal.

    Parameters:
        stream: the terminal; see `ppg.live.screen.is_capable`.
        colours: whether to use colours; None for what NO_COLOR says.
    """

    def __init__(self, stream: TextIO, *, colours: bool | None = None) -> None:
        self._screen = Screen(stream, colours=colours)
        self._tally = Tally()
        self._account = RunAccount()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._defect: Exception | None = None
        self._is_gone = False
        self._is_suspended = False
        self._begun = time.monotonic()
        self._first_start: float | None = None
        self._pids: dict[str, int] = {}
        self._shows_processes = False
        self._pipegraph: DeclaredGraph | None = None
        self._find_durations: Callable[[], Mapping[str, float]] | None = None
        self._pace: Pace | None = None
        self._settled_before: list[Iterable[str]] = []

    def __call__(self, event: Event) -> None:
        """Count an event, and show it."""
        if isinstance(event, RunFinished):
            self._over.set()
            if self._thread is not None:
                self._thread.join()
        with self._lock:
            self._tally(event)
            self._follow(event)
            if not self._is_gone:
                with self._while_there():
                    self._show(event)
        if self._defect is not None and self._over.is_set():
            raise self._defect

    @contextlib.contextmanager
    def _while_there(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # The terminal is closed, but the run goes on.
            self._is_gone = True

    def _show(self, event: Event) -> None:
        screen = self._screen
        match event:
            case RunStarted():
                self._take_streams()
                self._thread = threading.Thread(
                    target=self._draw_until_over, name="ppg live view", daemon=True
                )
                self._thread.start()
            case JobFailed(_, outcome):
                if self._account.failed(outcome) and len(self._account.failures.groups) <= MOST_FAILURES:
                    screen.print("\n".join(failure_lines(outcome, shortly=True)), "red")
            case Warned(message):
                screen.print(f"warning: {one_line(message)}", "yellow")
            case StatusRequested(when):
                screen.print("\n".join(self._tally.running_lines(when)))
            case Answered(text):
                screen.print(text)
            case RunWindingDown(running):
                screen.print(winding_down_line(running), "yellow")
            case RunStopping():
                screen.print("ending the running jobs ...", "yellow")
            case RunSuspended():
                # The shell owns the terminal now.
                screen.erase()
                self._is_suspended = True
            case RunResumed():
                self._is_suspended = False
            case RunFinished(result):
                screen.erase()
                self._give_streams_back()
                columns, _ = screen.size()
                for line in self._account.lines(result):
                    screen.print("\n".join(_in_rows(line, columns)), STYLES.get(line.split(" ", 1)[0], ""))
                screen.print(f"{result.summary()} ({result.duration:.1f} s)", "bold")
            case (
                JobsUpToDate()
                | JobsNotNeeded()
                | JobQueued()
                | JobStarted()
                | JobFinished()
                | JobsBlocked()
                | GraphExtended()
            ):
                pass

    # -- the standard streams ----------------------------------------------------------------------------

    def _take_streams(self) -> None:
        """Let the script print above the block, if it prints to a terminal."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, Above) and stream.isatty():
                setattr(sys, name, Above(stream, self._print_for_script))

    def _print_for_script(self, text: str) -> None:
        with self._lock:
            if not self._is_gone:
                with self._while_there():
                    self._screen.print(text)

    def _give_streams_back(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, Above):
                setattr(sys, name, stream.leave())

    # -- what the block is made of -----------------------------------------------------------------------

    def _follow(self, event: Event) -> None:
        """Keep what the block and the account need to know."""
        match event:
            case RunStarted(pipegraph, _, _, durations):
                self._pipegraph = pipegraph
                coordinator = pipegraph.resource_coordinator
                # Jobs of other machines have process ids there.
                self._shows_processes = type(coordinator) is LocalSystem and not coordinator.inline
                self._find_durations = durations
            case JobQueued(job_id, _, causes):
                self._account.queued(job_id, causes)
                self._begin_pace()
            case JobStarted(job_id, pid):
                self._pids[job_id] = pid
                if self._first_start is None:
                    self._first_start = time.monotonic()
            case JobFinished(job_id, outcome) | JobFailed(job_id, outcome):
                self._pids.pop(job_id, None)
                if self._pace is not None:
                    self._pace.ended(job_id, outcome.runtime or 0.0)
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

    def _settled(self, job_ids: Iterable[str]) -> None:
        if self._pace is None:
            self._settled_before.append(job_ids)
        else:
            self._pace.settled(job_ids)

    def _begin_pace(self) -> None:
        """Look up durations when the first job has to run: most runs of a large graph have nothing to do."""
        if self._pace is None and self._pipegraph is not None:
            dag = self._pipegraph.dag
            self._pace = Pace(self._find_durations() if self._find_durations is not None else {})
            self._pace.declared(
                job_id
                for job_id, kind in zip(dag.job_ids, dag.kinds, strict=True)
                if kind is not NodeKind.INVARIANT
            )
            for job_ids in self._settled_before:
                self._pace.settled(job_ids)
            self._settled_before.clear()

    # -- the thread --------------------------------------------------------------------------------------

    def _draw_until_over(self) -> None:
        try:
            self._draw_repeatedly()
        except Exception as error:  # noqa: BLE001 (raised when the run is over, as that of any listener)
            self._defect = error

    def _draw_repeatedly(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_DRAWINGS):
            with self._lock:
                shown = self._running_shown()
            jobs = [self._looked_at(*each) for each in shown]
            with self._lock:
                if self._over.is_set() or self._is_gone:
                    return
                if self._is_suspended or not self._screen.is_ours():
                    continue
                with self._while_there():
                    columns, rows = self._screen.size()
                    self._screen.draw(picture(self._state(jobs), columns, min(rows - 2, MOST_ROWS)))

    def _running_shown(self) -> list[tuple[str, float, int | None]]:
        """The running jobs to show, the oldest first: id, seconds, and process id."""
        now = time.time()
        found: list[tuple[str, float, int | None]] = []
        for job_id, since in self._tally.running.items():
            if len(found) == RUNNING_SHOWN or now - since < SECONDS_BEFORE_SHOWN:
                # The others have started later.
                break
            found.append((job_id, now - since, self._pids.get(job_id)))
        return found

    def _looked_at(self, job_id: str, seconds: float, pid: int | None) -> RunningJob:
        if pid is None or not self._shows_processes or pid == os.getpid():
            return RunningJob(job_id, seconds)
        return RunningJob(job_id, seconds, memory_of(pid), last_line(pid))

    def _state(self, jobs: list[RunningJob]) -> RunState:
        tally, now = self._tally, time.monotonic()
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
