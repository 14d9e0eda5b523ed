"""Found: finds the runs that go on, and removes what killed runs have left.

A run is found by its socket in this user's folder, or by the pointer beside its store. A pointer may belong to another machine,
another container or another user; then a sentence says so.
"""

import contextlib
import os
import pwd
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from ppg.watch.place import FOLDER, DescribedRun, described, pointer_path
from ppg_exec import connected_socket, open_runtime_folder

__all__ = ["Pointed", "live_runs", "pointed"]

LARGEST = 1 << 16
"""Bytes of a description that are read."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """Pointed: says where the pointer beside a store leads.

    Attributes:
        run: the run that goes on and can be watched; None if there is none.
        why_not: the sentence that says why it cannot, or what was found; empty if there is no pointer.
    """

    run: DescribedRun | None = None
    why_not: str = ""


def live_runs() -> list[DescribedRun]:
    """Return the runs of this user on this machine, the oldest first; what killed runs have left is removed.

    Raises:
        OSError: another user can change the folder.
    """
    try:
        folder = open_runtime_folder(FOLDER, make=False, lasting=True)
    except FileNotFoundError:
        return []
    found: list[DescribedRun] = []
    try:
        for name in os.listdir(folder):  # noqa: PTH208 (relative to the checked folder)
            run_name, dot, suffix = name.rpartition(".")
            if (dot, suffix) != (".", "json"):
                continue
            if not _listens(folder, run_name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
                continue
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                with os.fdopen(descriptor, "rb") as file:
                    run = described(file.read(LARGEST))
                if run is not None:
                    found.append(run)
    finally:
        os.close(folder)
    return sorted(found, key=lambda run: run.since)


def pointed(status_path: Path) -> Pointed:
    """Return where the pointer beside a store leads; one that a killed run has left is removed."""
    path = pointer_path(status_path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        # There is none, or it is private to another user.
        return _unreadable(path)
    with os.fdopen(descriptor, "rb") as file:
        owner = os.fstat(file.fileno())
        data = file.read(LARGEST) if stat.S_ISREG(owner.st_mode) else b""
    run = described(data)
    if owner.st_uid != os.geteuid():
        return Pointed(None, _of_another(owner.st_uid, path))
    if run is None:
        return Pointed(
            None,
            f"'{path}' does not describe a run of this version of ppg; the next run writes it again",
        )
    what = f"(process {run.pid}, since {_shown(run.since)})"
    if run.host and not run.is_of_this_machine and _is_other_host(run):
        return Pointed(
            None,
            f"a run of '{run.store}' was started on the machine '{run.host}' {what}; if it still goes on, "
            f"log in there and use 'ppg top'",
        )
    folder, _, name = run.socket.rpartition("/")
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if _listens(opened, name):
                return Pointed(run)
        finally:
            os.close(opened)
    if run.is_of_this_machine and not run.is_of_this_container:
        return Pointed(
            None,
            f"a run of '{run.store}' {what} was started in another container of this machine; use 'ppg top' there",
        )
    if run.is_of_this_machine and _lives(run):
        return Pointed(
            None,
            f"a run of '{run.store}' {what} goes on, but its socket '{run.socket}' is gone, so it cannot be watched",
        )
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            path.unlink()
    return Pointed(
        None, f"the last run of '{run.store}' {what} did not come to its end; what it left is removed"
    )


def _is_other_host(run: DescribedRun) -> bool:
    # After another start, the same machine has the same name.
    return run.host != os.uname().nodename


def _listens(folder: int, name: str) -> bool:
    connection = connected_socket(folder, name)
    if connection is not None:
        connection.close()
        return True
    # A run that is busy may have no room for another connection.
    try:
        return stat.S_ISSOCK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _lives(run: DescribedRun) -> bool:
    """Whether the process of a run of this container exists; a number is given again to another process."""
    try:
        fields = Path(f"/proc/{run.pid}/stat").read_bytes().rpartition(b")")[2].split()
        ticks = int(fields[19])
        up = float(Path("/proc/uptime").read_bytes().split()[0])
    except (OSError, IndexError, ValueError):
        return False
    began = time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
    return began <= run.since + 1


def _unreadable(path: Path) -> Pointed:
    try:
        found = path.lstat()
    except OSError:
        return Pointed()
    if found.st_uid != os.geteuid():
        return Pointed(None, _of_another(found.st_uid, path))
    return Pointed(
        None, f"'{path}' cannot be read, and should lead to the run that goes on; remove it if none does"
    )


def _of_another(uid: int, path: Path) -> str:
    try:
        name = f"'{pwd.getpwuid(uid).pw_name}'"
    except KeyError:
        name = f"with the number {uid}"
    return f"a run of '{str(path).removesuffix('.watch')}' belongs to the user {name}; only that user can watch it"


def _shown(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))
