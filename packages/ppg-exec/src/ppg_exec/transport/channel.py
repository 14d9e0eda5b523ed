"""Channel: carries messages between two processes over a Unix socket, with descriptors.

The same framing serves controller and forkserver, and controller and node. The length of each message stands
in front of it. `messages` defines the messages, and turns them into bytes.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections import deque

from ppg_exec.transport.messages import Message, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Generic, TypeVar

    Sent = TypeVar("Sent", bound=Message)
    Received = TypeVar("Received", bound=Message)
else:
    Sent = Received = None

    class Generic:
        __slots__ = ()

        def __class_getitem__(cls, _):
            return cls


__all__ = ["LONGEST", "Channel", "LongMessage", "LostDescriptor", "pair"]

_LENGTH = 8
_CHUNK = 1 << 16
# Numbers, because the enumerations of `socket` run Python code, with pages that each fork then copies.
_CLOEXEC = int(socket.MSG_CMSG_CLOEXEC)
_CUT_OFF = int(socket.MSG_CTRUNC)
_MOST_DESCRIPTORS = 64
_LATER = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
"""Errors of a buffer or a kernel that has no room at this moment."""
LONGEST = (1 << 31) - (1 << 16)
"""Bytes that one message can carry, a limit of `marshal`."""


class LongMessage(ValueError):  # noqa: N818 - reads as what happened
    """LongMessage: says that a message is longer than the channel can carry."""


class LostDescriptor(OSError):  # noqa: N818 - reads as what happened
    """LostDescriptor: says that this process has reached its limit of descriptors."""


class Channel(Generic[Sent, Received]):
    """Channel: is one end of a connection; it queues what the other side is not ready to read, and never blocks.

    Args:
        connected: the socket.
        expected: the messages that the other side sends, by their tags.

    """

    __slots__ = ("_arrived", "_descriptors", "_expected", "_position", "_socket", "_waiting")

    def __init__(self, connected: socket.socket, expected: Mapping[str, type[Received]]) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._expected = expected
        self._waiting: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._arrived = bytearray()
        self._position = 0  # in `_arrived`: where the next message begins
        self._descriptors: deque[int] = deque()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    @property
    def has_waiting(self) -> bool:
        """Whether `flush` has something left to write."""
        return bool(self._waiting)

    def put(self, message: Sent) -> None:
        """Queue a message. Its descriptors then belong to the channel, which closes them once sent."""
        try:
            body, descriptors = encode(message)
        except ValueError as error:
            raise LongMessage(f"the message {type(message).__name__} is too long: {error}") from error
        frame = len(body).to_bytes(_LENGTH, "little") + body
        self._waiting.append((memoryview(frame), descriptors))

    def flush(self) -> None:
        """Write as much as the other side takes now. Raises `EOFError` if there is no other side.

        After any other error the messages are still queued.
        """
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
                    # One system call writes a run of messages without descriptors.
                    if waiting and not waiting[0][1] and len(data) < _CHUNK:
                        parts = [data]
                        size = len(data)
                        while waiting and not waiting[0][1] and size < _CHUNK:
                            parts.append(waiting.popleft()[0])
                            size += len(parts[-1])
                        data = memoryview(b"".join(parts))
                    sent = self._socket.send(data)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise EOFError("the other side is gone") from error
            except OSError as error:
                # A message that was lost would leave its receiver waiting for ever.
                waiting.appendleft((data, descriptors))
                if error.errno in _LATER:
                    return
                raise
            if sent < len(data):
                waiting.appendleft((data[sent:], ()))

    def receive(self) -> list[Received]:
        """All messages that have arrived completely; their descriptors belong to the caller. Raises as `each`."""
        messages: list[Received] = []
        try:
            for message in self.each():
                messages.append(message)  # noqa: PERF402 - those before a wrong message are needed
        except BaseException:
            for message in messages:
                for place in message.descriptors:
                    if type(message[place]) is int:
                        os.close(message[place])
            raise
        return messages

    def each(self) -> Iterator[Received]:
        """The same messages one by one. What the caller does not take, as it fails before, stays in the channel.

        Raises `EOFError` once no more will come, and `UnexpectedMessage` for a message that the other side
        never sends. Raises `LostDescriptor` if a descriptor could not be taken; the connection is then of no
        use.
        """
        ended = self._take_in()
        has_any = False
        while (message := self._next()) is not None:
            has_any = True
            yield message
        if ended and not has_any:
            raise EOFError("the other side is gone")

    def _take_in(self) -> bool:
        """Take in what has arrived; returns whether the other side is gone."""
        arrived = self._arrived
        ended = False
        while True:
            try:
                data, ancillary, flags, _ = self._socket.recvmsg(
                    _CHUNK, socket.CMSG_SPACE(4 * _MOST_DESCRIPTORS), _CLOEXEC
                )
            except BlockingIOError:
                break
            except ConnectionResetError:
                data, ancillary, flags = b"", [], 0
            if flags & _CUT_OFF:
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
        return ended

    def close(self) -> None:
        """Close the connection, and the descriptors of messages that were not sent or have not arrived."""
        self._socket.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        for _, descriptors in self._waiting:
            for descriptor in descriptors:
                os.close(descriptor)
        self._descriptors.clear()
        self._waiting.clear()
        self._arrived.clear()
        self._position = 0

    def _next(self) -> Received | None:
        start = self._position + _LENGTH
        length = int.from_bytes(self._arrived[self._position : start], "little")
        if start + length > len(self._arrived):
            del self._arrived[: self._position]
            self._position = 0
            return None
        self._position = start + length
        with memoryview(self._arrived) as view:
            return decode(view[start : start + length], self._expected, self._descriptors)


def pair() -> Sequence[socket.socket]:
    """Two connected stream sockets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
