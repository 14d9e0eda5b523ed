"""`ppg debug script.py JOB`: calls one job alone, under a debugger, with its outputs in a scratch copy."""

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ppg.text import counted, one_line
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.arguments import script_arguments
from ppg_cli.script.completing import complete_jobs
from ppg_cli.script.parameters import DeclaringScript
from ppg_cli.script.script import Script
from ppg_cli.terminal.streams import complain, finish_output

if TYPE_CHECKING:
    from ppg import Pipegraph
    from ppg.debug.needs import Needs
    from ppg.debug.rehearsal import Rehearsal
    from ppg_cli.debugging.debugger import Debugger

__all__ = ["debug_command"]

NAMED = 3
"""Stale or missing inputs that have a line each, and are named in the remedy."""
LISTED = 10


def debug_command(
    context: typer.Context,
    script: DeclaringScript,
    job: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_jobs, help="The job's id, or a file that it makes, in whatever spelling."
        ),
    ],
    debugger: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="DEBUGGER",
            help="A module like ipdb or pudb, or a class: IPython.terminal.debugger:TerminalPdb.",
        ),
    ] = "pdb",
    shell: Annotated[
        bool,
        typer.Option(
            "--shell", help="Open a shell for the command of an ExternalJob, in place of a debugger."
        ),
    ] = False,
) -> None:
    """Call one job alone, under a debugger.

    The debugger stops at the first line of the job's function, at each breakpoint(), and where an error was raised.
    What the job makes goes to a scratch copy: its real outputs and the status file stay as they are. The loads that the
    job needs are called before. Nothing else runs. The script's arguments come after `--`.

    Example: ppg debug script.py a.txt

    Exit codes: 0 the job succeeded, or the shell was left; 1 it failed, or an input is missing; 2 usage or script error,
    or no such job; 130 the debugger was left, or Ctrl-C.
    """
    # Imported here, so that no other command pays for it.
    from ppg import PyPipelineGraphError  # noqa: PLC0415
    from ppg.debug.needs import needs_of  # noqa: PLC0415
    from ppg.debug.rehearsal import Rehearsal  # noqa: PLC0415
    from ppg_cli.debugging.debugger import Debugger, DebuggerError  # noqa: PLC0415
    from ppg_cli.script.declaring import look_at_declared  # noqa: PLC0415

    try:
        chosen = Debugger(debugger)
    except DebuggerError as error:
        _end(str(error), ExitCode.SCRIPT_ERROR)

    def look(pipegraph: "Pipegraph") -> "tuple[Pipegraph, Needs] | PyPipelineGraphError":
        pipegraph._complete()
        pipegraph._check()
        try:
            return pipegraph, needs_of(pipegraph, job)
        except PyPipelineGraphError as error:
            # The error lies in the arguments of the command, not in the script.
            return error

    seen = look_at_declared(Script(script), script_arguments(context), look)
    if isinstance(seen, PyPipelineGraphError):
        _end(str(seen), ExitCode.SCRIPT_ERROR)
    pipegraph, needs = seen
    _tell_of_inputs(needs, script)
    if needs.missing:
        finish_output()
        raise typer.Exit(ExitCode.JOBS_FAILED)
    if shell and not needs.job.runs_program:
        _end(
            f"'{needs.job.job_id}' runs a function, and no program for a shell; leave --shell out",
            ExitCode.SCRIPT_ERROR,
        )
    rehearsal = Rehearsal(pipegraph, needs)
    complain(one_line(f"'{needs.job.job_id}' runs alone; what it makes goes to {_shown(rehearsal.folder)}"))
    if needs.job.is_confined:
        complain("in a run the job is confined to its files, and here it is not")
    with rehearsal:
        code = _in_shell(rehearsal) if shell else _debugged(rehearsal, needs, chosen)
    for line in _made(rehearsal):
        complain(one_line(line))
    rehearsal.remove_if_empty()
    finish_output()
    raise typer.Exit(code)


def _end(message: str, code: int) -> NoReturn:
    complain(one_line(message))
    finish_output()
    raise typer.Exit(code)


def _tell_of_inputs(needs: "Needs", script: Path) -> None:
    """Say what of the job's inputs is stale or missing, with the remedy."""
    for state, whys in (("is missing", needs.missing), ("is stale, and used as it is", needs.stale)):
        for name, why in list(whys.items())[:NAMED]:
            complain(one_line(f"'{name}' {state}: {why}"))
        if len(whys) > NAMED:
            complain(f"{counted(len(whys) - NAMED, 'other input')} {state}")
    jobs = [name for name in (*needs.missing, *needs.stale) if name in needs.makers]
    if jobs:
        # A run of the job itself brings all of its inputs up to date before.
        named = jobs if len(jobs) <= NAMED else [needs.job.job_id]
        complain(one_line(f"to bring that up to date: ppg run {shlex.join([str(script), *named])}"))
    elif needs.missing:
        complain("put the file there, or correct its name in the script")


def _debugged(rehearsal: "Rehearsal", needs: "Needs", debugger: "Debugger") -> int:
    import bdb  # noqa: PLC0415 (no other command pays for it)

    from ppg.debug.rehearsal import trace_of_user  # noqa: PLC0415 (the same)

    now = job_id = rehearsal.job.job_id
    try:
        for load in needs.loads:
            now = load.job_id
            complain(one_line(f"loading '{now}'"))
            rehearsal.load(load)
        now = job_id
        returned = rehearsal.call(debugger.around)
    except bdb.BdbQuit:
        complain(one_line(f"the debugger was left before '{now}' had ended"))
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 (any end of the job is looked at)
        complain(one_line(f"'{now}' failed"))
        trace = trace_of_user(error)
        if trace is None:
            complain(f"{type(error).__name__}: {error}")
            if rehearsal.job.runs_program:
                complain("--shell opens a shell with its command")
        else:
            with contextlib.suppress(bdb.BdbQuit):
                debugger.look_at(error, trace)
        return ExitCode.JOBS_FAILED
    complain(one_line(f"'{job_id}' succeeded"))
    declared = rehearsal.declared_by(returned)
    if declared is not None:
        complain(one_line(f"it declared {counted(len(declared), 'job')}: {', '.join(declared)}"))
    return ExitCode.DONE


def _in_shell(rehearsal: "Rehearsal") -> int:
    from ppg_cli.debugging.shell import command_line, open_shell  # noqa: PLC0415 (no other command pays for it)

    command = rehearsal.command()
    complain("the command is the last one of the history, and in $PPG_COMMAND; leave the shell by exit:")
    complain(one_line(command_line(command)))
    try:
        open_shell(command)
    except OSError as error:
        complain(f"no shell can be started: {error}; set SHELL to one")
        return ExitCode.SCRIPT_ERROR
    return ExitCode.DONE


def _made(rehearsal: "Rehearsal") -> Iterator[str]:
    files = rehearsal.made_files()
    for file in files[:LISTED]:
        compared = {None: "", True: ", the same as the real one", False: ", other than the real one"}
        yield f"made {file.name} ({counted(file.size, 'byte')}{compared[file.is_same]}): {_shown(file.place)}"
    if len(files) > LISTED:
        yield f"made {counted(len(files) - LISTED, 'other file')}"
    if files:
        yield f"when you are done with these: rm -r {shlex.quote(_shown(rehearsal.folder))}"


def _shown(path: str) -> str:
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
