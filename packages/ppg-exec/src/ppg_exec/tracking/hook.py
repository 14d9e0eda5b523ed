"""Hook: is called by the interpreter before it opens, lists or changes a file, and tells the notes of the current task.

An audit hook stays in its process for ever, and sees every event of the interpreter. So it looks at once whether the event
is one of the few, and whether there is a task. Forked processes have the hook and the task of their parent.
"""

from __future__ import annotations

import os
import sys

from ppg_exec.tracking.log import SharedLog
from ppg_exec.tracking.notes import Notes
from ppg_exec.tracking.origin import is_of_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ppg_exec.tracking.notes import Prefixes
    from ppg_exec.tracking.trace import Trace

__all__ = ["TrackedTask", "current_notes", "install", "join"]

_POPEN = frozenset({"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"})
_WRITING = os.O_ACCMODE

_current: Notes | None = None
_is_installed = False
_is_following = False


def install() -> None:
    """Add the hook to this process, unless it is there already."""
    global _is_installed  # noqa: PLW0603 - the interpreter has one list of hooks
    if not _is_installed:
        _is_installed = True
        sys.addaudithook(_hook)


def current_notes() -> Notes | None:
    """The notes of the task that runs in this process."""
    return _current


def _begin(notes: Notes) -> Notes | None:
    """Let uses be noted in `notes` from now on; returns where they were noted before, for `_end`."""
    global _current
    before, _current = _current, notes
    if not _is_following and not _POPEN.isdisjoint(sys.modules):
        _follow(notes)
    return before


def _end(before: Notes | None) -> None:
    """Let uses be noted where they were noted before `_begin`."""
    global _current  # noqa: PLW0603 - the hook is one function
    _current = before


def join(descriptor: int, origin: tuple[int, int], prefixes: Prefixes) -> None:
    """Note the files that this process uses in the log of a task. Raises OSError."""
    install()
    _begin(Notes(prefixes, SharedLog(descriptor, *origin)))


class TrackedTask:
    """TrackedTask: notes the files of a call, in the process that makes it.

    Args:
        prefixes: those of `Notes`.
        trace: sees what else the call uses; None if only its Python code is looked at.

    """

    __slots__ = ("_notes",)

    def __init__(self, prefixes: Prefixes, trace: Trace | None = None) -> None:
        self._notes = Notes(prefixes)
        self._notes.trace = trace

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call a function, and note the files that it uses."""
        __tracebackhide__ = True
        trace = self._notes.trace
        if trace is None:
            return self._call(function, arguments)
        trace.begin()
        try:
            return self._call(function, arguments)
        finally:
            trace.end()

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        __tracebackhide__ = True
        before = _begin(self._notes)
        try:
            return function(*arguments)
        finally:
            _end(before)

    def encoded(self) -> bytes:
        """The bytes of the notes."""
        try:
            return self._notes.encoded()
        except Exception as error:  # noqa: BLE001 - the task is not to blame
            notes = Notes(self._notes.prefixes)
            notes.fail(
                f"the list of the files that it has used cannot be made: {type(error).__name__}: {error}"
            )
            return notes.encoded()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _HANDLED:
        return
    notes = _current
    if notes is None:
        return
    try:
        if event == "open":
            path, mode, flags = arguments
            if type(path) is not str or path not in notes.noted or flags & _WRITING:
                notes.opened(path, mode, flags)
        else:
            _HANDLED[event](notes, arguments)
    except Exception as error:
        if is_of_others(error):
            raise
        notes.fail(f"a use of a file cannot be noted: {type(error).__name__}: {error}")


def _listed(notes: Notes, arguments: tuple[Any, ...]) -> None:
    notes.listed(arguments[0])


def _renamed(notes: Notes, arguments: tuple[Any, ...]) -> None:
    source, destination, of_source, of_destination = arguments
    notes.written(source, of_source)
    notes.written(destination, of_destination)


def _removed(notes: Notes, arguments: tuple[Any, ...]) -> None:
    notes.written(*arguments)


def _truncated(notes: Notes, arguments: tuple[Any, ...]) -> None:
    notes.written(arguments[0])


def _linked(notes: Notes, arguments: tuple[Any, ...]) -> None:
    notes.written(arguments[1], arguments[3])


def _linked_by_name(notes: Notes, arguments: tuple[Any, ...]) -> None:
    notes.written(arguments[1], arguments[2])


def _forks(notes: Notes, _arguments: tuple[Any, ...]) -> None:
    try:
        notes.share()
    except OSError as error:
        if is_of_others(error):
            raise
        notes.fail(f"no log for the processes that it has forked: {error.strerror}")


def _imports(notes: Notes, arguments: tuple[Any, ...]) -> None:
    if not _is_following and arguments[0] in _POPEN:
        _follow(notes)


def _follow(notes: Notes) -> None:
    """Let processes of `multiprocessing` that are new programs note their files, too."""
    global _is_following  # noqa: PLW0603 - the module is changed once
    _is_following = True
    try:
        from ppg_exec.tracking.children import follow_new_programs  # noqa: PLC0415 - few tasks need it

        follow_new_programs(current_notes)
    except Exception as error:
        if is_of_others(error):
            raise
        notes.fail(f"files of processes that it has started cannot be noted: {type(error).__name__}: {error}")


_HANDLED: dict[str, Callable[[Notes, tuple[Any, ...]], None]] = {
    "open": _listed,  # never called, as `_hook` sees to it
    "os.listdir": _listed,
    "os.scandir": _listed,
    "os.rename": _renamed,
    "os.remove": _removed,
    "os.truncate": _truncated,
    "os.link": _linked,
    "os.symlink": _linked_by_name,
    "os.fork": _forks,
    "os.forkpty": _forks,
    "import": _imports,
}
