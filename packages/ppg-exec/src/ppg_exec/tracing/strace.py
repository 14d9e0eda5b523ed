"""Strace: traces the process of a task by strace, which is attached to it while the task runs.

    job process → sh → strace -p (job process)

The shell ends at once, so strace is no child of the job process, and a task that waits for any child does not wait for
strace. The compute node adopts it. It ends when the processes end that it traces. Until the task ends, it is in the task's
session, where the node finds what a job leaves behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import signal

from ppg_exec.linux import libc
from ppg_exec.stats.stamps import now_ns
from ppg_exec.tracing.calls import TRACED
from ppg_exec.tracing.replay import Replay
from ppg_exec.tracking.origin import is_of_others
from ppg_exec.tracking.uses import UNTRACED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Strace"]

_AWAY = 200
"""A descriptor of user code rarely has a number from here on."""
_BLOCK = 1 << 20
_SHELL = "/bin/sh"
_START = 'strace "$@" & echo "pid $!" >&2'
_OPTIONS = (
    "-f", "-y", "-o", "/proc/self/fd/1", "-e", "signal=none", "-e", "abbrev=!?getdents,?getdents64",
    "-e", "trace=" + ",".join(f"?{name}" for name in TRACED), "-p",
)  # fmt: skip
_PID = re.compile(rb"^pid (\d+)$", re.MULTILINE)
_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
_PR_SET_PTRACER = 0x59616D61
_ANY = ctypes.c_ulong(-1)
_GONE = "strace has ended before the task"
_CLOSED = "the task has closed the files by which strace is heard"


class Strace:
    """Strace: is the strace of one task.

    Args:
        directory: where its output goes, an unlinked file.

    """

    __slots__ = ("_began", "_directory", "_folder", "_identities", "_is_tracing", "_messages", "_output", "_owner", "_pidfd",
                 "_problem")  # fmt: skip

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._owner = 0
        self._folder = ""
        self._began = 0
        self._is_tracing = False
        self._problem = ""
        self._output = self._messages = self._pidfd = -1
        self._identities: dict[int, tuple[int, int]] = {}

    def begin(self) -> None:
        """Trace this process, and those that it starts, from now on."""
        self._owner = os.getpid()
        try:
            self._folder = os.getcwd()  # noqa: PTH109 - lean
            said = self._start()
        except OSError as error:
            if is_of_others(error):
                raise
            self._problem = f"{UNTRACED}: {error}"
        else:
            if not self._is_tracing:
                self._problem = f"{UNTRACED}: {_reason(said)}"
        self._began = now_ns()

    def _start(self) -> bytes:
        """Start strace, and wait until it traces this process; returns what it has said."""
        self._output = self._away(_unlinked_file(self._directory))
        reading, writing = os.pipe2(os.O_CLOEXEC)
        self._messages = self._away(reading)
        try:
            # Strace names each new process. It must not wait until these messages are read.
            os.set_blocking(writing, False)
            with _AllowsTracing():
                shell = os.posix_spawn(
                    _SHELL,
                    [_SHELL, "-c", _START, "ppg-strace", *_OPTIONS, str(self._owner)],
                    os.environ,
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, self._output, 1),
                        (os.POSIX_SPAWN_DUP2, writing, 2),
                        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    ],
                    setpgroup=0,
                )
                os.close(writing)
                writing = -1
                with contextlib.suppress(ChildProcessError):  # SIGCHLD may be ignored
                    os.waitpid(shell, 0)
                said = b""
                while more := os.read(self._messages, _BLOCK):
                    said += more
                    if b" attached" in said and (pid := _PID.search(said)) is not None:
                        self._pidfd = self._away(os.pidfd_open(int(pid[1])))
                        self._is_tracing = True
                        break
        finally:
            if writing >= 0:
                os.close(writing)
        return said

    def end(self) -> None:
        """Trace nothing any more, if this is the process that began."""
        if not self._is_tracing or os.getpid() != self._owner:
            return
        self._is_tracing = False
        try:
            self._check(self._messages)
            self._check(self._pidfd)
            if self._has_ended():
                self._problem = f"{UNTRACED} to its end: {_GONE}"
                return
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
            while os.read(self._messages, _BLOCK):
                pass
        except OSError as error:
            if is_of_others(error):
                raise
            self._problem = f"{UNTRACED} to its end: {error.strerror or error}"

    def completed(
        self, noted: dict[str, bytes], counts: Callable[[str], bool]
    ) -> tuple[dict[str, bytes], str]:
        """These notes with those of the trace until now, and why notes are missing, or an empty string."""
        plain = {key: value for key, value in noted.items() if key[0] != "i"}
        if self._output < 0 or not self._began:
            return plain, self._problem
        replay = Replay(counts, self._folder, self._began)
        try:
            self._check(self._output)
            replay.read(self._lines())
        except OSError as error:
            if is_of_others(error):
                raise
            return plain, f"{UNTRACED}: {error.strerror or error}"
        return _merged(noted, plain, replay), self._problem or replay.incomplete

    def _lines(self) -> Iterator[bytes]:
        place = 0
        rest = b""
        while block := os.pread(self._output, _BLOCK, place):
            place += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from lines

    def _has_ended(self) -> bool:
        os.set_blocking(self._messages, False)
        try:
            while os.read(self._messages, _BLOCK):
                pass
        except BlockingIOError:
            return False
        finally:
            os.set_blocking(self._messages, True)
        return True

    def _away(self, descriptor: int) -> int:
        """Move a descriptor out of the way of user code; returns its new number."""
        try:
            number = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _AWAY)
        except OSError:
            number = descriptor  # the limit of descriptors is lower
        else:
            os.close(descriptor)
        seen = os.fstat(number)
        self._identities[number] = (seen.st_dev, seen.st_ino)
        return number

    def _check(self, descriptor: int) -> None:
        """Raise OSError if a descriptor is not what it was: user code has closed it."""
        try:
            seen = os.fstat(descriptor)
        except OSError as error:
            if is_of_others(error):
                raise
            raise OSError(0, _CLOSED) from None
        if (seen.st_dev, seen.st_ino) != self._identities[descriptor]:
            raise OSError(0, _CLOSED)


class _AllowsTracing:
    """_AllowsTracing: lets other processes of the user trace this one meanwhile, where the kernel has a rule against that."""

    def __enter__(self) -> None:
        self._set(_ANY)

    def __exit__(self, *_exception: object) -> None:
        self._set(ctypes.c_ulong(0))

    @staticmethod
    def _set(who: ctypes.c_ulong) -> None:
        if os.path.exists(_SCOPE):  # noqa: PTH110 - lean
            libc().prctl(_PR_SET_PTRACER, who, 0, 0, 0)


def _unlinked_file(directory: str) -> int:
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if is_of_others(error):
            raise
        return os.memfd_create("ppg-trace", os.MFD_CLOEXEC)  # a file system without such files


def _reason(said: bytes) -> str:
    """Why strace has not begun."""
    lines = [
        line
        for line in said.decode("utf-8", "replace").splitlines()
        if line and not _PID.match(line.encode())
    ]
    if any("not found" in line for line in lines):
        return "strace is not installed"
    return lines[-1] if lines else "strace has ended"


def _merged(noted: dict[str, bytes], plain: dict[str, bytes], replay: Replay) -> dict[str, bytes]:
    """The notes of the hook and those of the trace.

    The hook's stats are those at the moment of the use. The trace knows what other programs have written before.
    """
    traced = replay.noted
    merged = {
        key: value
        for key, value in plain.items()
        if key[0] != "/" or f"w{key}" not in traced or key in traced or replay.is_module(key)
    }
    for key, value in traced.items():
        if key in merged or (key[0] == "/" and _is_import(key, noted, replay)):
            continue
        if key[0] == "l" and _is_search(key, noted, replay):
            continue
        merged[key] = value
    return merged


def _is_import(key: str, noted: dict[str, bytes], replay: Replay) -> bool:
    """Whether only the task itself has read a file, to import a module."""
    return f"i{key}" in noted and key not in replay.read_by_programs


def _is_search(key: str, noted: dict[str, bytes], replay: Replay) -> bool:
    """Whether a folder was only listed to find modules."""
    return replay.listed_to_import(key) or (f"i{key}" in noted and not replay.listed_by_programs(key))
