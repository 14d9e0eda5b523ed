"""Connection: is the agent's end of its link to the controller.

A thread reads, so that the agent ends when the controller goes or falls silent, also while its main thread imports the modules of
a task. The main thread writes. Long outputs are read from their files in parts, when the other side takes more, and
other messages overtake them.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final

from ppg_exec.links.frames import Frames, framed
from ppg_exec.links.messages import FromAgent
from ppg_exec.links.silence import Silence, boot_seconds
from ppg_exec.transport.messages import encode

__all__ = ["SILENT", "Connection"]

SILENT: Final = 75
"""The exit code of an agent that has heard nothing for too long."""
_CHUNK = 1 << 18
_ENOUGH = 1 << 20
"""Bytes that wait to be written, above which no more parts of outputs are read."""


class Connection:
    """Connection: reads in a thread of its own, and writes what the other side takes.

    When the other side closes it, this process ends at once.

    Args:
        connected: the socket.

    """

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._frames = Frames()
        self._arrived: deque[bytes] = deque()
        self._attention = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._parts: deque[Iterator[FromAgent]] = deque()
        self._silence = Silence(None, boot_seconds())
        threading.Thread(target=self._read, name="ppg-agent-reader", daemon=True).start()

    # ---- reading

    def fileno(self) -> int:
        """A descriptor that is readable when `take` has something."""
        return self._attention

    @property
    def socket_fileno(self) -> int:
        """The descriptor to wait on for room to write."""
        return self._socket.fileno()

    def take(self) -> list[bytes]:
        """The messages that have arrived."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._attention)
        found = []
        while self._arrived:
            found.append(self._arrived.popleft())
        return found

    def wait(self) -> None:
        """Wait until `take` has something, and write meanwhile."""
        waiting = select.poll()
        waiting.register(self._attention, select.POLLIN)
        while True:
            self.write()
            if self.has_waiting:
                waiting.register(self._socket.fileno(), select.POLLOUT)
            if any(descriptor == self._attention for descriptor, _ in waiting.poll()):
                return

    def limit_silence(self, limit: float | None) -> None:
        """End this process once the other side has been silent for so many seconds; its tasks end with it."""
        self._silence = Silence(limit, boot_seconds())
        os.eventfd_write(self._changed, 1)

    def pause_silence(self) -> None:
        """Let the other side be silent until `resume_silence`."""
        self._silence.suspend()
        os.eventfd_write(self._changed, 1)

    def resume_silence(self) -> None:
        """Measure again how long the other side is silent."""
        self._silence.resume(boot_seconds())
        os.eventfd_write(self._changed, 1)

    def _read(self) -> None:
        waiting = select.poll()
        waiting.register(self._socket.fileno(), select.POLLIN)
        waiting.register(self._changed, select.POLLIN)
        while True:
            left = self._silence.left(boot_seconds())
            for descriptor, _ in waiting.poll(None if left is None else left * 1000 + 1):
                if descriptor == self._changed:
                    os.eventfd_read(self._changed)
                elif not self._receive():
                    # The forkserver ends every task when this process is gone, however busy its main thread is.
                    os._exit(0)
            if self._silence.is_over(boot_seconds()):
                os._exit(SILENT)

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        self._silence.heard(boot_seconds())
        found = self._frames.feed(data)
        if found:
            self._arrived += found
            os.eventfd_write(self._attention, 1)
        return True

    # ---- writing

    @property
    def has_waiting(self) -> bool:
        """Whether `write` has something left to write."""
        return bool(self._waiting or self._parts)

    def put(self, message: FromAgent) -> None:
        """Queue a message."""
        data = framed(encode(message)[0])
        self._waiting.append(memoryview(data))
        self._size += len(data)

    def put_later(self, messages: Iterator[FromAgent]) -> None:
        """Queue messages that are made when the other side takes them; others may overtake them."""
        self._parts.append(messages)

    def write(self) -> None:
        """Write as much as the other side takes now."""
        while True:
            while self._parts and self._size < _ENOUGH:
                message = next(self._parts[0], None)
                if message is None:
                    self._parts.popleft()
                else:
                    self.put(message)
            if not self._waiting:
                return
            data = self._waiting[0]
            if len(data) < _CHUNK and len(self._waiting) > 1:
                data = self._joined()
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                return
            except OSError:
                # The other side is gone, which the reader notices.
                self._waiting.clear()
                self._parts.clear()
                self._size = 0
                return
            self._size -= sent
            if sent == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[sent:]

    def _joined(self) -> memoryview:
        """The first messages as one, which takes one system call."""
        parts = []
        size = 0
        while self._waiting and size < _CHUNK:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        joined = memoryview(b"".join(parts))
        self._waiting.appendleft(joined)
        return joined
