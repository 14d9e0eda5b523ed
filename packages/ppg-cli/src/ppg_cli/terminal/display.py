"""Display: draws a progress bar and the running jobs on a terminal; failures and the summary stay on it."""

import contextlib
import os
import sys
import time

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ppg.account.run_account import RunAccount
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
from ppg.text import one_line

__all__ = ["RichProgress"]

RUNNING_SHOWN = 8
MOST_FAILURES = 10
"""How many different failures are shown when they happen; the account at the end counts all."""
STYLES = {"why": "cyan", "again": "yellow", "failed": "bold red", "left": "yellow"}
"""Styles of the lines of the account, by their first word."""


class RichProgress:
    """RichProgress: shows a run on a terminal.

    Parameters:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tally = Tally()
        self._account = RunAccount()
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
            case JobQueued(job_id, _, causes):
                self._account.queued(job_id, causes)
            case JobsBlocked(job_ids, cause):
                self._account.blocked(job_ids, cause)
            case JobFailed(_, outcome):
                if self._account.failed(outcome) and len(self._account.failures.groups) <= MOST_FAILURES:
                    first, *others = failure_lines(outcome, shortly=True)
                    shown = Text(first, style="bold red").append("\n".join(["", *others]), "default")
                    self._console.print(shown)
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
                for line in self._account.lines(result):
                    self._console.print(Text(line, style=STYLES.get(line.split(" ", 1)[0], "default")))
                self._console.print(Text(f"{result.summary()} ({result.duration:.1f} s)", style="bold"))
            case (
                JobsUpToDate()
                | JobsNotNeeded()
                | JobStarted()
                | JobFinished()
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
                    f"  {max(0.0, now - since):7.1f} s  {one_line(job_id)}{tally.place_of(job_id)}",
                    overflow="ellipsis",
                    no_wrap=True,
                )
            )
        if len(running) > RUNNING_SHOWN:
            lines.append(Text(f"  and {len(running) - RUNNING_SHOWN} more; Enter lists all"))
        return Group(*lines)
