"""From what a node reports to the `End` of a task."""

from __future__ import annotations

import marshal
import mmap
import os
import signal
from collections.abc import Callable
from typing import Any

from .causes import OomCounter, died
from .tasks import Cancelled, Died, End, Raised, Succeeded, TimedOut, Unpicklable

__all__ = ["end_of", "node_death", "whole"]


def whole(report: bytes | int) -> bytes:
    """A report's bytes; a descriptor of them is closed."""
    if isinstance(report, bytes):
        return report
    try:
        with mmap.mmap(report, 0, access=mmap.ACCESS_READ) as content:
            return bytes(content)
    finally:
        os.close(report)


def end_of(
    report: bytes | tuple[str, str] | None,
    status: int,
    expected: str,
    cause: str | None,
    *,
    timeout: float | None,
    peak_memory: int,
    load: Callable[[bytes], Any],
    oom: OomCounter,
) -> End:
    """How a task ended.

    Args:
        report: what its process said itself: bytes; a pair ("failed", why) if there never was a process.
        status: wait status of the process.
        expected: "cancelled", "timed out" or "over memory" if the executor was ending it, else "".
        timeout: its timeout in seconds. peak_memory: bytes that it was seen with.
        load: reads a pickled value or exception.

    """
    if isinstance(report, tuple):
        return Raised(None, "OSError", report[1], f"{report[1]}\n")
    body = marshal.loads(report)[2:] if report is not None else ("nothing",)  # noqa: S302 - our own peer
    match body:
        case ("plain", value):
            return Succeeded(value)
        case ("value", data):
            try:
                return Succeeded(load(data))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - user code runs here, and has ended its job only
                return Unpicklable("result", f"it cannot be read: {type(error).__name__}: {error}")
        case ("raised" | "unpicklable" | "nothing", *_) if expected == "cancelled":
            return Cancelled()
        case ("raised" | "unpicklable" | "nothing", *_) if expected == "timed out":
            return TimedOut(timeout or 0.0)
        case ("raised" | "unpicklable" | "nothing", *_) if expected == "over memory":
            cause = f"it was ended because it used {peak_memory / 1e9:.2f} GB, more memory than it states"
            return Died(None, signal.SIGTERM, cause, of_memory=True)
        case ("raised", data, name, message, text):
            exception = None
            if data is not None:
                try:
                    exception = load(data)
                except KeyboardInterrupt:
                    raise
                except BaseException:  # noqa: BLE001 - its text has arrived
                    exception = None
            return Raised(exception, name, message, text)
        case ("unpicklable", path, message):
            return Unpicklable(path, message)
        case ("nothing",):
            return died(status, cause, oom)
        case _:
            raise AssertionError(f"a job process sent the report {body[0]!r}")


def node_death(status: int | None, last_words: str, doing: str, oom: OomCounter) -> Died:
    """The end of a task that went down with its node; `doing` says who was at fault."""
    words = f"; it said: {last_words}" if last_words else ""
    if status is None:
        return Died(None, None, f"{doing}{words}")
    known = died(status, None, oom)
    return Died(known.exit_code, known.signal, f"{doing} ({known.likely_cause}){words}", known.of_memory)
