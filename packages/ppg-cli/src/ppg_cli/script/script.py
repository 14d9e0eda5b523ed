"""Script: runs a user's script like Python: as `__main__`, with its own `sys.path[0]` and `sys.argv`."""

import builtins
import os
import sys
import tokenize
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg import Pipegraph

__all__ = ["Script", "ScriptError", "last_pipegraph"]


class ScriptError(Exception):
    """ScriptError: reports that the script cannot run; its message is complete, for the user."""


class Script:
    """Script: executes a Python file of the user.

    Parameters:
        path: the path, as the user wrote it.

    Attributes:
        path: the same path.
        file_name: the absolute path, which its frames carry: tracebacks find its lines after an `os.chdir`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file_name: str = os.path.abspath(path)  # noqa: PTH100 (Path.absolute keeps '..', Python resolves it)
        except FileNotFoundError:
            # The working directory has been removed, so a relative name leads nowhere: running the script says so.
            self.file_name = str(path)

    def __str__(self) -> str:
        return str(self.path)

    def run(self, arguments: Sequence[str]) -> None:
        """Execute the script in this process.

        The module stays in `sys.modules` as `__main__`: its functions run later, and functions of `__main__`
        are pickled by value.

        Raises:
            ScriptError: the file cannot be read or compiled.
            BaseException: any exception of the script, unchanged.
        """
        code = self._compiled()
        module = ModuleType("__main__")
        module.__file__ = self.file_name
        module.__dict__["__builtins__"] = builtins
        module.__dict__["__cached__"] = None
        sys.modules["__main__"] = module
        sys.argv = [str(self.path), *arguments]
        if not sys.flags.safe_path:
            # The first entry is the folder of the `ppg` command; Python would put the script's folder there.
            sys.path[0] = str(self.path.resolve().parent)
        exec(code, module.__dict__)  # noqa: S102 (running the user's script is the purpose)

    def _compiled(self) -> CodeType:
        try:
            with tokenize.open(self.path) as file:
                source = file.read()
        except FileNotFoundError:
            raise ScriptError(
                f"There is no script '{self}'; name the Python file that declares the jobs"
            ) from None
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            raise ScriptError(f"The script '{self}' cannot be read: {error}") from error
        try:
            return compile(source, self.file_name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            shown = "".join(traceback.format_exception_only(error)).rstrip()
            raise ScriptError(f"The script '{self}' is not valid Python:\n{shown}") from error


def last_pipegraph() -> "Pipegraph | None":
    """Return the pipegraph that the script means, or None: the current one, or else the last that a block entered."""
    from ppg import Pipegraph  # noqa: PLC0415 (`ppg --help` needs none of it)
    from ppg.report.never_run import last_graph  # noqa: PLC0415 (the same)

    graph = last_graph()
    return graph if isinstance(graph, Pipegraph) else None
