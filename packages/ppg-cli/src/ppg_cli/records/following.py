"""Following: shows what a running job prints, until it has ended.

The outputs of a job are files without a name, which its process has open. They are read by way of `/proc`. When a job has
ended, its process is gone, and other jobs use these files; so the end of the output comes from what the run has kept.
"""

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ppg.journal.kept_output import KeptEntry, kept_entries
from ppg.journal.running_jobs import NowRunning, now_running

__all__ = ["follow", "running_names"]

SECONDS_BETWEEN_LOOKS = 0.1
AT_ONCE = 1 << 20


def running_names(now: NowRunning, names: set[str]) -> Iterator[str]:
    """Return the running jobs with one of these ids, or that make one of these files."""
    for job_id in now.jobs:
        if job_id in names or not names.isdisjoint(job_id.split(":")):
            yield job_id


def follow(folder: Path, job_id: str, now: NowRunning) -> KeptEntry | None:
    """Copy what a running job prints to the same streams of this process, until it has ended.

    Parameters:
        folder: that of the kept outputs.
        job_id: the job.
        now: the run.

    Returns:
        The entry that the run has kept; None if the job printed nothing, or if the run was killed.
    """
    copies = [_Copy(now.jobs[job_id], 1, sys.stdout), _Copy(now.jobs[job_id], 2, sys.stderr)]
    later: NowRunning | None = now
    while later is not None and later.run_id == now.run_id and job_id in later.jobs:
        if later.jobs[job_id] != copies[0].pid:
            # This is the next attempt, which prints from the beginning.
            copies = [_Copy(later.jobs[job_id], copy.descriptor, copy.stream) for copy in copies]
        for copy in copies:
            copy.go_on()
        time.sleep(SECONDS_BETWEEN_LOOKS)
        later = now_running(folder)
    entry = next((entry for entry in kept_entries(folder, job_id) if entry.run_id == now.run_id), None)
    if entry is not None:
        for copy, kept, size in zip(
            copies, (entry.stdout, entry.stderr), (entry.stdout_size, entry.stderr_size), strict=True
        ):
            # The kept bytes are the end of the output.
            begin = size - len(kept)
            copy.write(kept[max(0, copy.position - begin) :])
    return entry


class _Copy:
    """_Copy: copies one stream of a job's process.

    Attributes:
        pid: the process.
        descriptor: 1 or 2.
        stream: where it goes.
        position: the number of bytes that were copied.
    """

    def __init__(self, pid: int, descriptor: int, stream: TextIO) -> None:
        self.pid = pid
        self.descriptor = descriptor
        self.stream = stream
        self.position = 0
        self._path = f"/proc/{pid}/fd/{descriptor}"
        self._inode: int | None = None

    def go_on(self) -> None:
        """Copy what is new; nothing if the process has ended, or its output is no file."""
        while data := self._read():
            self.write(data)
            self.position += len(data)

    def _read(self) -> bytes:
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return b""
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                return b""  # a terminal or a pipe would lose what is read
            self._inode = self._inode or found.st_ino
            data = os.pread(file, AT_ONCE, self.position)
            # If the process still has the file, no other job has written to it.
            if self._inode != found.st_ino or os.stat(self._path).st_ino != found.st_ino:  # noqa: PTH116 (a text)
                return b""
        except OSError:
            return b""
        finally:
            os.close(file)
        return data

    def write(self, data: bytes) -> None:
        """Write to the stream."""
        self.stream.buffer.write(data)
        self.stream.buffer.flush()
