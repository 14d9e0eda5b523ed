"""Linux: finds and ends the processes beneath this one.

The forkserver and the compute node import it, and their every fork pays for what they import. So it needs the
standard library only, and little of it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = [
    "BIND_NOW",
    "MARKER",
    "NODE_FAILED",
    "ChildList",
    "await_end",
    "descendants",
    "die_with",
    "end_children",
    "flush_c_stdio",
    "libc",
    "marked_processes",
    "processes_beneath",
    "read_proc",
    "signal_when_parent_ends",
    "stat_fields",
    "stay_in_reach",
    "sweep",
]

NODE_FAILED = 70
"""The exit code of a compute node that could not go on, and printed why."""
MARKER = "PPG_EXECUTOR"
"""Environment variable that every process beneath an executor inherits; its value names the executor."""

BIND_NOW = "LD_BIND_NOW"
"""Environment variable that makes the dynamic linker look up all symbols when a program starts."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MOMENT = 0.005  # seconds between two checks of processes that are being killed


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def await_end(pid: int, patience: float | None = None) -> bool:
    """Wait until a child of this process has ended, for so many seconds at most; returns whether it has. It is not reaped.

    `Popen.wait` with a timeout would look again and again, in the end 50 ms apart.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True  # the script has let the kernel reap its children
    except OSError:
        return _await_end_without_descriptor(pid, patience)
    try:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(None if patience is None else patience * 1000))
    finally:
        os.close(descriptor)


def _await_end_without_descriptor(pid: int, patience: float | None) -> bool:
    give_up = None if patience is None else time.monotonic() + patience
    while True:
        try:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                return True
        except ChildProcessError:
            return True
        if give_up is not None and time.monotonic() >= give_up:
            return False
        time.sleep(_MOMENT)  # no descriptor is left that could tell


def _prctl(option: int, value: int) -> None:
    if libc().prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}, {value}): {os.strerror(number)}")


def stay_in_reach() -> None:
    """Adopt every orphan beneath this process (become a subreaper), so that daemons cannot get away."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def signal_when_parent_ends(number: int) -> None:
    """Get a signal when the thread that has forked this process ends; 0: get none."""
    _prctl(_PR_SET_PDEATHSIG, number)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; its main thread has just forked this process."""
    signal_when_parent_ends(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent had ended before


def flush_c_stdio() -> None:
    """Flush what C code has printed and not yet written."""
    libc().fflush(None)


class ChildList:
    """ChildList: reads the direct children of this process, adopted ones included, by one `pread`.

    The file stays open. Kernels built without it (`CONFIG_PROC_CHILDREN`) cost a check of every process
    instead. `keep` may move the descriptor to another number.
    """

    __slots__ = ("_fd",)

    def __init__(self, keep: Callable[[int], int] = int) -> None:
        own = os.getpid()
        try:
            self._fd = keep(os.open(f"/proc/{own}/task/{own}/children", os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            self._fd = -1

    def pids(self) -> list[int]:
        """The pids of all children, zombies included."""
        if self._fd < 0:
            own = os.getpid()
            return [pid for pid in _all_pids() if _parent_of(pid) == own]
        data = os.pread(self._fd, 65536, 0)
        position = len(data)
        while position and (more := os.pread(self._fd, 65536, position)):
            data += more
            position += len(more)
        return [int(pid) for pid in data.split()]

    def close(self) -> None:
        """Close the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def end_children(children: ChildList, keep: Collection[int], patience: float = 10.0) -> list[int]:
    """SIGKILL every child but those of `keep`, and what they leave to this process, until none is left.

    A child that this process has not yet waited for keeps its pid, so no other process can be hit. Returns
    the pids of those that are still there after `patience` seconds (a process in an uninterruptible system
    call).
    """
    deadline = time.monotonic() + patience
    nothing = select.poll()
    while left := [pid for pid in children.pids() if pid not in keep]:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        reaped = 0
        for pid in left:
            try:
                reaped += os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                reaped += 1
        if not reaped:
            if time.monotonic() > deadline:
                return left
            nothing.poll(_MOMENT * 1000)
    return []


def descendants(roots: Collection[int]) -> list[int]:
    """The pids of every process beneath `roots`, parents before their children."""
    children: dict[int, list[int]] = {}
    for pid in _all_pids():
        children.setdefault(_parent_of(pid), []).append(pid)
    found: list[int] = []
    level = list(roots)
    while level:
        level = [child for pid in level for child in children.get(pid, ())]
        found += level
    return found


def processes_beneath(root: int) -> list[int]:
    """The pids of every process beneath `root`; reads files of these processes alone.

    A process that is just changing its parent may be missing. Kernels built without the lists of children
    (`CONFIG_PROC_CHILDREN`) cost a check of every process instead.
    """
    if not os.access(f"/proc/{root}/task/{root}/children", os.R_OK):
        return descendants([root])
    found = {root: None}
    level = [root]
    while level:
        level = [child for pid in level for child in _children_of(pid) if child not in found]
        found.update(dict.fromkeys(level))
    del found[root]
    return list(found)


def _children_of(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - lean
    except OSError:
        return []  # it has just ended
    lists = [read_proc(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    return [int(child) for children in lists for child in children.split()]


def marked_processes(value: str) -> list[int]:
    """The pids of all processes marked with the executor `value` in their environment, except this one."""
    wanted = f"{MARKER}={value}".encode()
    own = os.getpid()
    return [
        pid for pid in _all_pids() if pid != own and wanted in read_proc(f"/proc/{pid}/environ").split(b"\0")
    ]


def sweep(value: str, patience: float = 10.0) -> list[int]:
    """SIGKILL every process that is marked with `value`, until none is left; returns those that stay."""
    deadline = time.monotonic() + patience
    nothing = select.poll()
    while left := [pid for pid in marked_processes(value) if not _is_zombie(pid)]:
        if time.monotonic() > deadline:
            return left
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        nothing.poll(_MOMENT * 1000)
    return []


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - lean


def read_proc(path: str) -> bytes:
    """The content of a file of /proc; empty if the process is gone or not ours."""
    # A process may end, or change its owner, at any moment; then it is none of ours.
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is more than this process should load
            return file.read()
    except OSError:
        return b""


def stat_fields(pid: int) -> list[bytes]:
    """The fields of /proc/…/stat from the state on; empty if the process is gone."""
    return read_proc(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _parent_of(pid: int) -> int:
    fields = stat_fields(pid)
    return int(fields[1]) if fields else 0


def _is_zombie(pid: int) -> bool:
    fields = stat_fields(pid)
    return not fields or fields[0] in (b"Z", b"X")
