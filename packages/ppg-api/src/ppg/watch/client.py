"""Client: is the connection of a watching program to one run."""

import contextlib
import os
import socket

from ppg.exceptions import PyPipelineGraphError
from ppg.watch.place import DescribedRun
from ppg.watch.wire import FORMAT, Fields, fields_of
from ppg_exec import connected_socket, peer_of

__all__ = ["Watching"]

AT_ONCE = 1 << 16


class Watching:
    """Watching: receives what a run tells, and sends it commands.

    Parameters:
        run: the run.

    Attributes:
        run: the run.
        is_over: whether the run has closed the connection.

    Raises:
        PyPipelineGraphError: the run has just ended, or belongs to another user.
    """

    def __init__(self, run: DescribedRun) -> None:
        self.run: DescribedRun = run
        self.is_over: bool = False
        self._unfinished = b""
        folder, _, name = run.socket.rpartition("/")
        connection = None
        with contextlib.suppress(OSError):
            opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection = connected_socket(opened, name)
            finally:
                os.close(opened)
        if connection is None:
            raise PyPipelineGraphError(
                f"The run of process {run.pid} has just ended, or has too many watchers; 'ppg runs' lists what ended"
            )
        _, user = peer_of(connection)
        if user != os.geteuid():
            connection.close()
            raise PyPipelineGraphError(
                f"The process at '{run.socket}' belongs to another user (uid {user}), so nothing is sent to it; "
                "remove the pointer beside the store if that user planted it"
            )
        self._connection: socket.socket = connection

    def fileno(self) -> int:
        """Return the descriptor that is readable when the run has told something."""
        return self._connection.fileno()

    def events(self) -> list[Fields]:
        """Return what has arrived; never wait.

        Raises:
            PyPipelineGraphError: the run refuses this program.
        """
        data = b""
        with contextlib.suppress(BlockingIOError):
            try:
                data = self._connection.recv(AT_ONCE)
            except ConnectionError:
                # What was asked last has not been read by the run.
                data = b""
            self.is_over = not data
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        found = [fields_of(line) for line in lines]
        for fields in found:
            if fields["event"] == "refused":
                raise PyPipelineGraphError(
                    f"The run refuses to be watched: {fields.get('why')}; start 'ppg top' as its user"
                )
            if fields["event"] == "hello" and fields.get("ppg") != FORMAT:
                raise PyPipelineGraphError(
                    f"The run of process {self.run.pid} is of another version of ppg; use the 'ppg' that has started it"
                )
        return found

    def ask(self, line: str) -> None:
        """Send a command; a run that has just ended does not get it."""
        with contextlib.suppress(OSError):
            self._connection.sendall(line.encode(errors="surrogateescape") + b"\n")

    def close(self) -> None:
        """End the connection; the run goes on."""
        self._connection.close()
