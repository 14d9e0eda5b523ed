"""Pipe: is the controller's end of a socket to an agent on the same machine; it never blocks."""

from __future__ import annotations

import socket
from collections import deque

from ppg_exec.links.frames import Frames, framed

__all__ = ["Pipe"]

_CHUNK = 1 << 18
_ENOUGH = 16 << 20
"""Bytes that one call of `receive` reads at most."""


class Pipe:
    """Pipe: queues what the other side does not take yet."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._frames = Frames()
        self._waiting: deque[memoryview] = deque()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    @property
    def has_waiting(self) -> bool:
        """Whether `flush` has something left to write."""
        return bool(self._waiting)

    def put(self, body: bytes) -> None:
        """Queue a message."""
        self._waiting.append(memoryview(framed(body)))

    def flush(self) -> bool:
        """Write as much as the other side takes now; returns whether something is left. Raises EOFError if it is gone."""
        while self._waiting:
            data = self._waiting.popleft()
            if self._waiting and len(data) < _CHUNK:
                parts = [data]
                size = len(data)
                while self._waiting and size < _CHUNK:
                    parts.append(self._waiting.popleft())
                    size += len(parts[-1])
                data = memoryview(b"".join(parts))
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                self._waiting.appendleft(data)
                return True
            except OSError as error:
                raise EOFError("the agent is gone") from error
            if sent < len(data):
                self._waiting.appendleft(data[sent:])
        return False

    def receive(self) -> tuple[list[bytes], bool]:
        """The messages that have arrived, and whether the other side is gone."""
        found: list[bytes] = []
        read = 0
        while read < _ENOUGH:
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return found, False
            except OSError:
                return found, True
            if not data:
                return found, True
            read += len(data)
            found += self._frames.feed(data)
            if len(data) < _CHUNK:
                return found, False
        return found, False
