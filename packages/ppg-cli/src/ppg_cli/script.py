"""Runs a user's script as Python would: as `__main__`, with its folder on `sys.path` and its own `sys.argv`."""

import builtins
import sys
import tokenize
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

__all__ = ["ScriptError", "run_script"]


class ScriptError(Exception):
    """The script cannot be run, or raised an error; the message is for the user, complete."""


def run_script(path: Path, arguments: Sequence[str]) -> None:
    """Execute a script in this process.

    The module stays in `sys.modules` as `__main__`, because its functions run later, and are pickled by
    value for being of `__main__`.

    Raises:
        ScriptError: the file cannot be read or compiled.
        BaseException: whatever the script raises, unchanged.

    """
    code = _compiled(path)
    module = ModuleType("__main__")
    module.__file__ = str(path)
    module.__dict__["__builtins__"] = builtins
    module.__dict__["__cached__"] = None
    sys.modules["__main__"] = module
    sys.argv = [str(path), *arguments]
    # The first entry is where the `ppg` command lies; Python puts the script's folder there.
    sys.path[0] = str(path.resolve().parent)
    exec(code, module.__dict__)  # noqa: S102 (running the user's script is the purpose)


def _compiled(path: Path) -> CodeType:
    try:
        with tokenize.open(path) as file:
            source = file.read()
    except FileNotFoundError:
        raise ScriptError(f"There is no script '{path}'") from None
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise ScriptError(f"The script '{path}' cannot be read: {error}") from error
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        shown = "".join(traceback.format_exception_only(error)).rstrip()
        raise ScriptError(f"The script '{path}' is not valid Python:\n{shown}") from error


def script_traceback(error: BaseException, path: Path) -> str:
    """The traceback of an error that the script raised, from the script's first frame on."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(path):
        trace = trace.tb_next
    shown = trace if trace is not None else error.__traceback__
    return "".join(traceback.format_exception(type(error), error, shown)).rstrip()
