"""Lookup: finds the row of a name that is gone, and words the error.

The tables of names and of keywords are imported when an error needs them.
"""

import sys
from collections.abc import Iterable, Sequence
from types import FrameType

from ppg.porting.attributes import ATTRIBUTES
from ppg.porting.row import Row

__all__ = ["attribute_error", "import_error", "keyword_error", "name_error", "old_attributes"]


def name_error(module: str, name: str, user: FrameType) -> ImportError | AttributeError | None:
    """Return the error for a name of the predecessors that a module of ppg does not have; None for other names.

    Parameters:
        module: "ppg", or a room of it with the name of a module of a predecessor, such as "ppg.graph".
        name: the name.
        user: the frame that asks for the name. If it executes `from ppg import NAME`, the error is an ImportError,
            because Python replaces the text of an AttributeError there.
    """
    text = _text_for(module, name)
    if text is None:
        return None
    return ImportError(text, name=module) if _imports_a_name(user) else AttributeError(text, name=name)


def import_error(module: str) -> ModuleNotFoundError | None:
    """Return the error for the import of a module of the predecessors, such as "ppg.util"; None for other modules."""
    package, _, name = module.partition(".")
    text = _text_for(package, name.partition(".")[0]) if name and package == "ppg" else None
    return None if text is None else ModuleNotFoundError(text, name=module)


def attribute_error(kind: type, name: str, subject: str) -> AttributeError | None:
    """Return the error for an attribute of the predecessors; None for other attributes.

    Parameters:
        kind: the class of the object that was asked.
        name: the attribute.
        subject: the object, as the message names it.
    """
    if name.startswith("__"):
        return None  # Python and its libraries ask for such names
    row = _inherited(ATTRIBUTES, kind, name)
    if row is None:
        return None
    return AttributeError(f"{_error_text(subject, name, row, 'attribute')}; {_plain(row.here)}", name=name)


def old_attributes(kind: str) -> list[str]:
    """Return the attributes that objects of a class of ppg do not have, and those of a predecessor had."""
    names = (name for row in ATTRIBUTES.get(kind, ()) for name in (*row.first.split(), *row.second.split()))
    return list(dict.fromkeys(names))


def keyword_error(function: str | type, names: Iterable[str]) -> TypeError | None:
    """Return the error for keyword arguments of the predecessors; None if there is none among them.

    Parameters:
        function: the name of the called function, or the class.
        names: the keywords of the call.
    """
    from ppg.porting.keywords import KEYWORDS  # noqa: PLC0415 (only errors need it)

    for name in names:
        if isinstance(function, str):
            called, row = function, _row_of(name, KEYWORDS.get(function, ()))
        else:
            called, row = function.__name__, _inherited(KEYWORDS, function, name)
        if row is not None:
            return TypeError(f"{_error_text(f'{called}()', name, row, 'parameter')}; {_plain(row.here)}")
    return None


def _text_for(module: str, name: str) -> str | None:
    from ppg.porting.names import NAMES  # noqa: PLC0415 (only errors need it)

    room = module.partition(".")[2]
    row = _row_of(f"{room}.{name}", NAMES) if room else None
    row = row or _row_of(name, NAMES)
    if row is not None and (contents := _contents(name)):
        return "\n".join(
            [f"{_error_text(module, name, row)}; of its names,", *contents, f"  others: {_plain(row.here)}"]
        )
    if row is not None:
        return f"{_error_text(module, name, row)}; {_plain(row.here)}"
    if room and name in sys.modules["ppg"].__all__:
        return f"{module} has no name '{name}': it is ppg.{name}"
    return None


def _contents(module: str) -> list[str]:
    """Return a line for each name that a module of the predecessors had and that has a remedy of its own."""
    from ppg.porting.names import NAMES  # noqa: PLC0415 (only errors need it)

    return [
        f"  {name}: {_plain(row.here)}"
        for row in NAMES
        for name in dict.fromkeys((*row.first.split(), *row.second.split()))
        if name.startswith(f"{module}.")
    ]


def _inherited(table: dict[str, tuple[Row, ...]], kind: type, name: str) -> Row | None:
    for base in kind.__mro__:
        row = _row_of(name, table.get(base.__name__, ()))
        if row is not None:
            return row
    return None


def _row_of(name: str, rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if name in row.first.split() or name in row.second.split()), None)


def _error_text(subject: str, name: str, row: Row, what: str = "name") -> str:
    had = [
        predecessor
        for predecessor, names in (("pypipegraph", row.first), ("pypipegraph2", row.second))
        if name in [each.rpartition(".")[2] for each in names.split()]
    ]
    return f"{subject} has no {what} '{name}' as {' and '.join(had)} had"


def _plain(markdown: str) -> str:
    return markdown.replace("`", "'")


def _imports_a_name(user: FrameType) -> bool:
    """Whether a frame is at the instruction that gets one name for `from MODULE import NAME`."""
    from opcode import opmap  # noqa: PLC0415 (only errors need it)

    return user.f_lasti >= 0 and user.f_code.co_code[user.f_lasti] == opmap["IMPORT_FROM"]
