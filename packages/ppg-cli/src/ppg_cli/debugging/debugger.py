"""Debugger: finds the debugger that the command line names, and calls functions under it."""

import bdb
import functools
import importlib
import itertools
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["Debugger", "DebuggerError"]


class DebuggerError(Exception):
    """DebuggerError: reports that there is no such debugger; the message is for the user."""


class Debugger:
    """Debugger: is a module like `pdb`, with `post_mortem`, `set_trace` and `runcall`, or a class like `pdb.Pdb`.

    `breakpoint()` leads into it, too.

    Parameters:
        name: `pdb`, `ipdb` or `pudb`, or a class as pytest takes it: `IPython.terminal.debugger:TerminalPdb`.

    Raises:
        DebuggerError: there is no such module or class, or it is no debugger.
    """

    def __init__(self, name: str) -> None:
        module, _, path = name.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in path.split(".") if path else ():
                found = getattr(found, part)
        except ImportError as error:
            raise DebuggerError(
                f"there is no debugger '{name}': {error}; install it, or leave --with out for pdb"
            ) from None
        except AttributeError as error:
            raise DebuggerError(
                f"there is no debugger '{name}': {error}; name a class of the module"
            ) from None
        wanted = "post_mortem" if isinstance(found, ModuleType) else "runcall"
        if not hasattr(found, wanted):
            raise DebuggerError(
                f"'{name}' is no debugger, as it has no {wanted}; name a module like ipdb, or a class like "
                "IPython.terminal.debugger:TerminalPdb"
            )
        self._found = found
        if not isinstance(found, ModuleType):
            sys.breakpointhook = self._break
        elif hasattr(found, "set_trace") and not (name == "pdb" and "PYTHONBREAKPOINT" in os.environ):
            # Python calls it in the frame of the user, as no function of ours could.
            os.environ["PYTHONBREAKPOINT"] = f"{name}.set_trace"

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls the other one under the debugger, which stops at its first line."""
        if isinstance(self._found, ModuleType):
            runcall = getattr(self._found, "runcall", None)
            return function if runcall is None else _Under(runcall, function)
        return _Under(self._found().runcall, function)

    def look_at(self, error: BaseException, trace: Any) -> None:
        """Print an error, and look at where it was raised.

        Parameters:
            error: the error.
            trace: its traceback, from the first frame that the user knows.
        """
        sys.stdout.flush()
        traceback.print_exception(type(error), error, trace)
        sys.stderr.flush()
        if isinstance(self._found, ModuleType):
            self._found.post_mortem(trace)
            return
        debugger = self._found()
        debugger.reset()
        debugger.interaction(None, trace)

    def _break(self, *arguments: object, **options: object) -> None:  # noqa: ARG002 (those of breakpoint())
        self._found().set_trace(sys._getframe(1))


class _Under:
    """_Under: calls a function under a debugger."""

    def __init__(self, runcall: Callable[..., Any], function: Callable[..., Any]) -> None:
        self._runcall = runcall
        self._function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        ended: list[Any] = []
        call = functools.partial(self._function, *arguments, **options)
        # A debugger that is left returns from `runcall`. A function of ours that notes the end would be the first at
        # which the debugger stops; these methods of lists and iterators have no frame.
        self._runcall(ended.extend, itertools.starmap(call, [()]))
        if not ended:
            raise bdb.BdbQuit
        return ended[0]
