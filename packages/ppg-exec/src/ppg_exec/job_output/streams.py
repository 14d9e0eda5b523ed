"""Streams: flushes the standard streams after user code, and puts back those that it has closed or replaced.

User code may close `sys.stdout`, detach it, set it to None, or replace it by any object. That is no failure, and what
was printed before is kept: it may still be in the buffer of the stream that the interpreter made.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["StandardStreams", "flush_streams"]


def flush_streams() -> OSError | None:
    """Flush the standard streams, as far as they can be; returns why one could not be written (a full disk)."""
    failed = None
    for name in ("stdout", "stderr"):
        current = getattr(sys, name)
        original = getattr(sys, f"__{name}__")
        for stream in (current,) if current is original else (current, original):
            try:
                stream.flush()
            except OSError as error:
                failed = failed or error
            except (ValueError, AttributeError):
                continue  # it is closed, detached, None, or an object that has nothing to flush
    return failed


class StandardStreams:
    """StandardStreams: remembers the standard streams of this process, for `restore`.

    Args:
        keep_descriptors: also keep the files open that they write to, as user code may close these.

    """

    def __init__(self, *, keep_descriptors: bool) -> None:
        self._before = [_Before(name, keep_descriptor=keep_descriptors) for name in ("stdout", "stderr")]

    def restore(self) -> None:
        """Put back the streams; one that was closed is opened again."""
        for before in self._before:
            before.restore()


_SETTINGS = ("encoding", "errors", "line_buffering", "write_through")


class _Before:
    def __init__(self, name: str, *, keep_descriptor: bool) -> None:
        self._streams = {variable: getattr(sys, variable) for variable in (name, f"__{name}__")}
        self._settings: dict[int, tuple[int, dict[str, Any]]] = {}
        self._kept: dict[int, int] = {}
        for stream in self._streams.values():
            try:
                number = stream.fileno()
                self._settings[id(stream)] = (number, {name: getattr(stream, name) for name in _SETTINGS})
                if keep_descriptor and number not in self._kept:
                    self._kept[number] = os.dup(number)
            except (OSError, ValueError, AttributeError):
                continue  # it writes to no file, so there is none to open again

    def restore(self) -> None:
        opened: dict[int, Any] = {}
        for variable, stream in self._streams.items():
            if _is_usable(stream) or id(stream) not in self._settings:
                setattr(sys, variable, stream)
                continue
            number, settings = self._settings[id(stream)]
            if number not in opened:
                opened[number] = open(self._descriptor(number), "w", closefd=False)  # noqa: SIM115 - it stays open
                # A stream that writes through has no buffer (`python -u`), and the new one has.
                settings["line_buffering"] |= settings["write_through"]
                opened[number].reconfigure(**settings)
            setattr(sys, variable, opened[number])
        for kept in self._kept.values():
            os.close(kept)

    def _descriptor(self, number: int) -> int:
        """The descriptor to write to: `number`, unless user code has opened another file there."""
        kept = self._kept.get(number)
        if kept is None:
            return number
        try:
            is_same = os.path.samestat(os.fstat(number), os.fstat(kept))
        except OSError:
            return os.dup2(kept, number)  # user code has closed it
        if is_same:
            return number
        del self._kept[number]
        return kept


def _is_usable(stream: Any) -> bool:
    try:
        return not stream.closed
    except ValueError:
        return False  # its buffer is detached
    except AttributeError:
        return True
