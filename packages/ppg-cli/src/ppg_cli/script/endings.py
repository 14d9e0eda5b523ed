"""Endings: turns the exception that ended a script into a message and an exit code."""

import traceback
from collections.abc import Iterator
from types import TracebackType

import typer

from ppg import InternalError, PyPipelineGraphError, RuntimeError  # noqa: A004 (part of pypipegraph's interface)
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.naming import UnknownJobError
from ppg_cli.script.script import Script, ScriptError
from ppg_cli.terminal.streams import complain

__all__ = ["report_ending"]


def report_ending(error: BaseException, script: Script, *, left: str = "finished jobs are recorded") -> int:
    """Print why the script ended, and return the exit code of the command.

    Parameters:
        error: the exception that ended the script.
        script: the script.
        left: the state that an interrupt leaves, in words.
    """
    match error:
        case SystemExit():
            return _asked_for(error)
        case ScriptError() | UnknownJobError():
            complain(str(error))
            return ExitCode.SCRIPT_ERROR
        case RuntimeError():
            # The front end has shown each failure in full.
            return ExitCode.JOBS_FAILED
        case PyPipelineGraphError():
            complain(f"{_place(error, script)}{type(error).__name__}: {error}")
            return ExitCode.SCRIPT_ERROR
        case KeyboardInterrupt():
            # Where the state depends on the moment of the interrupt, notes of the exception describe it.
            complain(f"interrupted; {'; '.join(getattr(error, '__notes__', [left]))}")
            return ExitCode.INTERRUPTED
        case InternalError():
            shown = "".join(traceback.format_exception(error)).rstrip()
            complain(
                f"this is a defect of ppg, not of '{script}'; please report it with all of this:\n{shown}"
            )
            return ExitCode.SCRIPT_ERROR
        case _:
            # The frames before the first one of the script belong to ppg.
            first = next(_frames(error, script), error.__traceback__)
            shown = "".join(traceback.format_exception(type(error), error, first)).rstrip()
            complain(f"the script raised an error:\n{shown}")
            return ExitCode.SCRIPT_ERROR


def _asked_for(request: SystemExit) -> int:
    """Return the exit code that `sys.exit` asks for, as Python interprets it."""
    if request.code is None:
        return ExitCode.DONE
    if isinstance(request.code, int):
        return request.code
    typer.echo(str(request.code), err=True)
    return 1


def _place(error: BaseException, script: Script) -> str:
    """Return the last line of the script on the way to the error, as `script.py:12: `, or an empty text."""
    place = ""
    for frame in _frames(error, script):
        place = f"{script}:{frame.tb_lineno}: "
    return place


def _frames(error: BaseException, script: Script) -> Iterator[TracebackType]:
    """Return the frames of the script on the way to the error, outermost first."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script.file_name:
            yield trace
        trace = trace.tb_next
