"""Agent process: starts an agent on this machine, and ends everything that it leaves."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile

from ppg_exec.linux import MARKER, await_end, sweep
from ppg_exec.transport.channel import pair
from ppg_exec.transport.logbook import Activity, new_logbook, read_logbook

__all__ = ["AgentProcess"]

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from ppg_exec.agent.program import main; main({connection}, {logbook}, {marker!r})"
)
_MOST_WORDS = 4096


class AgentProcess:
    """AgentProcess: is an agent that this process has started; nothing of it outlives `end`.

    Args:
        directory: where it begins.

    """

    def __init__(self, directory: str = "/") -> None:
        self.marker: str = secrets.token_hex(16)
        """The value of PPG_EXECUTOR in the environment of the agent, and of every process beneath."""
        self._logbook = new_logbook()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the agent
        ours, theirs = pair()
        self.socket: socket.socket = ours
        with theirs:
            program = _PROGRAM.format(
                path=sys.path, connection=theirs.fileno(), logbook=self._logbook, marker=self.marker
            )
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=[theirs.fileno(), self._logbook],
                start_new_session=True,
                cwd=directory,
                env={**os.environ, MARKER: self.marker},
            )

    @property
    def pid(self) -> int:
        """The pid of the agent."""
        return self._process.pid

    def reading(self) -> int:
        """The number of the task that it reads, or was reading as it died; 0: none."""
        activity, number = read_logbook(self._logbook)
        return number if activity == Activity.READING else 0

    def words(self) -> str:
        """The end of what it has printed itself."""
        descriptor = self._words.fileno()
        size = os.fstat(descriptor).st_size
        start = max(0, size - _MOST_WORDS)
        return os.pread(descriptor, size - start, start).decode(errors="replace").strip()

    def end(self, patience: float = 0.0) -> int:
        """Wait so many seconds for its end, then end it, and every process beneath; returns its wait status."""
        code = self._process.poll()
        if code is None and patience and await_end(self._process.pid, patience):
            code = self._process.wait()
        with contextlib.suppress(OSError):
            self.socket.close()
        if code is None:
            self._process.kill()
            code = self._process.wait()
        # Its forkserver ends everything beneath, but may not have done so yet.
        sweep(self.marker)
        return (code << 8) if code >= 0 else -code

    def close(self) -> None:
        """Close the descriptors, after `end`."""
        os.close(self._logbook)
        self._words.close()
