"""Results: turns what a callback returned or raised into bytes, in the job process.

Plain pickle does for nearly everything and is already loaded. It cannot handle functions and classes that
came by value, such as the jobs that a generator defined. For these the job process imports cloudpickle, for
itself alone.
"""

from __future__ import annotations

import io
import os
import pickle
import sys

from ppg_exec.transport.messages import (
    ExceptionRaised,
    PickleReturned,
    ResultUnpicklable,
    encode,
    encoded_value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from ppg_exec.pickling.receive import IdentityTable

__all__ = ["describe_exception", "encode_value", "exception_text", "pickled", "text_of"]


_ATOMS = frozenset({type(None), bool, int, float, str, bytes})
_CONTAINERS = frozenset({tuple, list, dict})
_DEEPEST = 6
_LONGEST_NAME = 200  # characters
_LONGEST_TEXT = 4 << 20  # characters
_LARGEST_PICKLE = 64 << 20  # bytes


class _NotPlain(Exception):  # noqa: N818 - reads as what happened
    """_NotPlain: says that plain pickle would refer by name to what has no name in the main process."""


class _PlainPickler(pickle.Pickler):
    """_PlainPickler: refuses what has a name only in this process, and refers to shared objects by number."""

    def __init__(self, file: io.BytesIO, table: IdentityTable) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._number_of = table.number_of

    def persistent_id(self, value: object) -> int | None:
        return self._number_of(value)

    def reducer_override(self, value: object) -> Any:
        named = isinstance(value, type) or type(value).__name__ == "function"
        if named and getattr(value, "__module__", None) == "__main__":
            raise _NotPlain
        return NotImplemented


def encode_value(value: object, table: IdentityTable) -> bytes:
    """The encoded report for what a job returned. Raises every exception of pickling."""
    if _is_plain(value, table, _DEEPEST):
        return encoded_value(value)
    return encode(PickleReturned(pickled(value, table)))[0]


def pickled(value: object, table: IdentityTable) -> bytes:
    """The pickle of a value. Raises every exception of pickling."""
    file = io.BytesIO()
    try:
        _PlainPickler(file, table).dump(value)
    except Exception:  # noqa: BLE001 - cloudpickle decides, and its error is the better one
        from ppg_exec.pickling.send import dump_reply  # noqa: PLC0415 - imports cloudpickle: only where it is needed

        return dump_reply(value, table)
    return file.getvalue()


def _is_plain(value: object, table: IdentityTable, deepest: int) -> bool:
    """Whether marshal carries it, for a tenth of what a pickler's first use costs a forked process."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if deepest == 0 or kind not in _CONTAINERS or table.number_of(value) is not None:
        return False
    if kind is dict:
        return all(
            _is_plain(key, table, deepest - 1) and _is_plain(item, table, deepest - 1)
            for key, item in value.items()  # type: ignore[attr-defined]
        )
    return all(_is_plain(item, table, deepest - 1) for item in value)  # type: ignore[attr-defined]


def describe_exception(error: BaseException, table: IdentityTable) -> bytes:
    """The encoded report for what a job raised, or could not return (`unpicklable_path`)."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    text = exception_text(error)
    path = getattr(error, "unpicklable_path", None)
    if path is not None:
        return encode(ResultUnpicklable(_cut(path, _LONGEST_TEXT), _cut(text_of(error), _LONGEST_TEXT)))[0]
    raised = ExceptionRaised(
        _faithful_pickle(error, table),
        _cut(name, _LONGEST_NAME),
        _cut(text_of(error), _LONGEST_TEXT),
        _cut(text, _LONGEST_TEXT),
    )
    return encode(raised)[0]


def _cut(text: object, longest: int) -> str:
    """A text of at most `longest` characters, which says how many are left out; both ends of it are kept."""
    # A subclass of str cannot travel; its own `str` method is a copy that is none.
    full = text if type(text) is str else str.__str__(str(text))
    left_out = len(full) - longest
    if left_out <= 0:
        return full
    return f"{full[: longest // 2]}[… {left_out} characters …]{full[-(longest // 2) :]}"


def _faithful_pickle(error: BaseException, table: IdentityTable) -> bytes | None:
    # An exception that pickles may still not unpickle (an __init__ with two arguments), or may have side effects
    # then. The attempt is made here, where it can hurt no other process.
    try:
        data = pickled(error, table)
        if len(data) <= _LARGEST_PICKLE and type(table.load(data, ())).__name__ == type(error).__name__:
            return data
    except Exception:  # noqa: BLE001 - then only its text is reported
        return None
    return None


def text_of(error: BaseException) -> str:
    """`str(error)`, also if that raises."""
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - a __str__ that raises must not hide the error
        return f"<the exception's __str__ raised {type(second).__name__}>"


def _is_around_the_callback(entry: TracebackType, own: str) -> bool:
    frame = entry.tb_frame
    return frame.f_code.co_filename.startswith(own) or "__tracebackhide__" in frame.f_locals


def exception_text(error: BaseException) -> str:
    """The traceback as text with its source lines, from the first frame of the user's code.

    Frames before that one are the executor's, and those of functions around the callback with a local
    variable `__tracebackhide__`. Neither helps the user.
    """
    import traceback  # noqa: PLC0415 - only a job that failed needs it

    own = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - lean
    first: TracebackType | None = error.__traceback__
    while first is not None and _is_around_the_callback(first, own):
        first = first.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, first))
    except Exception as second:  # noqa: BLE001 - user code runs in there
        print(f"formatting a traceback raised {type(second).__name__}", file=sys.stderr)  # noqa: T201
        return f"{type(error).__qualname__}: {text_of(error)}\n"
