"""Local log: sends the events of a run to the listening programs of the same user on this machine.

A listening program (`ppg log --listen`) has a Unix socket in a private folder (`ppg_exec.open_runtime_folder`), which
no other user can enter. A run connects to each socket that it finds there, and looks for new ones once a second. It
never waits for a listening program. `ppg.report.udp_log` documents the messages; each is one packet.

A socket that a killed listener left refuses connections. The next run or listener removes it.
"""

import contextlib
import os
import socket
import time

from ppg.report.udp_log import SECONDS_BETWEEN_TRIES, DatagramLog
from ppg_exec import connected_socket, listening_socket, open_runtime_folder, remove_left_sockets

__all__ = ["LocalLog", "LogListener"]

# ruff: noqa: PTH115, PTH118, PTH208
# Everything is relative to the descriptor of a checked folder, which a Path cannot be.

FOLDER = "ppg-log"
WAITING_RUNS = 100
"""Runs that can connect before the listener accepts them."""


class LocalLog(DatagramLog):
    """Local log: sends the events of one run to every listener of this user.

    Parameters:
        root: the pipegraph's folder.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._connected: dict[str, socket.socket] = {}
        self._look_at = 0.0

    def is_heard(self) -> bool:
        """Whether a program listens."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + SECONDS_BETWEEN_TRIES
            self._connect_to_new()
        return bool(self._connected)

    def send(self, data: bytes) -> bool:
        """Send a packet to each listener; return whether any is left."""
        for name, connection in list(self._connected.items()):
            try:
                connection.send(data, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                # The listener is slower than the run; it sees the gap in the numbers.
                continue
            except OSError:
                # The listener has ended.
                self._connected.pop(name).close()
        return bool(self._connected)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connected.values():
            connection.close()
        self._connected.clear()

    def _connect_to_new(self) -> None:
        try:
            folder = open_runtime_folder(FOLDER, make=False)
        except OSError:
            # There is no listener, or no safe folder in which there could be one.
            return
        try:
            for name in sorted(os.listdir(folder)):
                if name not in self._connected and not name.startswith("."):
                    connection = connected_socket(folder, name, socket.SOCK_SEQPACKET)
                    if connection is not None:
                        self._connected[name] = connection
        finally:
            os.close(folder)


class LogListener:
    """Log listener: has a socket to which the runs of this user connect.

    Raises OSError: there is no safe folder for the socket.
    """

    def __init__(self) -> None:
        self._folder = open_runtime_folder(FOLDER)
        remove_left_sockets(self._folder, socket.SOCK_SEQPACKET)
        self._name = f"{os.getpid()}-{os.urandom(8).hex()}"
        self.socket: socket.socket = listening_socket(
            self._folder, self._name, WAITING_RUNS, socket.SOCK_SEQPACKET
        )

    @property
    def place(self) -> str:
        """The path of the socket."""
        return os.path.join(os.readlink(f"/proc/self/fd/{self._folder}"), self._name)

    def accept(self) -> socket.socket | None:
        """Return the connection of a run that has just connected; None if there is none."""
        try:
            connection, _ = self.socket.accept()
        except (BlockingIOError, ConnectionError):
            return None
        connection.setblocking(False)
        return connection

    def close(self) -> None:
        """Remove the socket."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        self.socket.close()
        os.close(self._folder)
