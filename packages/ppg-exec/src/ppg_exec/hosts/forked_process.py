"""Forked process: runs the forkserver as a fork of the main process (`start_method="fork"`).

It is for scripts that rely on the state of modules which they have changed. This has a price: every job is
then forked from a process as large as the main process. Threads of the main process are missing in it, and
locks that they held stay held.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

from ppg_exec.job_output.streams import flush_streams
from ppg_exec.linux import await_end

__all__ = ["ForkedProcess"]


class ForkedProcess:
    """ForkedProcess: runs `program` in a fork of this process; used like `subprocess.Popen`."""

    def __init__(self, program: Callable[[], NoReturn], output: int, variables: dict[str, str]) -> None:
        """`output` is the descriptor for what it prints, `variables` are set in its environment."""
        flush_streams()  # what stays in a buffer, because it cannot be written, the script's own end reports
        self.pid: int = os.fork()
        if self.pid == 0:
            try:
                _become_clean(output, variables)
                program()
            except BaseException:  # noqa: BLE001 - the process ends here, and prints why
                sys.excepthook(*sys.exc_info())
                sys.stderr.flush()
            finally:
                os._exit(1)
        self.returncode: int | None = None

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its return code; raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            if not await_end(self.pid, timeout):
                raise subprocess.TimeoutExpired("forkserver", timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def _become_clean(output: int, variables: dict[str, str]) -> None:
    os.setsid()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) and number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # The script may have replaced these streams.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - they stay open
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    # Where a job replaces its streams, what it has printed is looked for in these.
    vars(sys).update(__stdout__=sys.stdout, __stderr__=sys.stderr)
    os.environ.update(variables)
