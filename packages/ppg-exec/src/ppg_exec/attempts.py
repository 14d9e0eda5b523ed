"""How the earlier tries of a task ended, in little room, however often it is tried and whatever it raises."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ppg_exec.tasks import Cancelled, Died, End, Raised, Refused, Succeeded, TimedOut, Unpicklable

__all__ = ["MOST_KEPT", "with_another"]

MOST_KEPT = 10
_LONGEST = 1000


def with_another(earlier: tuple[End, ...], end: End) -> tuple[End, ...]:
    """The ends of the last `MOST_KEPT` tries: what was known of them, and one more.

    Of an exception its type and the beginning of its message are kept; not the object, nor the traceback.
    """
    return (*earlier[1 - MOST_KEPT :], _brief(end))


def _brief(end: End) -> End:
    match end:
        case Raised(_, type_name, message, _):
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
