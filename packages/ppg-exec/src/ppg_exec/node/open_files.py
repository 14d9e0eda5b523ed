"""Open files: notices the files that loads leave open in the compute node.

A fork gets copies of the node's descriptors, but an open file has one position, which the node and all its forks share.
If two jobs read such a file, each gets parts of it. These descriptors share nothing that matters, and are left out:

- those of pipes, sockets and devices, which have no position;
- files that are open for appending alone, such as those of log handlers: each write goes to the end;
- files that are mapped into memory, because `mmap` keeps a descriptor which it does not read from.
"""

from __future__ import annotations

import fcntl
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OpenFiles", "naming"]

_MOST_NAMES = 5


class OpenFiles:
    """OpenFiles: holds the files that user code has open in this process, by descriptor.

    Args:
        descriptors: those of user code at the start; their files are not noticed.

    """

    def __init__(self, descriptors: Iterable[int]) -> None:
        self._known: dict[int, tuple[int, int]] = _regular_files(descriptors)

    def left_open(self, descriptors: Iterable[int]) -> list[str]:
        """The names of the files with a shared position that were opened since the last look, in order.

        `descriptors` are those of user code now.
        """
        files = _regular_files(descriptors)
        new = [descriptor for descriptor, file in files.items() if self._known.get(descriptor) != file]
        self._known = files
        names = dict.fromkeys(
            os.readlink(b"/proc/self/fd/%d" % descriptor)  # noqa: PTH115 - lean
            for descriptor in new
            if _has_position(descriptor)
        )
        if names:
            mapped = _mapped_files()
            names = {name: None for name in names if name not in mapped}
        return [name.decode(errors="backslashreplace") for name in names]


def naming(names: list[str]) -> str:
    """These names in one text, the first few of them."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _regular_files(descriptors: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The device and inode of each regular file, by descriptor; the standard streams are not among them."""
    files = {}
    for descriptor in sorted(descriptors):
        if descriptor <= 2:
            continue
        try:
            status = os.fstat(descriptor)
        except OSError:
            continue  # it was open only while the descriptors were listed
        if stat.S_ISREG(status.st_mode):
            files[descriptor] = (status.st_dev, status.st_ino)
    return files


def _has_position(descriptor: int) -> bool:
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    appends = flags & os.O_APPEND and flags & os.O_ACCMODE == os.O_WRONLY
    return not appends and not flags & os.O_PATH


def _mapped_files() -> set[bytes]:
    """The names of the files that are mapped into this process, as /proc/…/fd has them."""
    with open("/proc/self/maps", "rb") as file:  # noqa: PTH123 - lean
        lines = [line.split(None, 5) for line in file]
    return {fields[5].rstrip(b"\n").replace(b"\\012", b"\n") for fields in lines if len(fields) > 5}
