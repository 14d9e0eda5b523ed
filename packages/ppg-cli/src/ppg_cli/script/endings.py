"""How a script can end other than by its last line: what the user is told, and the command's exit code."""

import traceback
from collections.abc import Iterator
from types import TracebackType

import typer

from ppg import InternalError, PyPipelineGraphError, RuntimeError  # noqa: A004 (part of pypipegraph's interface)
from ppg_cli.exit_codes import ExitCode
from ppg_cli.script.script import Script, ScriptError
from ppg_cli.terminal.streams import complain

__all__ = ["tell_ending"]


def tell_ending(
    error: BaseException, script: Script, *, left: str = "what had finished is remembered"
) -> int:
    """Tell the user what ended the script; gives the exit code.

    Parameters:
        error: what was raised while the script ran.
        script: which one.
        left: what is left if it was interrupted, in words.
    """
    match error:
        case SystemExit():
            return _asked_for(error)
        case ScriptError():
            complain(str(error))
            return ExitCode.SCRIPT_ERROR
        case RuntimeError():
            # Each failure was shown in full when it happened.
            return ExitCode.JOBS_FAILED
        case PyPipelineGraphError():
            complain(f"{_place(error, script)}{type(error).__name__}: {error}")
            return ExitCode.SCRIPT_ERROR
        case KeyboardInterrupt():
            # Notes say what is left where that depends on the moment.
            complain(f"interrupted; {'; '.join(getattr(error, '__notes__', [left]))}")
            return ExitCode.INTERRUPTED
        case InternalError():
            shown = "".join(traceback.format_exception(error)).rstrip()
            complain(
                f"this is a defect of ppg, not of '{script}'; please report it with all of this:\n{shown}"
            )
            return ExitCode.SCRIPT_ERROR
        case _:
            # The frames before the script's first one are ours.
            first = next(_frames(error, script), error.__traceback__)
            shown = "".join(traceback.format_exception(type(error), error, first)).rstrip()
            complain(f"the script raised an error:\n{shown}")
            return ExitCode.SCRIPT_ERROR


def _asked_for(request: SystemExit) -> int:
    """What `sys.exit` means, as Python itself reads it."""
    if request.code is None:
        return ExitCode.DONE
    if isinstance(request.code, int):
        return request.code
    typer.echo(str(request.code), err=True)
    return 1


def _place(error: BaseException, script: Script) -> str:
    """The last line of the script that led to the error: `script.py:12: `; empty if none did."""
    place = ""
    for frame in _frames(error, script):
        place = f"{script}:{frame.tb_lineno}: "
    return place


def _frames(error: BaseException, script: Script) -> Iterator[TracebackType]:
    """The script's frames on the way to the error, outermost first."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script.file_name:
            yield trace
        trace = trace.tb_next
