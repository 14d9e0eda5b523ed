"""Running: runs a script, chooses the display of its progress, and returns the exit code."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ppg import (
    Answered,
    Event,
    JobFailed,
    Listener,
    Pipegraph,
    RunFinished,
    RunStarted,
    RunStopping,
    RunWindingDown,
    StatusRequested,
    Warned,
)
from ppg.journal.event_file import EventFile
from ppg.report.frontend import FRONTEND, live_or_plain
from ppg.report.never_run import forgotten_graphs
from ppg.report.plain import PlainProgress
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.endings import report_ending
from ppg_cli.script.options import RunOptions
from ppg_cli.script.script import Script, ScriptError, last_pipegraph
from ppg_cli.terminal.annotations import GithubAnnotations, in_github_actions
from ppg_cli.terminal.streams import complain

if TYPE_CHECKING:
    from ppg_cli.script.watching import WatchedFiles

__all__ = ["CommandFrontend", "run_script"]


class CommandFrontend:
    """CommandFrontend: shows the runs of a script, live on a terminal, in plain lines elsewhere.

    Parameters:
        options: those of the command line.
        watched: gets the graphs that run, for `--watch`; None without it.
        begins: called when a graph begins to run, for `--detach`; None without it.

    Attributes:
        runs: the number of graphs that the script ran.
        any_failed: whether a job failed in any of the runs, even if the script caught the error.
        any_interrupted: whether the user ended any of the runs, even if the script caught the interrupt.

    Raises:
        ScriptError: the file for events cannot be written.
    """

    def __init__(
        self,
        options: RunOptions,
        watched: "WatchedFiles | None" = None,
        begins: Callable[[], None] | None = None,
    ) -> None:
        self._options = options
        self._watched = watched
        self._begins = begins
        self._events = None if options.events is None else _event_file(options.events)
        self.runs: int = 0
        self.any_failed: bool = False
        self.any_interrupted: bool = False

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Apply the options of the command line."""
        self.runs += 1
        self._options.apply(pipegraph)
        if self._watched is not None:
            self._watched.add_graph(pipegraph)

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:
        """Return the display that suits stderr, the watch for failures, and what writes for other programs."""
        others: list[Listener] = [self._watch]
        if self._events is not None:
            others.append(self._events.listener(pipegraph.root))
        if in_github_actions() and sys.stderr is not None:
            others.append(GithubAnnotations(sys.stderr))
        return (*others, self._display())

    def _display(self) -> Listener:
        if self._options.quiet:
            return _OnlyProblems(PlainProgress(sys.stderr))
        plain = self._options.plain or self._options.inline
        return live_or_plain(sys.stderr, plain=plain, every_job=True, colours=self._options.color)

    def _watch(self, event: Event) -> None:
        if isinstance(event, JobFailed):
            self.any_failed = True
        elif isinstance(event, RunStarted) and self._begins is not None:
            self._begins()
        elif isinstance(event, RunFinished) and event.result.interrupted_by is not None:
            self.any_interrupted = True


class _OnlyProblems:
    """Only problems: passes failures, warnings and answers to a display, and nothing else."""

    def __init__(self, display: Listener) -> None:
        self._display = display

    def __call__(self, event: Event) -> None:
        is_problem = isinstance(event, (JobFailed, Warned, RunStopping, RunWindingDown))
        if is_problem or isinstance(event, (RunStarted, StatusRequested, Answered)):
            self._display(event)


def _event_file(path: Path) -> EventFile:
    try:
        return EventFile(path)
    except OSError as error:
        raise ScriptError(f"The events cannot be written: {error}; name another file by --events") from error


def run_script(
    script: Script,
    arguments: Sequence[str],
    options: RunOptions,
    watched: "WatchedFiles | None" = None,
    begins: Callable[[], None] | None = None,
) -> int:
    """Run a script with these options, and return the exit code."""
    try:
        frontend = CommandFrontend(options, watched, begins)
    except ScriptError as error:
        return report_ending(error, script)
    FRONTEND.current = frontend
    try:
        script.run(arguments)
        pipegraph = last_pipegraph()
        if pipegraph is not None and not pipegraph.was_run:
            pipegraph.run()
    except SystemExit as request:
        code = report_ending(request, script)
        if code or frontend.runs:
            return code
        complain(
            f"the script '{script}' ended before it ran a graph; nothing was run; call run_pipegraph() before sys.exit()"
        )
        return ExitCode.SCRIPT_ERROR
    except BaseException as error:  # noqa: BLE001 (any end of the script is reported, and ends the command)
        return report_ending(error, script)
    if not frontend.runs:
        complain(
            f"the script '{script}' made no pipegraph (it did not call new_pipegraph()); nothing was run"
        )
        return ExitCode.SCRIPT_ERROR
    forgotten = forgotten_graphs()
    for message in forgotten:
        complain(message)
    # A script may catch the error of a run and go on; the exit code still reports the failure.
    if frontend.any_interrupted:
        return ExitCode.INTERRUPTED
    if frontend.any_failed:
        return ExitCode.JOBS_FAILED
    return ExitCode.SCRIPT_ERROR if forgotten else ExitCode.DONE
