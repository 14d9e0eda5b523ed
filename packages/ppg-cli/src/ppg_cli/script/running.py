"""Running: runs a script, chooses the display of its progress, and returns the exit code."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from ppg import DaskCluster, Event, JobFailed, Listener, LocalSystem, Pipegraph, RunFinished
from ppg.report.frontend import FRONTEND
from ppg.report.never_run import forgotten_graphs
from ppg.report.plain import PlainProgress
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.endings import report_ending
from ppg_cli.script.script import Script, last_pipegraph
from ppg_cli.terminal.streams import complain

__all__ = ["CommandFrontend", "run_script"]


class CommandFrontend:
    """CommandFrontend: shows the runs of a script, with rich on a terminal, in plain lines elsewhere.

    Attributes:
        runs: the number of graphs that the script ran.
        any_failed: whether a job failed in any of the runs, even if the script caught the error.
        any_interrupted: whether the user ended any of the runs, even if the script caught the interrupt.
    """

    def __init__(
        self,
        *,
        plain: bool,
        cores: int | None,
        inline: bool = False,
        strict: bool = False,
        on: str | None = None,
    ) -> None:
        # With FORCE_COLOR, rich treats any stream as a terminal. A live display would overwrite a debugger.
        self._plain = plain or inline or sys.stderr is None or not sys.stderr.isatty()
        self._cores = cores
        self._inline = inline
        self._strict = strict
        self._on = on
        self.runs: int = 0
        self.any_failed: bool = False
        self.any_interrupted: bool = False

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Apply the options of the command line."""
        self.runs += 1
        coordinator = pipegraph.resource_coordinator
        if self._on is not None:
            coordinator = DaskCluster(address=self._on)
        if self._cores is not None or self._inline:
            # Both are about this machine.
            local = coordinator if isinstance(coordinator, LocalSystem) else LocalSystem()
            cores = self._cores or local.max_cores_to_use
            coordinator = replace(local, max_cores_to_use=cores, inline=self._inline or local.inline)
        pipegraph.resource_coordinator = coordinator
        if self._strict:
            pipegraph.undeclared = "fail"

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:  # noqa: ARG002 (of the protocol)
        """Return the display that suits stderr, and the watch for failures."""
        if self._plain:
            return (self._watch, PlainProgress(sys.stderr, every_job=True))
        from rich.console import Console  # noqa: PLC0415 (plain lines do not need it)

        from ppg_cli.terminal.display import RichProgress  # noqa: PLC0415

        return (self._watch, RichProgress(Console(stderr=True)))

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
