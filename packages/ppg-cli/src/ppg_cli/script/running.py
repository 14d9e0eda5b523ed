"""Running: runs a script, chooses the display of its progress, and returns the exit code."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from ppg import Event, JobFailed, Listener, Pipegraph, RunFinished
from ppg.report.frontend import FRONTEND, live_or_plain
from ppg.report.never_run import forgotten_graphs
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.endings import report_ending
from ppg_cli.script.script import Script, last_pipegraph
from ppg_cli.terminal.streams import complain

__all__ = ["CommandFrontend", "run_script"]


class CommandFrontend:
    """CommandFrontend: shows the runs of a script, live on a terminal, in plain lines elsewhere.

    Attributes:
        runs: the number of graphs that the script ran.
        any_failed: whether a job failed in any of the runs, even if the script caught the error.
        any_interrupted: whether the user ended any of the runs, even if the script caught the interrupt.
    """

    def __init__(self, *, plain: bool, cores: int | None, inline: bool = False, strict: bool = False) -> None:
        self._plain = plain or inline
        self._cores = cores
        self._inline = inline
        self._strict = strict
        self.runs: int = 0
        self.any_failed: bool = False
        self.any_interrupted: bool = False

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Apply the options of the command line."""
        self.runs += 1
        if self._cores is not None:
            pipegraph.resource_coordinator = replace(
                pipegraph.resource_coordinator, max_cores_to_use=self._cores
            )
        if self._strict:
            pipegraph.undeclared = "fail"
        if self._inline:
            pipegraph.resource_coordinator = replace(pipegraph.resource_coordinator, inline=True)

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:  # noqa: ARG002 (of the protocol)
        """Return the display that suits stderr, and the watch for failures."""
        return (self._watch, live_or_plain(sys.stderr, plain=self._plain, every_job=True))

    def _watch(self, event: Event) -> None:
        if isinstance(event, JobFailed):
            self.any_failed = True
        elif isinstance(event, RunFinished) and event.result.interrupted_by is not None:
            self.any_interrupted = True


def run_script(script: Script, arguments: Sequence[str], frontend: CommandFrontend) -> int:
    """Run a script with this front end, and return the exit code."""
    FRONTEND.current = frontend
    try:
        script.run(arguments)
        pipegraph = last_pipegraph()
        if pipegraph is not None and not pipegraph.was_run:
            pipegraph.run()
    except BaseException as error:  # noqa: BLE001 (any end of the script is reported, and ends the command)
        return report_ending(error, script)
    if not frontend.runs:
        complain(
            f"the script '{script}' made no pipegraph (it did not call new_pipegraph()); nothing was run"
        )
    forgotten = forgotten_graphs()
    for message in forgotten:
        complain(message)
    # A script may catch the error of a run and go on; the exit code still reports the failure.
    if frontend.any_interrupted:
        return ExitCode.INTERRUPTED
    if frontend.any_failed:
        return ExitCode.JOBS_FAILED
    return ExitCode.SCRIPT_ERROR if forgotten else ExitCode.DONE
