"""Attempts: keeps in brief how earlier attempts of a task ended, and computes the memory of the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ppg_exec.tasks import Cancelled, Died, End, Raised, Refused, Succeeded, TimedOut, Unpicklable

__all__ = ["MOST_KEPT", "append_attempt", "memory_after_out_of_memory"]

MOST_KEPT = 10
_LONGEST = 1000


def append_attempt(earlier: tuple[End, ...], end: End) -> tuple[End, ...]:
    """The ends of the last `MOST_KEPT` attempts: those that were known, and one more.

    Of an exception, its type and the beginning of its message are kept; not the object, nor the traceback.
    """
    return (*earlier[1 - MOST_KEPT :], _brief(end))


def memory_after_out_of_memory(memory: int | None, seen: int) -> int | None:
    """The memory of the attempt after an attempt that died of memory: twice what the last one had.

    Parameters:
        memory: bytes that the task stated, or that its last attempt had; None if it states nothing.
        seen: bytes that the last attempt was seen with; 0 if its node died with it before anything was measured.

    Returns:
        bytes; None, which is no limit, if neither is known.
    """
    known = memory or seen
    return 2 * known if known else None


def _brief(end: End) -> End:
    match end:
        case Raised(type_name=type_name, message=message):
            return Raised(None, type_name, _cut(message), "")
        case Died():
            return replace(end, likely_cause=_cut(end.likely_cause))
        case Unpicklable(path, message):
            return Unpicklable(_cut(path), _cut(message))
        case Succeeded():
            return Succeeded()
        case Refused() | TimedOut() | Cancelled():
            return end
        case _:
            assert_never(end)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
