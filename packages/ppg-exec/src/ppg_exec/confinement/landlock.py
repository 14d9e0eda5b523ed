"""Landlock: makes the three system calls of the kernel's Landlock, by which a process gives up access to files.

A `Ruleset` first gives up all access to files, and then allows some of it again, by inode: a rule of a folder holds for all
that lies beneath it. Rules cannot be taken back, and hold for every process that the process starts.

No binding does this here: those on PyPI have no release that counts as stable, and need more than a job process should
import. Only tasks that are confined import this module.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct

from ppg_exec.linux import libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = [
    "ALL",
    "EXECUTE",
    "FILE_RIGHTS",
    "LEAST_ABI",
    "MAKE_REGULAR",
    "READ_DIR",
    "READ_FILE",
    "REMOVE_FILE",
    "TRUNCATE",
    "WRITE_FILE",
    "Ruleset",
    "landlock_abi",
    "why_not_confinable",
]

LEAST_ABI = 3
"""The first version that controls the truncation of files (Linux 6.2)."""

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_FILE = 1 << 5
MAKE_REGULAR = 1 << 8
TRUNCATE = 1 << 14
ALL = (1 << 15) - 1
"""Every right of version 3; those of later versions stay with the process."""
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
"""The rights that a rule of a file can give; the others are those of folders."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on all architectures on which ppg runs."""
_ASK_FOR_VERSION = 1
_BENEATH_PATH = 1
_NO_NEW_PRIVILEGES = 38


def _call(number: int, *arguments: object) -> int:
    result: int = libc().syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


@functools.cache
def landlock_abi() -> int:
    """The version of Landlock that the kernel has; 0 if it has none, or if it is switched off."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_FOR_VERSION))
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}:
            return 0
        raise


def why_not_confinable() -> str | None:
    """Why tasks cannot be confined on this machine, with the remedy; None if they can."""
    abi = landlock_abi()
    if abi >= LEAST_ABI:
        return None
    needed = f"it needs Landlock of version {LEAST_ABI} or later (Linux 6.2)"
    if abi:
        return f"{needed}, and this kernel ({os.uname().release}) has version {abi}; use a newer kernel"
    return (
        f"{needed}, and this kernel ({os.uname().release}) has none, or a container forbids it; "
        "add landlock to the kernel's parameter lsm=..., or use another machine"
    )


class Ruleset:
    """Ruleset: collects what stays allowed, and then restricts this process to it."""

    def __init__(self) -> None:
        attributes = struct.pack("=Q", ALL)
        self._descriptor = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(8), ctypes.c_uint32(0))

    def allow(self, path: str, rights: int) -> bool:
        """Allow access to a file, or to a folder and all beneath; False if there is no such file.

        Of a file, only the rights count that a file can have.
        """
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return False
        try:
            return self.allow_opened(descriptor, rights)
        finally:
            os.close(descriptor)

    def allow_opened(self, descriptor: int, rights: int) -> bool:
        """Allow access to an open file; False if it is of a kind that Landlock does not control, such as a pipe."""
        try:
            self._add(descriptor, rights)
        except OSError as error:
            if error.errno == errno.EINVAL and rights & ~FILE_RIGHTS:
                return self.allow_opened(descriptor, rights & FILE_RIGHTS)
            if error.errno in {errno.EBADFD, errno.EBADF}:
                return False
            raise
        return True

    def _add(self, descriptor: int, rights: int) -> None:
        rule = struct.pack("=Qi", rights, descriptor)
        _call(
            _ADD_RULE, ctypes.c_int(self._descriptor), ctypes.c_int(_BENEATH_PATH), rule, ctypes.c_uint32(0)
        )

    def restrict(self) -> None:
        """Restrict this process, and whatever it starts from now on, to what was allowed; this cannot be undone.

        It can then gain no privileges by programs such as sudo, which the kernel requires.
        """
        if libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"prctl: {os.strerror(error)}")
        _call(_RESTRICT_SELF, ctypes.c_int(self._descriptor), ctypes.c_uint32(0))

    def close(self) -> None:
        """Forget the rules."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
