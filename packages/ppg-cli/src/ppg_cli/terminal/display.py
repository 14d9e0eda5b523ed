"""Display: draws a progress bar and the running jobs on a terminal; failures and the summary stay on it."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ppg import JobState, RunResult
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
from ppg.report.failures import failure_lines
from ppg.report.progress import Tally, winding_down_line
from ppg.text import earlier_attempts, one_line

__all__ = ["RichProgress"]

RUNNING_SHOWN = 8
JOBS_LISTED = 20


class RichProgress:
    """RichProgress: shows a run on a terminal.

    Parameters:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tally = Tally()
        self._live = Live(
            self,
            console=console,
            refresh_per_second=8,
            transient=True,
            # Redirected output (`> file`) must reach its file.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._is_gone = False
        self._is_suspended = False

    def __call__(self, event: Event) -> None:
        """Count an event, and show it."""
        if self._is_gone:
            return
        self._tally(event)
        try:
            self._show(event)
        except OSError:
            # The terminal is closed, but the run goes on.
            self._is_gone = True
            with contextlib.suppress(OSError):
                self._live.stop()

    def _show(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._live.start()
            case JobFailed(_, outcome):
                first, *others = failure_lines(outcome)
                self._console.print(Text(first, style="bold red").append("\n".join(["", *others]), "default"))
            case Warned(message):
                self._console.print(Text(f"warning: {one_line(message)}", style="yellow"))
            case StatusRequested(when):
                self._console.print(Text("\n".join(self._tally.running_lines(when))))
            case Answered(text):
                self._console.print(Text(text))
            case RunWindingDown(running):
                self._console.print(Text(winding_down_line(running), style="yellow"))
            case RunSuspended():
                # The shell owns the terminal now: stop the live display, which also brings the cursor back.
                self._live.stop()
                self._is_suspended = True
            case RunStopping():
                self._console.print(Text("ending the running jobs ...", style="yellow"))
            case RunFinished(result):
                self._live.stop()
                for part in _account(result):
                    self._console.print(part)
            case (
                JobsUpToDate()
                | JobsNotNeeded()
                | JobQueued()
                | JobStarted()
                | JobFinished()
                | JobsBlocked()
                | GraphExtended()
                | RunResumed()
            ):
                pass
        if self._is_suspended and not isinstance(event, (RunSuspended, RunFinished)) and self._is_ours():
            self._is_suspended = False
            self._live.start()

    def _is_ours(self) -> bool:
        """Return whether the display may write to the terminal; in the background (`bg`) it may not."""
        try:
            return os.tcgetpgrp(self._console.file.fileno()) == os.getpgrp()
        except OSError:
            # The stream is no terminal, or not the one that controls this process.
            return True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Return the current state of the live part."""
        yield self._picture()

    def _picture(self) -> RenderableType:
        tally = self._tally
        table = Table.grid(padding=(0, 1))
        table.add_row(
            ProgressBar(total=max(tally.jobs, 1), completed=tally.settled, width=40), Text(tally.line())
        )
        lines: list[RenderableType] = [table]
        running = list(tally.running.items())
        now = time.time()
        for job_id, since in running[:RUNNING_SHOWN]:
            lines.append(
                Text(
                    f"  {max(0.0, now - since):7.1f} s  {one_line(job_id)}", overflow="ellipsis", no_wrap=True
                )
            )
        if len(running) > RUNNING_SHOWN:
            lines.append(Text(f"  and {len(running) - RUNNING_SHOWN} more; Enter lists all"))
        return Group(*lines)


def _account(result: RunResult) -> Iterator[Text]:
    """Return the results of a run, job by job as far as they fit on a screen."""
    for job_id in result.ran[:JOBS_LISTED]:
        outcome = result[job_id]
        line = Text("taken " if outcome.taken_from_cache else "ran ", style="green")
        how = ", from the shared cache" if outcome.taken_from_cache else ""
        if outcome.attempts > 1:
            how += f", attempt {outcome.attempts}"
        line.append(f"{one_line(job_id)} ({outcome.runtime or 0:.1f} s{how})", style="default")
        earlier = "".join(f"; {line}" for line in earlier_attempts(outcome.earlier, outcome.attempts))
        line.append(one_line(earlier), style="yellow")
        line.append(one_line(f" {'; '.join(outcome.reasons)}"), style="dim")
        yield line
    if len(result.ran) > JOBS_LISTED:
        yield Text(f"and {len(result.ran) - JOBS_LISTED} more ran", style="green")
    for state, style in (
        (JobState.FAILED, "bold red"),
        (JobState.BLOCKED, "yellow"),
        (JobState.NOT_DONE, "yellow"),
    ):
        job_ids = result.in_state(state)
        for job_id in job_ids[:JOBS_LISTED]:
            cause = result[job_id].cause
            yield Text(one_line(f"{state.value} {job_id}"), style=style).append(
                one_line(f" (because of {cause})") if cause else "", style="dim"
            )
        if len(job_ids) > JOBS_LISTED:
            yield Text(f"and {len(job_ids) - JOBS_LISTED} more {state.value}", style=style)
    yield Text(f"{result.summary()} ({result.duration:.1f} s)", style="bold")
