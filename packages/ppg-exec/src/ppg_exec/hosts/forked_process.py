"""A forkserver that is a fork of the controller instead of a clean program: `start_method="fork"`.

For scripts that rely on the state of modules which they have changed. It pays for that: every job is then forked
from a process as large as the controller, threads of the controller are missing in it and what they held stays held.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

__all__ = ["ForkedProcess"]


class ForkedProcess:
    """A fork of this process that runs `program`; used like `subprocess.Popen`."""

    def __init__(self, program: Callable[[], NoReturn], output: int, variables: dict[str, str]) -> None:
        """`output` is the descriptor for what it prints, `variables` are set in its environment."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid: int = os.fork()
        if self.pid == 0:
            try:
                _become_clean(output, variables)
                program()
            except BaseException:  # noqa: BLE001 - the process ends here, and says why
                sys.excepthook(*sys.exc_info())
                sys.stderr.flush()
            finally:
                os._exit(1)
        self.returncode: int | None = None

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its return code; raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                waiting = select.poll()
                waiting.register(descriptor, select.POLLIN)
                if not waiting.poll(None if timeout is None else timeout * 1000):
                    raise subprocess.TimeoutExpired("forkserver", timeout or 0)
            finally:
                os.close(descriptor)
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
    # The caller may have put anything in their place.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - they stay
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.update(variables)
