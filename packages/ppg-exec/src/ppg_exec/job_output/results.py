"""Results: turns what a callback returned or raised into bytes, in the job process.

Plain pickle does for nearly everything and is already loaded. It cannot handle functions that came by value, such
as the callbacks of the jobs that a generator defined; `pickling/reply.py` can. For classes that came by value the job
process imports cloudpickle, for itself alone.
"""

from __future__ import annotations

import io
import os
import pickle

from ppg_exec.transport.messages import encode
from ppg_exec.transport.node_messages import ExceptionRaised, PickleReturned, ResultUnpicklable, encoded_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, TypeVar

    from ppg_exec.pickling.receive import IdentityTable

    T = TypeVar("T")

__all__ = ["TOO_LONG", "describe_exception", "encode_value", "exception_text", "pickled", "text_of"]


TOO_LONG = "the result has 2 GB or more, and is too long to be sent: write it to a file, and return less"

_MOST_TEXT = 1 << 20
_ATOMS = frozenset({type(None), bool, int, float, str, bytes})
_CONTAINERS = frozenset({tuple, list, dict})
_DEEPEST = 6
_LONGEST_NAME = 200  # characters
_LONGEST_TEXT = 4 << 20  # characters
_SHORT_TEXT = 800  # characters; three texts of them fit into a packet
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
    """The encoded report for what a job returned.

    Raises every exception of pickling, and ValueError if the report is too long.
    """
    is_plain = _is_plain(value, table, _DEEPEST)
    content = b"" if is_plain else pickled(value, table)
    try:
        return encoded_value(value) if is_plain else encode(PickleReturned(content))[0]
    except ValueError:  # of `marshal`
        raise ValueError(TOO_LONG) from None


def pickled(value: object, table: IdentityTable) -> bytes:
    """The pickle of a value. Raises every exception of pickling."""
    file = io.BytesIO()
    try:
        _PlainPickler(file, table).dump(value)
    except Exception:  # noqa: BLE001 - the picklers below decide, and the last one's error is the better one
        return _with_functions(value, table)
    return file.getvalue()


def _with_functions(value: object, table: IdentityTable) -> bytes:
    from ppg_exec.pickling.reply import dump_functions  # noqa: PLC0415 - only results with such functions need it

    try:
        return dump_functions(value, table)
    except Exception:  # noqa: BLE001 - cloudpickle decides, and its error is the better one
        from ppg_exec.pickling.send import dump_reply  # noqa: PLC0415 - imports cloudpickle: only where it is needed

        return dump_reply(value, table)


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


def describe_exception(error: BaseException, table: IdentityTable, *, briefly: bool = False) -> bytes:
    """The encoded report for what a job raised, or could not return (`unpicklable_path`); it raises nothing.

    A report with `briefly` has only the ends of long texts, and no pickle, so that it fits into a packet.
    """
    longest = _SHORT_TEXT if briefly else _LONGEST_TEXT
    message = _cut(_guarded(lambda: text_of(error), "<the exception has no text>"), longest)
    path = _guarded(lambda: getattr(error, "unpicklable_path", None), None)
    if type(path) is str:
        return encode(ResultUnpicklable(_cut(path, longest), message))[0]
    raised = ExceptionRaised(
        None if briefly else _faithful_pickle(error, table),
        _cut(_guarded(lambda: _full_name(error), _bare_name(error)), _LONGEST_NAME),
        message,
        _cut(_guarded(lambda: exception_text(error), f"{_bare_name(error)}: {message}\n"), longest),
    )
    return encode(raised)[0]


def _guarded(read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns; `otherwise` if it raises. Code of the exception, and of its class, runs in there."""
    try:
        return read()
    except BaseException:  # noqa: BLE001 - it may also call sys.exit(); how the job ended is known already
        return otherwise


def _full_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _bare_name(error: BaseException) -> str:
    """The name of its class, without the code of its metaclass."""
    name: str = type.__dict__["__name__"].__get__(type(error))
    return name


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
    except BaseException:  # noqa: BLE001 - then only its text is reported
        return None
    return None


def text_of(error: BaseException) -> str:
    """`str(error)`, also if that raises."""
    try:
        # A subclass of str is none that `marshal` carries.
        return str.__str__(str(error))
    except (Exception, SystemExit) as second:  # noqa: BLE001 - a __str__ that raises must not hide the error
        return f"<the exception's __str__ raised {type(second).__name__}>"


def _is_around_the_callback(entry: TracebackType, own: str) -> bool:
    frame = entry.tb_frame
    return frame.f_code.co_filename.startswith(own) or "__tracebackhide__" in frame.f_locals


def exception_text(error: BaseException) -> str:
    """The traceback as text with its source lines, from the first frame of the user's code.

    Frames before that one are the executor's, and those of functions around the callback with a local
    variable `__tracebackhide__`. Neither helps the user.
    """
    own = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - lean
    first: TracebackType | None = error.__traceback__
    while first is not None and _is_around_the_callback(first, own):
        first = first.tb_next
    try:
        import traceback  # noqa: PLC0415 - only a job that failed needs it

        return "".join(traceback.format_exception(type(error), error, first))
    except (Exception, SystemExit) as second:  # noqa: BLE001 - user code runs in there
        return (
            f"{_frames(first)}{_bare_name(error)}: {text_of(error)}\n"
            f"(formatting its traceback raised {_bare_name(second)})\n"
        )


def _frames(entry: TracebackType | None) -> str:
    """The frames of a traceback, without the help of a module and of user code."""
    lines = ["Traceback (most recent call last):\n"] if entry is not None else []
    while entry is not None:
        code = entry.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {entry.tb_lineno}, in {code.co_name}\n')
        entry = entry.tb_next
    return "".join(lines)
