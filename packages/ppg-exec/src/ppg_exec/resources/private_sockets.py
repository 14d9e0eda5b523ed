"""Private sockets: makes and reaches Unix sockets in private folders (`resources.private_folder`).

A path to a socket leads through the descriptor of its folder, so it is short enough for an address, and leads nowhere else.
A socket has its name only while it listens. One that refuses connections was left by a process that was killed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct

__all__ = ["connected_socket", "listening_socket", "peer_of", "remove_left_sockets"]

# ruff: noqa: PTH101, PTH104, PTH110
# Everything is relative to the descriptor of a checked folder, which a Path cannot be.

_UNFINISHED = "."
"""Begins the name of a socket until it listens."""


def listening_socket(
    folder: int, name: str, waiting: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket:
    """Return a new socket of that name in an open folder; it listens, does not block, and is for this user alone.

    Args:
        folder: the descriptor of the folder.
        name: of the socket; begins with the process id and a hyphen, and does not exist yet.
        waiting: connections that can wait to be accepted.
        kind: of the socket.

    Raises OSError: it cannot be made.
    """
    made = _socket(kind)
    unfinished = _path(folder, _UNFINISHED + name)
    try:
        # A program that looks takes a socket that is bound, and does not listen yet, for one of a killed process.
        made.bind(unfinished)
        # Whatever the umask is, the user's own programs can connect.
        os.chmod(unfinished, 0o600)
        made.listen(waiting)
        os.rename(unfinished, _path(folder, name))
    except OSError:
        made.close()
        with contextlib.suppress(OSError):
            os.unlink(_UNFINISHED + name, dir_fd=folder)
        raise
    return made


def connected_socket(
    folder: int, name: str, kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket | None:
    """Return a socket that is connected to the one of that name in an open folder; None if no process listens.

    What a killed process left is removed.
    """
    connection = _socket(kind)
    try:
        connection.connect(_path(folder, name))
    except ConnectionRefusedError:
        with contextlib.suppress(OSError):
            # Files that are no sockets refuse connections, too.
            if stat.S_ISSOCK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=folder)
    except OSError:
        # The process has just ended, or has many connections to accept, or this is no socket.
        pass
    else:
        return connection
    connection.close()
    return None


def remove_left_sockets(folder: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Remove the sockets of killed processes from an open folder."""
    for name in os.listdir(folder):
        if not name.startswith(_UNFINISHED):
            connection = connected_socket(folder, name, kind)
            if connection is not None:
                connection.close()
        elif not os.path.exists(f"/proc/{name.removeprefix(_UNFINISHED).partition('-')[0]}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return process id and user id of the other end; if this end connected, of the process that listens."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return pid, uid


def _socket(kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, kind)
    made.setblocking(False)
    return made


def _path(folder: int, name: str) -> str:
    return f"/proc/self/fd/{folder}/{name}"
