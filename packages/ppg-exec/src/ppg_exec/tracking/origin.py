"""Origin: tells the exceptions of the hook from those that signal handlers raise while it runs."""

from __future__ import annotations

__all__ = ["is_of_others"]

_MODULES = frozenset({"os", "posixpath"})
_PACKAGES = ("ppg_exec.", "multiprocessing.", "importlib.")


def is_of_others(error: BaseException) -> bool:
    """Whether code of others has raised an exception, such as a handler that ends what takes too long: it is for the task."""
    entry = error.__traceback__
    while entry is not None:
        module = entry.tb_frame.f_globals.get("__name__")
        if module not in _MODULES and not (type(module) is str and module.startswith(_PACKAGES)):
            return True
        entry = entry.tb_next
    return False
