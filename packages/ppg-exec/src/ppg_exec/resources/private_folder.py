"""Private folder: opens the folders that processes of one user share while they run.

Other users may write to the folder for temporary files. They can plant links there, or folders of the names that
ppg uses. So a path is walked one level at a time, each level relative to the descriptor of the level above:

- A folder that ppg makes must belong to this user, and must not be writable for others. Readable for others
  it becomes private (0700). It is never reached by a link.
- Below a folder that others can write to, every link and every folder belongs to this user or to root.

The caller opens files relative to the descriptor. A folder that is replaced after the check is then not used.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import deque

__all__ = ["UnsafeFolderError", "is_own_file", "open_private_folder", "open_runtime_folder"]

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
_TEMPORARY = "/tmp"  # noqa: S108 (every level below it is checked)


class UnsafeFolderError(OSError):
    """UnsafeFolderError: another user can change what is in a folder, or has made it."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(errno.EPERM, f"{path} {why}")
        self.path: str = path

    def __str__(self) -> str:
        return str(self.strerror)


def open_runtime_folder(name: str, *, make: bool = True, lasting: bool = False, part: str = "") -> int:
    """Open this user's folder `name` on this machine; it is private.

    It lies in `$XDG_RUNTIME_DIR` if that is a private folder of this user, else in `ppg-<uid>` in the folder for
    temporary files. Other machines may see those files, too. They have folders of their own within `name`, because fifos
    and sockets connect processes of one machine.

    Args:
        name: of the folder.
        make: whether to make it if it is missing.
        lasting: whether it must outlive the login of the user, with which `$XDG_RUNTIME_DIR` goes away.
        part: names the part of the machine that the folder is for; empty: it is for all of the machine.

    Raises OSError: FileNotFoundError if it is missing and `make` is not set, UnsafeFolderError if another user
    can change it.
    """
    machine = f"{_machine()}-{part}" if part else _machine()
    base, shown, levels = _base(lasting=lasting)
    return _descend(base, shown, [*levels, name, machine], make=make)


def open_private_folder(path: str) -> int:
    """Open the folder at `path`, which only this user can read and write; make it if it is missing.

    Raises OSError: UnsafeFolderError if another user can change it.
    """
    above, _, name = os.path.abspath(path).rpartition("/")  # noqa: PTH100 - lean
    try:
        base = _walk(above or "/")
    except FileNotFoundError:
        base = open_private_folder(above)
    return _descend(base, above, [name], make=True)


def is_own_file(descriptor: int, kind: int = stat.S_IFREG) -> bool:
    """Whether an open file belongs to this user, has one name, and is of this kind (`stat.S_IF…`)."""
    found = os.fstat(descriptor)
    return stat.S_IFMT(found.st_mode) == kind and found.st_uid == os.geteuid() and found.st_nlink == 1


def _base(*, lasting: bool) -> tuple[int, str, list[str]]:
    """Return the folder in which this user's folders are: descriptor, path, and levels to make below it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and not lasting:
        # Set for another user (su), or missing (cron): then it is no place for this user's files.
        try:
            descriptor = _walk(runtime)
        except OSError:
            descriptor = -1
        if descriptor >= 0 and not _fault(os.fstat(descriptor)) and _is_writable(descriptor):
            return descriptor, runtime, []
        if descriptor >= 0:
            os.close(descriptor)
    levels = [f"ppg-{os.geteuid()}"]
    temporary = os.path.abspath(os.environ.get("TMPDIR") or _TEMPORARY)  # noqa: PTH100 - lean
    if temporary != _TEMPORARY:
        try:
            descriptor = _walk(temporary)
        except UnsafeFolderError:
            raise
        except OSError:
            descriptor = -1  # it does not exist, or cannot be entered
        if descriptor >= 0 and _is_writable(descriptor):
            return descriptor, temporary, levels
        if descriptor >= 0:
            os.close(descriptor)
    return _walk(_TEMPORARY), _TEMPORARY, levels


def _machine() -> str:
    """What tells this machine, since it started last, from all others; containers of one machine have the same."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - lean
            return file.read().strip()
    except (FileNotFoundError, PermissionError):
        return os.uname().nodename


def _is_writable(descriptor: int) -> bool:
    return os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor, effective_ids=True)


def _descend(base: int, shown: str, levels: list[str], *, make: bool) -> int:
    """Open each of the levels below `base`, which is closed."""
    for name in levels:
        shown = f"{shown.rstrip('/')}/{name}"
        try:
            below = _open_level(base, name, shown, make=make)
        finally:
            os.close(base)
        base = below
    return base


def _open_level(parent: int, name: str, shown: str, *, make: bool) -> int:
    if make:
        # If it exists, the checks below say whether it is ours.
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=parent)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise UnsafeFolderError(shown, "is no folder: remove it") from None
        raise
    found = os.fstat(descriptor)
    fault = _fault(found)
    if fault:
        os.close(descriptor)
        raise UnsafeFolderError(shown, fault)
    if found.st_mode & 0o777 != 0o700:
        os.fchmod(descriptor, 0o700)
    return descriptor


def _fault(found: os.stat_result) -> str:
    """Return what lets another user change a folder; an empty text if nothing does."""
    if found.st_uid != os.geteuid():
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & 0o022:
        return f"is writable for other users (mode {found.st_mode & 0o777:04o}): remove it"
    return ""


def _walk(path: str) -> int:
    """Open the folder at an absolute path, following only links that no other user can have planted."""
    parts = deque(path.split("/"))
    descriptor = os.open("/", _FLAGS)
    # ".." is resolved by the text, because links are resolved here; the levels left behind stay open until the end.
    opened = [descriptor]
    links, others_write = 0, False
    try:
        while parts:
            name = parts.popleft()
            if name in {"", "."}:
                continue
            if name == "..":
                if len(opened) > 1:
                    os.close(opened.pop())
                continue
            others_write = others_write or bool(os.fstat(opened[-1]).st_mode & 0o022)
            found = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
            if others_write and found.st_uid not in {0, os.geteuid()}:
                raise UnsafeFolderError(path, f"leads through '{name}' of another user (uid {found.st_uid})")
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink(name, dir_fd=opened[-1])
                if target.startswith("/"):
                    while len(opened) > 1:
                        os.close(opened.pop())
                parts.extendleft(reversed(target.split("/")))
                continue
            opened.append(os.open(name, _FLAGS, dir_fd=opened[-1]))
            if not os.path.samestat(os.fstat(opened[-1]), found):
                raise UnsafeFolderError(path, f"changed at '{name}' while it was opened")
        return os.dup(opened[-1])
    finally:
        for one in opened:
            os.close(one)
