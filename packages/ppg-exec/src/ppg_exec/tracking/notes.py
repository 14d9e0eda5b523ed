"""Notes: holds which files one task has used, and decides which uses are noted.

A use is noted before it happens, because the hook is called then. The first use of each kind counts. A file that the task
has written before is its own, so reading it is no use.

`noted` is one dict in the order of first use, because several threads may add to it: adding one entry is one step. Its keys
and values are those of `wire`.
"""

from __future__ import annotations

import os
import sys
from posixpath import normpath
from stat import S_IFREG
from struct import error as struct_error
from time import monotonic_ns

from ppg_exec.stats.file_systems import MOUNT_TABLE
from ppg_exec.stats.leases import Leases
from ppg_exec.stats.packed import STAT, packed
from ppg_exec.tracking.log import SharedLog, new_log
from ppg_exec.tracking.origin import is_of_others
from ppg_exec.tracking.wire import LIST_TOO_LONG, LONGEST, MOST, TOO_MANY_FILES, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from ppg_exec.tracking.trace import Trace

    Prefixes = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

__all__ = ["EXACT", "NO_CONTENT", "SPECIAL", "Notes"]

EXACT = 1_000
"""Uses of a task from which on folders may get leases: until then their stats take 2 ms, which is not worth the leases."""

_MACHINERY = sys.modules["_frozen_importlib_external"]
_SUFFIXES: tuple[str, ...] = (
    *_MACHINERY.SOURCE_SUFFIXES, *_MACHINERY.BYTECODE_SUFFIXES, *_MACHINERY.EXTENSION_SUFFIXES, ".zip", ".egg", ".whl", ".pyz",
)  # fmt: skip
"""Of files that the import machinery reads; importing `importlib.machinery` would cost more."""
_IMPORTS = "<frozen importlib._bootstrap_external>"
_ARCHIVES = "<frozen zipimport>"
_LAST = frozenset(suffix[-1] for suffix in _SUFFIXES)
SPECIAL = _LAST | {"/", "."}
"""Last letters of names that are code, or no plain names."""
NO_CONTENT = os.O_DIRECTORY | os.O_PATH
_UNUSUAL = os.O_ACCMODE | NO_CONTENT
_KIND = 0o170000  # the bits of a mode that `S_IFMT` gives

_stat = os.stat
_is_there = os.access
_pack = STAT.pack
_getframe = sys._getframe
_now = monotonic_ns


class Notes:
    """Notes: holds the notes of one task in one process.

    Args:
        prefixes: of root, of what is unnoted, and of the system, each with a slash at its end.
        log: of the task, in a process that the task has started.
        exact: whether the stat of each file is taken before it is opened, and not after the end of the task.

    """

    __slots__ = (
        "_before",
        "_exact",
        "_listed",
        "_listing",
        "_log",
        "_root",
        "_skipped",
        "_unnoted",
        "has_written",
        "incomplete",
        "leases",
        "noted",
        "own",
        "prefixes",
        "trace",
    )

    def __init__(self, prefixes: Prefixes, log: SharedLog | None = None, *, exact: bool = False) -> None:
        self.prefixes: Prefixes = prefixes
        self._root, self._unnoted, system = prefixes
        self._skipped = (*self._unnoted, *system)
        self._log = log
        self._before = 0  # notes that are older than the log
        self._listed = 0  # bytes of names in folders
        self.has_written: bool = False
        self._exact = exact or log is not None
        self._listing = ""  # the key of the folder that the hook is listing
        self.noted: dict[str, bytes] = {}
        self.incomplete: str = ""
        """Why notes are missing; empty if none are."""
        self.own: frozenset[str] = frozenset()
        """Names of the files that the task makes, as it may give them; uses of these need not be noted."""
        self.leases: Leases | None = None
        """Spares stats, once the task has used many files."""
        self.trace: Trace | None = None
        """What else the task uses, in the process of the task; None if only its Python code is looked at."""

    # ---- what the hook tells

    def opened(self, path: object, mode: object, flags: int) -> None:
        """A file is about to be opened, by the caller of the caller of this function.

        Nearly all that a task does with files comes here, so the usual case needs no other function.
        """
        if type(path) is str and path[:1] == "/" and not ("/." in path or "//" in path or path[-1] == "/"):
            name = path
        else:
            text = _text(path)
            if text is None or (mode is None and text[:1] != "/" and _names_a_folder(_getframe(2))):
                return
            found_name = _absolute(text)
            if found_name is None:
                return
            name = found_name
        slashed = name + "/"
        if slashed.startswith(self._unnoted if slashed.startswith(self._root) else self._skipped):
            return
        noted = self.noted
        if flags & _UNUSUAL:
            if not flags & NO_CONTENT:
                self._opened_for_writing(name, flags)
            return
        if (name is not path and name in noted) or (self.has_written and f"w{name}" in noted):
            return
        if name[-1] in _LAST and name.endswith(_SUFFIXES) and _is_code(_getframe(2)):
            self._imported(name)
            return
        leases = self.leases
        if leases is not None:
            lease = leases.notes.get(name[: name.rfind("/")])
            if lease is not None and _now() < leases.until and len(noted) < MOST:
                noted[name] = lease
                return
        try:
            found = _stat(name)
        except (OSError, ValueError) as error:
            self._failed(name, error)
            return
        if found.st_mode & _KIND == S_IFREG:
            if len(noted) >= MOST or self._log is not None:
                self._note(name, packed(found))
                return
            if leases is not None and name is MOUNT_TABLE:
                return
            try:
                noted[name] = _pack(
                    found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
                )
            except struct_error:
                noted[name] = packed(found)
        if len(noted) > EXACT and not self._exact:
            self._looked(name, found)

    def listed(self, path: object) -> None:
        """The names in a folder are about to be listed."""
        name = _absolute("." if path is None else _text(path))
        if name is None or not self.counts(name):
            return
        key = f"l{name}"
        if key in self.noted or key == self._listing:
            return
        if _is_import(_getframe(3)):
            self._imported(key)
            return
        self._listing = key  # listing it calls the hook
        try:
            found = packed(_stat(name))
            names = b"\0".join(sorted(map(os.fsencode, os.listdir(name))))  # noqa: PTH208 - lean
        except (OSError, ValueError) as error:
            self._failed(name, error)
            return
        finally:
            self._listing = ""
        self._listed += len(names)
        if self._listed > LONGEST:
            self.fail(LIST_TOO_LONG)
        else:
            self._note(key, found + names)

    def written(self, path: object, folder: int = -1) -> None:
        """A file is about to be changed, made or removed by its name; `folder` is a descriptor, or -1."""
        name = _absolute(_text(path), folder)
        if name is None or name in self.own:
            return
        if self.counts(name) and not (".pyc" in name and _is_import(_getframe(3))):
            self._note(f"w{name}", b"")

    def _opened_for_writing(self, name: str, flags: int) -> None:
        if f"w{name}" in self.noted or (".pyc" in name and _is_import(_getframe(3))):
            return
        # Asking first avoids an exception, which costs a forked process many page faults.
        if flags & os.O_CREAT and not _is_there(name, os.F_OK):
            self._note(f"w{name}", b"")
            return
        try:
            found = _stat(name)
        except (OSError, ValueError) as error:
            if flags & os.O_RDWR:
                self._failed(name, error)
            return
        if found.st_mode & _KIND == S_IFREG and not flags & os.O_EXCL:
            self._note(f"w{name}", b"")

    def _imported(self, key: str) -> None:
        """The import machinery uses a file or folder: that is no use, and the trace must know so."""
        if self.trace is not None:
            self._note(f"i{key}", b"")

    def _failed(self, name: str, error: Exception) -> None:
        """Looking at a file has failed, as using it will."""
        if is_of_others(error):
            raise error
        if isinstance(error, FileNotFoundError | NotADirectoryError) and f"w{name}" not in self.noted:
            self._note(f"a{name}", b"")
        self._looked(name, None)

    def _looked(self, name: str, found: os.stat_result | None) -> None:
        """The stat of a file was taken before it is opened; None if it failed."""
        if self._exact or len(self.noted) <= EXACT:
            return
        if self.leases is None:
            self.leases = Leases(self._skipped)
        self.leases.looked(name, found)

    def look_at_once(self) -> None:
        """Take the stat of each further file before it is opened: the task starts a process, which may change files at any time."""
        self._exact = True
        leases = self.leases
        if leases is not None and leases.notes:
            leases.end()

    def counts(self, name: str) -> bool:
        """Whether uses of a file are noted, by where it is."""
        slashed = name + "/"
        return not slashed.startswith(self._unnoted if slashed.startswith(self._root) else self._skipped)

    def _note(self, key: str, value: bytes) -> None:
        noted = self.noted
        if key in noted:
            return
        if len(noted) >= MOST:
            self.fail(TOO_MANY_FILES)
            return
        noted[key] = value
        if key[0] == "w":
            self.has_written = True
        if self._log is not None and (problem := self._log.append(key, value)):
            self.fail(problem)

    def fail(self, why: str) -> None:
        """Note why notes are missing; the first reason stays."""
        if not self.incomplete:
            self.incomplete = why
            if self._log is not None:
                self._log.fail(why)

    # ---- several processes

    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return not (self.noted or self.incomplete or self._log or self.trace)

    def share(self) -> SharedLog:
        """The log that the processes of this task share, from now on. Raises OSError."""
        if self._log is None:
            self.look_at_once()
            self._before = len(self.noted)
            self._log = new_log()
        return self._log

    def encoded(self) -> bytes:
        """The bytes of all notes of the task, in the process of the task; the log is closed."""
        data = self.encoded_so_far()
        log, self._log = self._log, None
        if log is not None:
            log.close()
        return data

    def encoded_so_far(self) -> bytes:
        """The bytes of all notes of the task until now, in the process of the task."""
        noted = dict(self.noted)  # a thread may still add to it
        if self.leases is not None:
            noted = self.leases.settled(noted)
        if self._log is not None:
            try:
                noted = self._merged(noted, self._log)
            except OSError as error:
                self.fail(f"the log of the processes that it has forked cannot be read: {error.strerror}")
        incomplete = self.incomplete
        if self.trace is not None:
            noted, problem = self.trace.completed(noted, self.counts)
            incomplete = incomplete or problem
        return encode(noted, incomplete)

    def _merged(self, own: dict[str, bytes], log: SharedLog) -> dict[str, bytes]:
        """The notes of all processes; from the first fork on, all of them are in the log, in their order."""
        merged = dict(list(own.items())[: self._before])
        logged = set(merged)
        for key, value in log.read():
            logged.add(key)
            if key == "!":
                self.incomplete = self.incomplete or value.decode("utf-8", "replace")
            elif key not in merged and (key[0] in "lw" or f"w{key.lstrip('a')}" not in merged):
                merged[key] = value
        # What the log had no room for is left over.
        merged.update((key, value) for key, value in own.items() if key not in logged)
        if len(merged) > MOST:
            self.incomplete = self.incomplete or TOO_MANY_FILES
            merged = dict(list(merged.items())[:MOST])
        return merged


def _text(path: object) -> str | None:
    """A path as a plain str; None if it is a descriptor. No method of the user's own class of str or bytes is called."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if isinstance(path, bytes):
        path = os.fsdecode(b"".join((path,)))
    return str.__str__(path) if isinstance(path, str) else None


def _absolute(text: str | None, folder: int = -1) -> str | None:
    """The absolute, normalised name of a path in the folder of a descriptor; None if there is no such folder."""
    if not text:
        return None  # an empty path names nothing
    name = text
    if name[:1] != "/":
        try:
            base = os.getcwd() if folder < 0 else os.readlink(f"/proc/self/fd/{folder}")  # noqa: PTH109, PTH115 - lean
        except OSError as error:
            if is_of_others(error):
                raise
            return None
        name = f"{base}/{name}"
    if "/." in name or "//" in name or name[-1] == "/":
        name = normpath(name)
        if name[:2] == "//":
            name = name[1:]
    return name


def _names_a_folder(frame: FrameType) -> bool:
    """Whether code may call `os.open` with `dir_fd`, of which the hook is not told: the file is in another folder then.

    Names of arguments are among the constants of the code.
    """
    return any(type(each) is tuple and "dir_fd" in each for each in frame.f_code.co_consts)


def _is_import(frame: FrameType | None) -> bool:
    """Whether the import machinery, or `importlib.metadata`, uses a file."""
    while frame is not None and frame.f_code.co_filename == _ARCHIVES:
        frame = frame.f_back
    if frame is None:
        return False
    if frame.f_code.co_filename == _IMPORTS:
        return True
    module = frame.f_globals.get("__name__")
    return type(module) is str and module.startswith(("importlib.metadata", "importlib_metadata"))


def _is_code(frame: FrameType | None) -> bool:
    """Whether a file is read as code of a module, or to show a line of it in a traceback."""
    if frame is None:
        return False
    if frame.f_code.co_filename in {_IMPORTS, _ARCHIVES}:
        return _is_import(frame)
    module = frame.f_globals.get("__name__")
    if module == "tokenize":
        return frame.f_back is not None and frame.f_back.f_globals.get("__name__") == "linecache"
    # `threading` shows the traceback of a thread.
    return module in {"linecache", "threading"} or _is_main_of_child(frame, module)


def _is_main_of_child(frame: FrameType, module: object) -> bool:
    """Whether `multiprocessing` runs the main module once more, in a process that it has started."""
    each: FrameType | None = frame if module == "runpy" else None
    while each is not None and each.f_globals.get("__name__") == "runpy":
        each = each.f_back
    return each is not None and each.f_globals.get("__name__") == "multiprocessing.spawn"
