"""Time one process, from a process so small that it does not show in the peak memory of what it measures.

    python -I -S stopwatch.py RESULT LOG LIMIT COMMAND...

Linux counts the memory of the process that calls exec into the peak of what is exec'ed; so the harness, which holds
the content of many files, must not start what it measures. RESULT gets a line: seconds of wall clock from exec to
exit, seconds of CPU, peak memory in bytes (the largest of the process and of those of its descendants that were
waited for), exit code (negative: the signal), 1 if LIMIT seconds were over and everything was killed. Both streams of
the command go to LOG.
"""

import os
import signal
import sys
import time

__all__ = ["main"]


class OutOfTimeError(Exception):
    """The limit is over."""


def ring(signum: int, frame: object) -> None:
    """End the wait."""
    raise OutOfTimeError


def main(result: str, log: str, limit: int, command: list[str]) -> None:
    """Run, wait, write."""
    signal.signal(signal.SIGALRM, ring)
    to_log = (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    from_null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    signal.alarm(limit)
    began = time.perf_counter()
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[from_null, to_log, (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsid=True,
    )
    timed_out = False
    try:
        _, status, usage = os.wait4(pid, 0)
    except OutOfTimeError:
        timed_out = True
        os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    signal.alarm(0)
    fields = (
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024,
        os.waitstatus_to_exitcode(status),
        int(timed_out),
    )
    with open(result, "w") as stream:
        stream.write(" ".join(map(str, fields)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
