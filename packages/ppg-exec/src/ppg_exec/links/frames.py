"""Frames: cuts a stream of bytes into messages, and puts lengths in front of them."""

from __future__ import annotations

__all__ = ["Frames", "framed"]

_LENGTH = 8
_LONGEST = 1 << 32


def framed(body: bytes) -> bytes:
    """A message as it stands in a stream."""
    return len(body).to_bytes(_LENGTH, "little") + body


class Frames:
    """Frames: collects what has arrived of a stream, and returns complete messages."""

    def __init__(self) -> None:
        self._arrived = bytearray()

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """Add bytes; returns the messages that are complete now.

        Raises ValueError if no message of ours can have such a length.
        """
        arrived = self._arrived
        arrived += data
        found = []
        position = 0
        while len(arrived) - position >= _LENGTH:
            start = position + _LENGTH
            length = int.from_bytes(arrived[position:start], "little")
            if length > _LONGEST:
                raise ValueError(
                    f"a message of {length} bytes is announced, so this is no stream of messages"
                )
            if len(arrived) - start < length:
                break
            position = start + length
            found.append(bytes(arrived[start:position]))
        del arrived[:position]
        return found
