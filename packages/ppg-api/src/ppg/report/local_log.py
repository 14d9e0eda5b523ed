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
from ppg_exec import open_runtime_folder

__all__ = ["LocalLog", "LogListener"]

# ruff: noqa: PTH101, PTH104, PTH110, PTH115, PTH118, PTH208
# Everything is relative to the descriptor of a checked folder, which a Path cannot be.

FOLDER = "ppg-log"
WAITING_RUNS = 100
"""Runs that can connect before the listener accepts them."""
_UNFINISHED = "."
"""Begins the name of a socket until it listens."""


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
                if name not in self._connected and not name.startswith(_UNFINISHED):
                    connection = _connected(folder, name)
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
        self._remove_what_killed_listeners_left()
        self._name = f"{os.getpid()}-{os.urandom(8).hex()}"
        self.socket: socket.socket = _packet_socket()
        # A run takes a socket that is bound, and does not listen yet, for one of a killed listener.
        unfinished = _path(self._folder, _UNFINISHED + self._name)
        self.socket.bind(unfinished)
        # Whatever the umask is, the user's own runs can connect.
        os.chmod(unfinished, 0o600)
        self.socket.listen(WAITING_RUNS)
        os.rename(unfinished, _path(self._folder, self._name))

    @property
    def place(self) -> str:
        """The path of the socket."""
        return os.path.join(os.readlink(f"/proc/self/fd/{self._folder}"), self._name)

    def _remove_what_killed_listeners_left(self) -> None:
        for name in os.listdir(self._folder):
            if not name.startswith(_UNFINISHED):
                connection = _connected(self._folder, name)
                if connection is not None:
                    connection.close()
            elif not os.path.exists(f"/proc/{name.removeprefix(_UNFINISHED).partition('-')[0]}"):
                os.unlink(name, dir_fd=self._folder)

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


def _connected(folder: int, name: str) -> socket.socket | None:
    """Connect to a listener; None if there is none. The socket of a listener that was killed is removed."""
    connection = _packet_socket()
    try:
        connection.connect(_path(folder, name))
    except ConnectionRefusedError:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
    except OSError:
        # The listener has just ended, or has many runs to accept, or this is no socket.
        pass
    else:
        return connection
    connection.close()
    return None


def _packet_socket() -> socket.socket:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    found.setblocking(False)
    return found


def _path(folder: int, name: str) -> str:
    """Return a path through the checked folder, which is short enough for the address of a socket."""
    return f"/proc/self/fd/{folder}/{name}"
