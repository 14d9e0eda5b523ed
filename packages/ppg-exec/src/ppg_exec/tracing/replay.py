"""Replay: turns the system calls of a task's processes into notes of the files that they use.

The notes have the form of `tracking.notes`. A call says which name was used, and not what the file was then. So a file that
has changed since the task began gets a stat that no file has, and counts as changed.

The job process, and its forks, are Python programs with the hook of `tracking`. Of these, modules do not count, as the hook
sees to them. Of other programs, all files count, and modules of Python programs by their source. Folders which a Python
program lists only to find its modules do not count.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from posixpath import normpath
from stat import S_ISREG

from ppg_exec.stats.packed import UNKNOWN, packed
from ppg_exec.stats.stamps import Stamps
from ppg_exec.tracing.calls import calls, listed_names, text_of
from ppg_exec.tracking.wire import MOST, TOO_MANY_FILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from re import Match

__all__ = ["Replay"]

_MACHINERY = sys.modules["_frozen_importlib_external"]
_MODULES: tuple[str, ...] = (
    *_MACHINERY.SOURCE_SUFFIXES, *_MACHINERY.BYTECODE_SUFFIXES, *_MACHINERY.EXTENSION_SUFFIXES,
)  # fmt: skip
_ABSENT = frozenset({b"ENOENT", b"ENOTDIR"})
_BYTECODE = re.compile(r"(.*)/__pycache__/([^/]+?)\.[^/.]+(?:\.opt-[^/.]+)?\.pyc")
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*")
_MODULE_OR_TEXT = re.compile(rb'^"[^"]*"(?:, "-[^"]*")*?, "-[a-zA-Z]*[cm]"')
"""Arguments of a Python program that finds its first modules in the current folder."""
_FIRST_MODULE = re.compile(r"/encodings/(?:__pycache__/)?__init__\.")
"""A module that every Python program reads before others."""
_NEW = frozenset({"clone", "clone3", "fork", "vfork"})
_ELSEWHERE = "a program that it has started sees another file system (a container), and what it opens there is not known"
_PARTLY = "a program has listed a part of the folder {!r}, which changed meanwhile"


class _Process:
    """_Process: is what matters of a program in a process, for all of its threads."""

    __slots__ = ("folder", "is_elsewhere", "is_python", "is_task", "listing", "modules")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.is_task = True  # runs the program of the task
        self.is_python = False
        self.is_elsewhere = False
        self.modules: set[str] = set()  # the folders in which it finds modules, if it is a Python program
        self.listing: dict[str, list[bytes]] = {}  # for the real name of a folder, the names until now

    def forked(self) -> _Process:
        new = _Process(self.folder)
        new.is_task, new.is_python, new.is_elsewhere = self.is_task, self.is_python, self.is_elsewhere
        new.modules = set(self.modules)
        return new


class Replay:
    """Replay: reads the calls of one task.

    Args:
        counts: says of an absolute name whether its uses are noted.
        folder: where the task began.
        began: when the task began, by the clock of file systems.

    """

    def __init__(self, counts: Callable[[str], bool], folder: str, began: int) -> None:
        self.noted: dict[str, bytes] = {}
        """The notes, with keys and values as `tracking.wire` has them."""
        self.read_by_programs: set[str] = set()
        """Files that other programs than that of the task have read."""
        self.incomplete: str = ""
        """Why notes are missing; empty if none are."""
        self._counts = counts
        self._stamps = Stamps(began)
        self._root = _Process(folder)
        self._thread = 0
        self._processes: dict[int, _Process] = {}
        # For each new thread: its maker, and how it is made.
        self._births: dict[int, deque[tuple[int, bytes]]] = {}
        self._seen_early: set[int] = set()
        # For the real name of each file: the names that were used.
        self._used: dict[str, dict[str, None]] = {}
        self._listers: dict[str, list[_Process]] = {}

    def read(self, lines: Iterable[bytes]) -> None:
        """Read what strace has printed."""
        found = list(calls(lines))
        for thread, name, arguments in found:
            if arguments is not None and name in _NEW and int(arguments[2]) > 0:
                self._births.setdefault(int(arguments[2]), deque()).append((thread, arguments[1]))
        for self._thread, name, arguments in found:
            if arguments is None:
                ended = self._processes.pop(self._thread, None)
                if ended is not None and ended not in self._processes.values():
                    self._ends_partly(ended)
                continue
            process = self._process(self._thread)
            if not process.is_elsewhere:
                getattr(self, f"_{name}")(process, arguments)
        for process in {id(each): each for each in (self._root, *self._processes.values())}.values():
            self._ends_partly(process)

    @staticmethod
    def is_module(name: str) -> bool:
        """Whether a file may be a module of Python, of which the trace does not tell what the task itself does."""
        return name.endswith(_MODULES)

    def listed_by_programs(self, key: str) -> bool:
        """Whether a program other than that of the task has listed a folder, given by its key, beyond finding modules."""
        folder = key[1:]
        return any(
            not each.is_task and not (each.is_python and folder in each.modules)
            for each in self._listers.get(key, ())
        )

    def listed_to_import(self, key: str) -> bool:
        """Whether all processes that have listed a folder, given by its key, are Python programs that find modules there."""
        folder = key[1:]
        return all(
            not each.is_task and each.is_python and folder in each.modules
            for each in self._listers.get(key, ())
        )

    # ---- processes

    def _process(self, thread: int) -> _Process:
        process = self._processes.get(thread)
        if process is None:
            # A new process may be seen before the call that makes it has ended.
            if births := self._births.get(thread):
                self._seen_early.add(thread)
                process = self._born(*births.popleft())
            else:
                process = self._root  # a thread that the task had before
            self._processes[thread] = process
        return process

    def _clone(self, _process: _Process, found: Match[bytes]) -> None:
        new = int(found[2])
        if new in self._seen_early:
            self._seen_early.discard(new)
        elif new > 0:
            self._processes[new] = self._born(*self._births[new].popleft())

    def _born(self, maker: int, arguments: bytes) -> _Process:
        process = self._process(maker)
        if b"CLONE_THREAD" in arguments:
            return process
        child = process.forked()
        if b"CLONE_NEWNS" in arguments:
            self._leaves(child)
        return child

    _clone3 = _fork = _vfork = _clone

    def _execve(self, process: _Process, found: Match[bytes]) -> None:
        self._executed(process, self._name(process, None, found[1]), found[2], found[3])

    def _execveat(self, process: _Process, found: Match[bytes]) -> None:
        self._executed(process, self._name(process, found[1], found[2]), found[3], found[4])

    def _executed(self, process: _Process, name: str, arguments: bytes, result: bytes) -> None:
        if result != b"0":
            return
        self._reads(name)
        self._ends_partly(process)
        program = self._processes[self._thread] = _Process(process.folder)
        program.is_task = False
        program.is_python = _PYTHON.fullmatch(name) is not None
        # A script may turn out to be a Python program.
        program.modules.update(_absolute(_given_search_path(), process.folder))
        if not program.is_python:
            program.modules.update(map(os.path.dirname, (name, os.path.realpath(name))))
        elif _MODULE_OR_TEXT.search(arguments):
            program.modules.add(process.folder)

    def _chroot(self, process: _Process, found: Match[bytes]) -> None:
        if found[2] == b"0":
            self._leaves(process)

    def _pivot_root(self, process: _Process, found: Match[bytes]) -> None:
        if found[3] == b"0":
            self._leaves(process)

    def _setns(self, process: _Process, found: Match[bytes]) -> None:
        if found[1] == b"0":
            self._leaves(process)

    def _unshare(self, process: _Process, found: Match[bytes]) -> None:
        if found[2] == b"0" and b"CLONE_NEWNS" in found[1]:
            self._leaves(process)

    def _leaves(self, process: _Process) -> None:
        process.is_elsewhere = True
        self.incomplete = self.incomplete or _ELSEWHERE

    def _chdir(self, process: _Process, found: Match[bytes]) -> None:
        if found[2] == b"0":
            # Links are followed before `..`, as the kernel does.
            process.folder = os.path.realpath(os.path.join(process.folder, text_of(found[1])))  # noqa: PTH118 - lean

    def _fchdir(self, process: _Process, found: Match[bytes]) -> None:
        if found[2] == b"0":
            process.folder = text_of(found[1])

    # ---- files

    def _open(self, process: _Process, found: Match[bytes]) -> None:
        self._opened(process, self._name(process, None, found[1]), found[2], found[3], found[4], found[5])

    def _openat(self, process: _Process, found: Match[bytes]) -> None:
        self._opened(process, self._name(process, found[1], found[2]), found[3], found[4], found[5], found[6])

    _openat2 = _openat

    def _creat(self, process: _Process, found: Match[bytes]) -> None:
        if found[2][:1] != b"-":
            self._writes(self._name(process, None, found[1]))

    def _opened(
        self,
        process: _Process,
        name: str,
        flags: bytes,
        result: bytes,
        real: bytes | None,
        error: bytes | None,
    ) -> None:
        given = flags.split(b"|")
        if not name or b"O_PATH" in given:
            return
        if result[:1] == b"-":
            if error in _ABSENT and b"O_WRONLY" not in given and b"O_CREAT" not in given:
                self._misses(process, name)
        elif b"O_WRONLY" in given or b"O_TRUNC" in given or b"O_EXCL" in given or b"O_TMPFILE" in given:
            self._writes(name)
        elif b"O_RDWR" in given:
            # Databases are opened in this way even if they are only read.
            if self._stamps.unchanged(name) is None:
                self._writes(name)
            else:
                self._reads_of(process, name)
        else:
            if real is not None and self._counts(name):
                self._used.setdefault(text_of(real), {})[name] = None
            self._reads_of(process, name)

    def _getdents(self, process: _Process, found: Match[bytes]) -> None:
        real = text_of(found[1])
        if found[3] == b"0":
            names = process.listing.pop(real, [])
            self._lists(process, real, names)
        else:
            process.listing.setdefault(real, []).extend(listed_names(found[2]))

    _getdents64 = _getdents

    def _rename(self, process: _Process, found: Match[bytes]) -> None:
        if found[3] == b"0":
            self._writes(self._name(process, None, found[1]))
            self._writes(self._name(process, None, found[2]))

    def _renameat(self, process: _Process, found: Match[bytes]) -> None:
        if found[5] == b"0":
            self._writes(self._name(process, found[1], found[2]))
            self._writes(self._name(process, found[3], found[4]))

    _renameat2 = _renameat

    def _unlink(self, process: _Process, found: Match[bytes]) -> None:
        if found[2] == b"0":
            self._writes(self._name(process, None, found[1]))

    _truncate = _unlink

    def _unlinkat(self, process: _Process, found: Match[bytes]) -> None:
        if found[3] == b"0":
            self._writes(self._name(process, found[1], found[2]))

    def _link(self, process: _Process, found: Match[bytes]) -> None:
        if found[3] == b"0":
            self._writes(self._name(process, None, found[2]))

    _symlink = _link

    def _linkat(self, process: _Process, found: Match[bytes]) -> None:
        if found[5] == b"0":
            self._writes(self._name(process, found[3], found[4]))

    def _symlinkat(self, process: _Process, found: Match[bytes]) -> None:
        if found[4] == b"0":
            self._writes(self._name(process, found[2], found[3]))

    # ---- notes

    def _reads_of(self, process: _Process, name: str) -> None:
        if process.is_task:
            if not name.endswith(_MODULES):
                self._reads(name)
            return
        if _FIRST_MODULE.search(name):
            process.is_python = True
        bytecode = _BYTECODE.fullmatch(name)
        if bytecode is not None:
            source = f"{bytecode[1]}/{bytecode[2]}.py"
            name = source if os.path.exists(source) else name  # noqa: PTH110 - lean
        if name.endswith(_MODULES):
            process.modules.add(os.path.dirname(name))  # noqa: PTH120 - lean
        elif name.endswith(".pth"):
            process.modules.update(_absolute(_search_path_of(name), os.path.dirname(name)))  # noqa: PTH120 - lean
        self.read_by_programs.add(name)
        self._reads(name)

    def _reads(self, name: str) -> None:
        if name in self.noted or f"w{name}" in self.noted or not self._counts(name):
            return
        try:
            found = os.stat(name)  # noqa: PTH116 - lean
        except (OSError, ValueError):
            self._note(name, UNKNOWN)  # it is gone
            return
        if S_ISREG(found.st_mode):
            self._note(name, packed(found) if self._stamps.is_unchanged(found, name) else UNKNOWN)

    def _misses(self, process: _Process, name: str) -> None:
        if name.endswith(_MODULES) and (process.is_task or ".pyc" in name):
            return
        if f"w{name}" not in self.noted and name not in self.noted and self._counts(name):
            self._note(f"a{name}", b"")

    def _writes(self, name: str) -> None:
        if name and "/__pycache__/" not in name and self._counts(name):
            self._note(f"w{name}", b"")

    def _lists(self, process: _Process, real: str, names: Iterable[bytes]) -> None:
        for name in self._used.get(real, (real,)):
            if self._counts(name):
                key = f"l{name}"
                self._listers.setdefault(key, []).append(process)
                self._note(key, UNKNOWN + b"\0".join(sorted(set(names))))

    def _ends_partly(self, process: _Process) -> None:
        """Note the folders that a program has not listed to their ends, with all of their names."""
        for real in process.listing:
            try:
                found = os.stat(real)  # noqa: PTH116 - lean
                names = [os.fsencode(name) for name in os.listdir(real)]  # noqa: PTH208 - lean
            except (OSError, ValueError):
                found, names = None, []
            if found is not None and self._stamps.is_unchanged(found, real):
                self._lists(process, real, names)
            elif any(map(self._counts, self._used.get(real, (real,)))):
                self.incomplete = self.incomplete or _PARTLY.format(real)
        process.listing = {}

    def _note(self, key: str, value: bytes) -> None:
        if key not in self.noted:
            if len(self.noted) < MOST:
                self.noted[key] = value
            else:
                self.incomplete = self.incomplete or TOO_MANY_FILES

    def _name(self, process: _Process, folder: bytes | None, path: bytes) -> str:
        """The absolute, normalised name of a path, as `tracking.notes` has it; empty if there is none."""
        name = text_of(path)
        if not name:
            return ""
        if name[0] != "/":
            name = f"{text_of(folder) or process.folder}/{name}"
        if "/." in name or "//" in name or name[-1] == "/":
            name = normpath(name)
            if name[:2] == "//":
                name = name[1:]
        return name


def _given_search_path() -> list[str]:
    """The folders in which Python programs find modules because the environment says so."""
    return list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))


def _search_path_of(name: str) -> list[str]:
    """The folders that a path configuration file (`*.pth`) adds to those in which Python programs find modules."""
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - lean
            lines = [line.strip() for line in file]
    except OSError:
        return []  # it is gone, or others may not read it: a folder that is listed counts
    return [line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]


def _absolute(folders: Iterable[str], base: str) -> list[str]:
    """These folders, where relative ones are in another folder."""
    return [normpath(f"{base}/{folder}" if folder[0] != "/" else folder) for folder in folders]
