"""`ppg run script.py [arguments ...]`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ppg import Event, JobFailed, Listener, Pipegraph, PyPipelineGraphError, RuntimeError  # noqa: A004 (part of pypipegraph's interface)
from ppg.listeners.plain import PlainProgress
from ppg.session import SESSION
from ppg_cli.display import RichProgress
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script import ScriptError, run_script, script_traceback

__all__ = ["CommandFrontend", "run_command"]


class CommandFrontend:
    """Shows the runs of a script: rich on a terminal, plain lines elsewhere.

    Attributes:
        any_failed: whether a job failed in any of the runs, even if the script caught the error.

    """

    def __init__(self, *, plain: bool, cores: int | None) -> None:
        self._console = Console(stderr=True)
        self._plain = plain or not self._console.is_terminal
        self._cores = cores
        self.any_failed = False

    def before_run(self, pipegraph: Pipegraph) -> None:
        """Apply what the command line says."""
        if self._cores is not None:
            pipegraph.resource_coordinator = replace(
                pipegraph.resource_coordinator, max_cores_to_use=self._cores
            )

    def listeners(self, pipegraph: Pipegraph) -> Sequence[Listener]:  # noqa: ARG002 (of the protocol)
        """The display that fits where stderr goes."""
        if self._plain:
            return (self._watch, PlainProgress(sys.stderr, every_job=True))
        return (self._watch, RichProgress(self._console))

    def _watch(self, event: Event) -> None:
        if isinstance(event, JobFailed):
            self.any_failed = True


def run_command(
    script: Annotated[Path, typer.Argument(help="The Python script that declares and runs the jobs.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for the script.")] = None,
    cores: Annotated[
        int | None,
        typer.Option("--cores", "-j", min=1, help="Use at most so many cores.", show_default="all"),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines, also on a terminal.")] = False,
) -> None:
    """Run a script, show the progress, and say what ran, what was up to date, and what failed.

    Exit codes: 0 done; 1 jobs failed; 2 usage or script error; 130 interrupted.
    """
    frontend = CommandFrontend(plain=plain, cores=cores)
    SESSION.frontend = frontend
    code = _run(script, arguments or [], frontend)
    _flush_output()
    raise typer.Exit(code)


def _run(script: Path, arguments: Sequence[str], frontend: CommandFrontend) -> int:
    try:
        run_script(script, arguments)
        pipegraph = SESSION.pipegraph
        if pipegraph is not None and not pipegraph.was_run:
            pipegraph.run()
    except ScriptError as error:
        typer.echo(f"ppg: {error}", err=True)
        return ExitCode.SCRIPT_ERROR
    except RuntimeError:
        # Each failure was shown in full when it happened.
        return ExitCode.JOBS_FAILED
    except PyPipelineGraphError as error:
        typer.echo(f"ppg: {_where(error, script)}{type(error).__name__}: {error}", err=True)
        return ExitCode.SCRIPT_ERROR
    except KeyboardInterrupt:
        typer.echo("ppg: interrupted; what had finished is remembered", err=True)
        return ExitCode.INTERRUPTED
    except SystemExit as request:
        return _exit_code(request)
    except Exception as error:  # noqa: BLE001 (any error of the user's script is shown and ends the command)
        typer.echo(f"ppg: the script raised an error:\n{script_traceback(error, script)}", err=True)
        return ExitCode.SCRIPT_ERROR
    # A script may catch the error of a run and go on; its jobs have failed all the same.
    return ExitCode.JOBS_FAILED if frontend.any_failed else ExitCode.DONE


def _where(error: BaseException, script: Path) -> str:
    """The place in the script that an error of ppg is about: `script.py:12: `."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(script):
            place = f"{script}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return place


def _exit_code(request: SystemExit) -> int:
    """What `sys.exit` in the script means, as Python itself reads it."""
    if request.code is None:
        return ExitCode.DONE
    if isinstance(request.code, int):
        return request.code
    typer.echo(str(request.code), err=True)
    return 1


def _flush_output() -> None:
    """Write what is buffered; a reader that has gone (`ppg run ... | head`) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
