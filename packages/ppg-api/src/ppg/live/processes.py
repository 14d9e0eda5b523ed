"""Processes: looks at running jobs of this machine: their memory, and the last line that they printed.

The outputs of a job are files without a name, which the job's process has open. They are read by way of `/proc`, and the job
does not notice.
"""

import os
import re
import stat
from pathlib import Path

from ppg.live.picture import RunningJob

__all__ = ["last_line", "looked_at", "memory_of", "outputs_of"]

_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours and movements of the cursor."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_PROCESSES = 50
"""Number of processes of one job that are counted."""
BYTES_READ = 2048
"""Number of bytes at the end of an output in which the last line is looked for."""


def looked_at(job_id: str, seconds: float, pid: int | None, machine: str = "") -> RunningJob:
    """Return a running job with the memory and the last line of its process; None stands for no process to look at."""
    if pid is None:
        return RunningJob(job_id, seconds, machine=machine)
    return RunningJob(job_id, seconds, memory_of(pid), last_line(pid), machine)


def memory_of(pid: int) -> int | None:
    """Return the resident memory in bytes of a process and of those that it started; None if it has ended."""
    waiting, found, looked_at = [pid], None, 0
    while waiting and looked_at < MOST_PROCESSES:
        process = waiting.pop()
        looked_at += 1
        try:
            pages = int(Path(f"/proc/{process}/statm").read_bytes().split()[1])
            waiting += map(int, Path(f"/proc/{process}/task/{process}/children").read_bytes().split())
        except (OSError, IndexError):
            # It has just ended, or the kernel does not list children.
            continue
        found = (found or 0) + pages * _PAGE
    return found


def last_line(pid: int) -> str:
    """Return the last line that a job's process has printed, to whichever stream it printed last; empty if none."""
    newest, found = -1, ""
    for descriptor in (1, 2):
        when, text = _end_of_output(pid, descriptor, BYTES_READ)
        if when > newest:
            lines = [line.strip() for line in text.split("\n")]
            line = next((line for line in reversed(lines) if line), "")
            if line:
                newest, found = when, line
    return found


def outputs_of(pid: int, most: int = 1 << 14) -> tuple[str, str]:
    """Return the ends of what a job's process has printed to stdout and stderr, of at most so many bytes."""
    return _end_of_output(pid, 1, most)[1], _end_of_output(pid, 2, most)[1]


def _end_of_output(pid: int, descriptor: int, most: int) -> tuple[int, str]:
    """When a process has written last, and what; -1 if there is nothing."""
    path = Path(f"/proc/{pid}/fd/{descriptor}")
    try:
        state = path.stat()
        # Other kinds of files, such as pipes and terminals, lose what is read.
        if not stat.S_ISREG(state.st_mode) or not state.st_size:
            return -1, ""
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.pread(file, most, max(0, state.st_size - most))
        finally:
            os.close(file)
    except OSError:
        # The job has just ended, or belongs to another user.
        return -1, ""
    # What follows a carriage return replaces the line, as progress bars do.
    return state.st_mtime_ns, _SEQUENCES.sub("", data.decode(errors="replace")).replace("\r", "\n")
