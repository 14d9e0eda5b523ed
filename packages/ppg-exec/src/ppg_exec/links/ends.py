"""Ends: turns the end of a task into plain values for a message, and back.

A value that a task has returned travels as it is if it is plain, and otherwise as the pickle that its job process made. So
an agent never reads the results of its tasks, and an exception is unpickled where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never, cast

from ppg_exec.sent_exceptions import SentException, SentValue, unopened_exception
from ppg_exec.tasks import Cancelled, Died, End, Raised, Refused, Succeeded, TimedOut, Unpicklable

__all__ = ["decode_end", "encode_end"]


def encode_end(end: End) -> tuple[object, ...]:
    """The plain values of an end, the kind first."""
    match end:
        case Succeeded(SentValue() as value):
            return ("pickled", value.pickle)
        case Succeeded(value):
            return ("returned", value)
        case Raised():
            sent = unopened_exception(end)
            pickle = sent.unopened() if isinstance(sent, SentException) else None
            return ("raised", pickle, end.type_name, end.message, end.traceback)
        case Died():
            return ("died", end.exit_code, end.signal, end.likely_cause, end.of_memory)
        case Unpicklable():
            return ("unpicklable", end.path, end.message)
        case Refused():
            return ("refused", end.reason)
        case TimedOut():
            return ("timed out", end.seconds)
        case Cancelled():
            return ("cancelled",)
        case _:
            assert_never(end)


def decode_end(values: tuple[Any, ...], load: Callable[[bytes], Any]) -> End:
    """The end of these values; `load` reads what was pickled, and an exception only when it is asked for."""
    kind, *rest = values
    match kind:
        case "returned":
            return Succeeded(*rest)
        case "pickled":
            try:
                return Succeeded(load(rest[0]))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - user code runs here, and fails only its own task
                return Unpicklable("result", f"it cannot be read: {type(error).__name__}: {error}")
        case "raised":
            pickle, name, message, traceback = rest
            sent = None if pickle is None else SentException(pickle, load, name, message)
            # The field opens it when it is read.
            return Raised(cast("BaseException | None", sent), name, message, traceback)
        case "died":
            return Died(*rest)
        case "unpicklable":
            return Unpicklable(*rest)
        case "refused":
            return Refused(*rest)
        case "timed out":
            return TimedOut(*rest)
        case "cancelled":
            return Cancelled()
        case _:
            raise ValueError(f"an agent has reported an end of a kind that is not known: {kind!r}")
