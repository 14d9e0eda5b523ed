"""Hook: is called by the interpreter before it opens, lists or changes a file, and tells the notes of the current task.

An audit hook stays in its process for ever, and sees every event of the interpreter. So it looks at once whether the event
is one of the few, and whether there is a task. Forked processes have the hook and the task of their parent.
"""

from __future__ import annotations

import os
import sys
from time import monotonic_ns

from ppg_exec.tracking.log import SharedLog
from ppg_exec.tracking.notes import NO_CONTENT, SPECIAL, Notes
from ppg_exec.tracking.origin import is_of_others
from ppg_exec.tracking.wire import MOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ppg_exec.tracking.notes import Prefixes
    from ppg_exec.tracking.trace import Trace

__all__ = ["TrackedTask", "Unnoted", "current_notes", "install", "join"]

_SPAWN = "multiprocessing.popen_spawn_posix"
_FORKSERVER = "multiprocessing.popen_forkserver"
_POPEN = (_SPAWN, _FORKSERVER)
_WRITING = os.O_ACCMODE
_now = monotonic_ns

_current: Notes | None = None
_is_installed = False
_is_following = False
_problem = ""


def install() -> None:
    """Add the hook to this process, unless it is there already."""
    global _is_installed  # noqa: PLW0603 - the interpreter has one list of hooks
    if not _is_installed:
        _is_installed = True
        sys.addaudithook(_hook)
        if _SPAWN in sys.modules or _FORKSERVER in sys.modules:
            _follow()


def join(descriptor: int, origin: tuple[int, int], prefixes: Prefixes) -> None:
    """Note the files that this process uses in the log of a task. Raises OSError."""
    global _current  # noqa: PLW0603 - the hook has no other way to the task
    install()
    _current = Notes(prefixes, SharedLog(descriptor, *origin))


class TrackedTask:
    """TrackedTask: notes the files that a call uses, in the process that makes it.

    A node has one for all untraced tasks with the same rules. It is made before the forks, because each object that a job
    makes, and each function that it calls, costs page faults. `renew` makes it ready for another call in the same process.

    Args:
        prefixes: those of `Notes`.
        trace: sees what else one call uses; None if only its Python code is looked at.
        exact: that of `Notes`.

    """

    __slots__ = ("_exact", "_notes", "_prefixes")

    def __init__(self, prefixes: Prefixes, trace: Trace | None = None, *, exact: bool = False) -> None:
        self._prefixes = prefixes
        self._exact = exact or trace is not None
        self._notes = Notes(prefixes, exact=self._exact)
        self._notes.trace = trace

    def renew(self) -> None:
        """Forget the notes."""
        self._notes = Notes(self._prefixes, exact=self._exact)

    def call(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        own: frozenset[str] = frozenset(),
    ) -> Any:
        """Call a function, and note the files that it uses, but those with the names `own`."""
        global _current  # noqa: PLW0603 - the hook has no other way to the task
        __tracebackhide__ = True
        notes = self._notes
        notes.own = own
        trace = notes.trace
        if trace is not None:
            trace.begin()
        before = _current
        _current = notes
        try:
            return function(*arguments)
        finally:
            _current = before
            if trace is not None:
                trace.end()

    def encoded(self) -> bytes:
        """The bytes of the notes."""
        notes = self._notes
        if notes.is_empty() and not _problem:
            return b""
        try:
            if _problem:
                notes.fail(_problem)
            return notes.encoded()
        except Exception as error:  # noqa: BLE001 - the task is not to blame
            failed = Notes(self._prefixes)
            failed.fail(
                f"the list of the files that it has used cannot be made: {type(error).__name__}: {error}"
            )
            return failed.encoded()


class Unnoted:
    """Unnoted: is a block in which this process notes no file."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        global _current  # noqa: PLW0603 - the hook has no other way to the task
        self._before = _current
        _current = None

    def __exit__(self, *_: object) -> None:
        global _current  # noqa: PLW0603 - the same
        _current = self._before


def current_notes() -> Notes | None:
    """The notes of the task that runs in this process."""
    return _current


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    notes = _current
    if notes is None:
        if event == "import" and arguments[0] in _POPEN:
            _follow()
        return
    if event not in _HANDLED:
        return
    try:
        if event == "open":
            path, mode, flags = arguments
            if type(path) is str:
                if path in notes.own:
                    return
                if not flags & _WRITING:
                    noted = notes.noted
                    if path in noted:
                        return
                    leases = notes.leases
                    if (
                        leases is not None
                        and (lease := leases.quick.get(path[: path.rfind("/")])) is not None
                        and path[-1] not in SPECIAL
                        and not (flags & NO_CONTENT or notes.has_written)
                        and _now() < leases.until
                        and len(noted) < MOST
                    ):
                        noted[path] = lease
                        return
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


def _moved(notes: Notes, _arguments: tuple[Any, ...]) -> None:
    # Names from the folder in which the task began mean other files from now on.
    notes.own = frozenset(name for name in notes.own if name[0] == "/")


def _forks(notes: Notes, _arguments: tuple[Any, ...]) -> None:
    try:
        notes.share()
    except OSError as error:
        if is_of_others(error):
            raise
        notes.fail(f"no log for the processes that it has forked: {error.strerror}")


def _starts(notes: Notes, _arguments: tuple[Any, ...]) -> None:
    notes.look_at_once()


def _imports(_notes: Notes, arguments: tuple[Any, ...]) -> None:
    if arguments[0] in _POPEN:
        _follow()


def _follow() -> None:
    """Let processes of `multiprocessing` that are new programs note their files, too."""
    global _is_following, _problem  # noqa: PLW0603 - `multiprocessing` is changed once
    if _is_following:
        return
    _is_following = True
    try:
        from ppg_exec.tracking.children import follow_new_programs  # noqa: PLC0415 - few tasks need it

        follow_new_programs(current_notes)
    except Exception as error:
        if is_of_others(error):
            raise
        _problem = f"files of processes that it has started cannot be noted: {type(error).__name__}: {error}"


_HANDLED: dict[str, Callable[[Notes, tuple[Any, ...]], None]] = {
    "open": _listed,  # never called, as `_hook` sees to it
    "os.listdir": _listed,
    "os.scandir": _listed,
    "os.rename": _renamed,
    "os.remove": _removed,
    "os.truncate": _truncated,
    "os.link": _linked,
    "os.symlink": _linked_by_name,
    "os.chdir": _moved,
    "os.fork": _forks,
    "os.forkpty": _forks,
    "import": _imports,
    "subprocess.Popen": _starts,
    "os.system": _starts,
    "os.posix_spawn": _starts,
    "os.spawn": _starts,
    "os.exec": _starts,
    "pty.spawn": _starts,
}
