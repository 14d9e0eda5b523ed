"""Output files: captures the output of running jobs in unlinked files, which no crash can leave behind.

A pipe needs a reader at all times, and the node may be busy with a load. A file just grows, and the job never
waits. Most jobs print nothing, so the files are used again as long as they are empty. A job shares their flags
with the node, so files with other flags are not used again.

A job can make its output as long as it likes without writing to it (`truncate`). The node ends the output at the
first hole.
"""

from __future__ import annotations

import errno
import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ppg_exec.job_output.own_descriptors import OwnDescriptors

__all__ = ["INLINE", "CaptureFiles", "OutputFiles", "unlinked_file"]

INLINE = 1 << 16
"""Bytes up to which output travels in the message, and its file is used again."""


def unlinked_file(directory: str) -> int:
    """A new file without a name in `directory`, opened for reading and appending."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(directory, flags | os.O_TMPFILE, 0o600)
    except OSError as error:
        # Some file systems (overlayfs, NFS) cannot create a file that never had a name.
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}:
            raise
    path = os.path.join(directory, f".ppg-{os.getpid()}-{os.urandom(8).hex()}")  # noqa: PTH118 - lean
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)  # noqa: PTH108 - lean
    return descriptor


class OutputFiles:
    """OutputFiles: holds two files of a job, and the counter (eventfd) that lets a pre-forked job begin."""

    __slots__ = ("flags", "stderr", "stdout", "turn")

    def __init__(self, directory: str, own: OwnDescriptors) -> None:
        self.turn: int = own.keep(os.eventfd(0, os.EFD_CLOEXEC))
        opened = [self.turn]
        try:
            self.stdout: int = own.keep(unlinked_file(directory))
            opened.append(self.stdout)
            self.stderr: int = own.keep(unlinked_file(directory))
            self.flags: int = fcntl.fcntl(self.stdout, fcntl.F_GETFL)
        except OSError:
            for descriptor in opened:
                own.close(descriptor)
            raise


class CaptureFiles:
    """CaptureFiles: keeps the output files of a node, and hands them to jobs."""

    __slots__ = ("_directory", "_free", "_own")

    def __init__(self, directory: str, own: OwnDescriptors) -> None:
        self._directory = directory
        self._own = own
        self._free: list[OutputFiles] = []

    def acquire(self) -> OutputFiles:
        """Return empty output files. Raises OSError if there is no room or no descriptor for them."""
        return self._free.pop() if self._free else OutputFiles(self._directory, self._own)

    def release(self, output: OutputFiles, *, reuse: bool) -> tuple[bytes | int, bytes | int]:
        """Return what was written to the two files; call it when no process can write to them any more.

        Up to `INLINE` bytes are returned as such; more, as a descriptor that then belongs to the caller.
        Without `reuse` the files are given up in any case.
        """
        stdout, stdout_taken = _content(output.stdout)
        stderr, stderr_taken = _content(output.stderr)
        if stdout_taken or stderr_taken or not reuse or not _emptied(output):
            self._own.close(output.turn)
            for descriptor, taken in ((output.stdout, stdout_taken), (output.stderr, stderr_taken)):
                if taken:
                    self._own.give_away(descriptor)
                else:
                    self._own.close(descriptor)
        else:
            self._free.append(output)
        return stdout, stderr


def _content(descriptor: int) -> tuple[bytes | int, bool]:
    """Return what a file has, or the file itself, and whether it is the file."""
    size = os.fstat(descriptor).st_size
    if size > INLINE:
        _cut_at_hole(descriptor, size)
        return descriptor, True
    try:
        return os.pread(descriptor, size, 0) if size else b"", False
    except OSError as error:
        # The disk, not the job, is at fault; the job's end must be reported.
        return f"(ppg cannot read what the job printed here: {error.strerror})\n".encode(), False


def _cut_at_hole(descriptor: int, size: int) -> None:
    """End a file at its first hole, and write there what is left out: the main process reads it to its end."""
    try:
        hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
        if hole < size:
            os.ftruncate(descriptor, hole)
            note = f"\n(ppg: the job has moved the end of its output; {size - hole} bytes from here on are left out)\n"
            os.pwrite(descriptor, note.encode(), hole)
    except OSError:
        return  # the file system finds no holes, or has no room for the note


def _emptied(output: OutputFiles) -> bool:
    """Empty both files for another job; False if the disk refuses that, or if a job has changed how they are open."""
    try:
        for descriptor in (output.stdout, output.stderr):
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) != output.flags:
                return False
            if os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, 0)
    except OSError:
        return False  # the caller gives the files up
    return True
