"""Messages between the processes of an executor: tuples of plain values, over a Unix socket, with descriptors.

The same framing serves all three connections. A message is a tuple whose first element names it; `marshal`
writes it, which is in every interpreter already and reads nothing but plain values. Values that are more
than plain travel as `bytes` that somebody else has pickled. In front of each message stands its length.

mcp → forkserver
    ("node", node, directory, huge pages)    fork a compute node; + descriptors of its socket and its logbook
    ("kill node", node)                      end that node and everything beneath it
    ("interrupt node", node)                 raise an exception in the load that it runs
    ("signal job", node, pid, signal)        to its process group, if it has not ended
    ("pause",), ("resume",)                  stop the nodes and all beneath them; let them go on
    ("close",)                               end everything
forkserver → mcp
    ("node died", node, wait status)         and everything beneath it is gone, too
    ("memory", {pid: bytes})                 of jobs that have clearly more than before, all processes together
mcp → node
    ("task", number, go, place, payload, numbers, cores, timeout, directory, environment)
    ("go", number)                           a task that was sent ahead may start now
    ("recall", [number])                     give back what has not started
    ("end", number, grace, why)              SIGTERM, and SIGKILL after `grace` seconds
    ("forget", [number])                     identities that are not needed any more
node → mcp
    ("started", number, pid, time)
    ("ended", number, successor, status, usage, report, stdout, stderr, cause, warnings) + descriptors
    ("recalled", [number])                   what of a recall had not started
    ("unlearnt", [identity])                 identities of a message that could not be read
    ("unread", number, [identity])           a task that refers to such an identity: to be sent again
job process → node
    (number, time, kind, …) in one packet    see `jobprocess`

A field of "ended" that is None stands for a descriptor that comes with the message, in order.
"""

from __future__ import annotations

import marshal
import os
import socket
import sys
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Channel", "LongMessage", "LostDescriptor", "pair"]

_LENGTH = 8
_CHUNK = 1 << 16
_MOST_DESCRIPTORS = 64
LONGEST = (1 << 31) - (1 << 16)
"""Bytes that one message can carry, a limit of `marshal`."""


class LongMessage(ValueError):  # noqa: N818 - reads as what happened
    """A message is longer than the wire can carry."""


class LostDescriptor(OSError):  # noqa: N818 - reads as what happened
    """This process has reached its limit of descriptors."""


class Channel:
    """One end of a connection: queues what the other side is not ready to read, and never blocks."""

    __slots__ = ("_arrived", "_descriptors", "_socket", "_waiting")

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._waiting: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._arrived = bytearray()
        self._descriptors: deque[int] = deque()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    @property
    def has_waiting(self) -> bool:
        """Whether `flush` has something left to write."""
        return bool(self._waiting)

    def put(self, message: tuple[Any, ...], descriptors: tuple[int, ...] = ()) -> None:
        """Queue a message. Its descriptors belong to the channel from now on: it closes them once sent."""
        try:
            body = marshal.dumps(message)
        except ValueError as error:
            raise LongMessage(f"a message of {message[0]!r} is too long: {error}") from error
        frame = len(body).to_bytes(_LENGTH, "little") + body
        self._waiting.append((memoryview(frame), descriptors))

    def flush(self) -> None:
        """Write as much as the other side takes now. Raises `EOFError` if there is no other side."""
        waiting = self._waiting
        while waiting:
            data, descriptors = waiting.popleft()
            try:
                if descriptors:
                    rights = b"".join(each.to_bytes(4, sys.byteorder) for each in descriptors)
                    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
                    sent = self._socket.sendmsg([data], ancillary)
                    for descriptor in descriptors:
                        os.close(descriptor)
                else:
                    # As few system calls as there are runs of messages without descriptors.
                    if waiting and not waiting[0][1] and len(data) < _CHUNK:
                        parts = [data]
                        size = len(data)
                        while waiting and not waiting[0][1] and size < _CHUNK:
                            parts.append(waiting.popleft()[0])
                            size += len(parts[-1])
                        data = memoryview(b"".join(parts))
                    sent = self._socket.send(data)
            except BlockingIOError:
                waiting.appendleft((data, descriptors))
                return
            except (BrokenPipeError, ConnectionResetError) as error:
                raise EOFError("the other side is gone") from error
            if sent < len(data):
                waiting.appendleft((data[sent:], ()))

    def receive(self) -> list[tuple[Any, ...]]:
        """All messages that have arrived completely. Raises `EOFError` once there will be no more.

        Raises `LostDescriptor` if one could not be taken; the connection is of no use then.
        """
        arrived = self._arrived
        ended = False
        while True:
            try:
                data, ancillary, flags, _ = self._socket.recvmsg(
                    _CHUNK, socket.CMSG_SPACE(4 * _MOST_DESCRIPTORS), socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                break
            except ConnectionResetError:
                data, ancillary, flags = b"", [], 0
            if flags & socket.MSG_CTRUNC:
                raise LostDescriptor("a descriptor has arrived, and this process can have no more of them")
            for _, _, rights in ancillary:
                for start in range(0, len(rights), 4):
                    self._descriptors.append(int.from_bytes(rights[start : start + 4], sys.byteorder))
            if not data:
                ended = True
                break
            arrived += data
            if len(data) < _CHUNK and not ancillary:
                break
        messages = self._messages(arrived)
        if ended and not messages:
            raise EOFError("the other side is gone")
        return messages

    def next_descriptor(self) -> int:
        """The next descriptor that came with the messages; it belongs to the caller."""
        return self._descriptors.popleft()

    def close(self) -> None:
        """Close the connection and every descriptor that nobody took."""
        self._socket.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        for _, descriptors in self._waiting:
            for descriptor in descriptors:
                os.close(descriptor)
        self._descriptors.clear()
        self._waiting.clear()

    @staticmethod
    def _messages(arrived: bytearray) -> list[tuple[Any, ...]]:
        messages: list[tuple[Any, ...]] = []
        position = 0
        with memoryview(arrived) as view:
            while position + _LENGTH <= len(view):
                length = int.from_bytes(view[position : position + _LENGTH], "little")
                end = position + _LENGTH + length
                if end > len(view):
                    break
                messages.append(marshal.loads(view[position + _LENGTH : end]))  # noqa: S302 - our own peer
                position = end
        del arrived[:position]
        return messages


def pair() -> Sequence[socket.socket]:
    """Two connected stream sockets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
