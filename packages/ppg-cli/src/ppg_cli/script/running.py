"""Running a script: who shows the progress, and what the exit code is."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from ppg import Event, JobFailed, Listener, Pipegraph, RunFinished
from ppg.report.frontend import FRONTEND
from ppg.report.plain import PlainProgress
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.endings import tell_ending
from ppg_cli.script.script import Script, last_pipegraph
from ppg_cli.terminal.streams import complain

__all__ = ["CommandFrontend", "run_script"]


class CommandFrontend:
    """Shows the runs of a script: rich on a terminal, plain lines elsewhere.

    Attributes:
        runs: how many graphs were run.
        any_failed: whether a job failed in any of the runs, even if the script caught the error.
        any_interrupted: the same for runs that the user ended.
    """

    def __init__(self, *, plain: bool, cores: int | None, inline: bool = False) -> None:
        # Rich itself would also take FORCE_COLOR for a terminal. A live display would write over a debugger's.
        self._plain = plain or inline or sys.stderr is None or not sys.stderr.isatty()
        self._cores = cores
        self._inline = inline
        self.runs: int = 0
        self.any_failed: bool = False
        self.any_interrupted: bool = False

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Apply what the command line says."""
        self.runs += 1
        if self._cores is not None:
            pipegraph.resource_coordinator = replace(
                pipegraph.resource_coordinator, max_cores_to_use=self._cores
            )
        if self._inline:
            pipegraph.resource_coordinator = replace(pipegraph.resource_coordinator, inline=True)

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:  # noqa: ARG002 (of the protocol)
        """The display that fits where stderr goes."""
        if self._plain:
            return (self._watch, PlainProgress(sys.stderr, every_job=True))
        from rich.console import Console  # noqa: PLC0415 (plain lines do without it)

        from ppg_cli.terminal.display import RichProgress  # noqa: PLC0415

        return (self._watch, RichProgress(Console(stderr=True)))

    def _watch(self, event: Event) -> None:
        if isinstance(event, JobFailed):
            self.any_failed = True
        elif isinstance(event, RunFinished) and event.result.interrupted_by is not None:
            self.any_interrupted = True


def run_script(script: Script, arguments: Sequence[str], frontend: CommandFrontend) -> int:
    """Run a script with this front end; gives the exit code."""
    FRONTEND.current = frontend
    try:
        script.run(arguments)
        pipegraph = last_pipegraph()
        if pipegraph is not None and not pipegraph.was_run:
            pipegraph.run()
    except BaseException as error:  # noqa: BLE001 (whatever ends the user's script is told, and ends the command)
        return tell_ending(error, script)
    if not frontend.runs:
        complain(
            f"the script '{script}' made no pipegraph (it did not call new_pipegraph()); nothing was run"
        )
    # A script may catch the error of a run and go on; its jobs have failed all the same.
    if frontend.any_interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.JOBS_FAILED if frontend.any_failed else ExitCode.DONE
