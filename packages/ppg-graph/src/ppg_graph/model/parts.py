"""Parts: names the files of a job that another job depends on, one by one or by a pattern.

A job that makes a folder does not know its files before it has run. So a job downstream names a part of the folder by a
pattern: `parts//*.txt` stands for all texts in the folder `parts`. No file has such a name, because names of files have
no empty parts. The fingerprint of a pattern combines those of the files that match it.

Patterns are those of `pathlib`: `*` and `?` stop at a slash, `**` matches any number of folders, and `[...]` is a set of
characters.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping

from ppg_graph.model.ids import Fingerprint
from ppg_graph.model.records import combine

__all__ = [
    "has_part",
    "is_pattern",
    "lacking_parts",
    "matcher",
    "part_fingerprint",
    "parts_matching",
    "shown_part",
]

_BETWEEN = "//"


def is_pattern(part: str) -> bool:
    """Whether the name of a part is a folder with a pattern; any other name is that of one file."""
    return _BETWEEN in part


def shown_part(part: str) -> str:
    """Return the name of a part as users know it: `parts/*.txt`."""
    return part.replace(_BETWEEN, "/", 1)


def has_part(parts: Mapping[str, Fingerprint], name: str) -> bool:
    """Whether a job with these parts has a part of this name. A pattern may match nothing."""
    return name in parts or is_pattern(name)


def lacking_parts(wanted: Collection[str], parts: Mapping[str, Fingerprint]) -> set[str]:
    """Return the wanted parts that a job with these parts does not have."""
    return {name for name in wanted if not has_part(parts, name)}


def part_fingerprint(parts: Mapping[str, Fingerprint], name: str) -> Fingerprint:
    """Return the fingerprint of one part. Raises KeyError if there is no such file."""
    found = parts.get(name)
    if found is not None or not is_pattern(name):
        return parts[name]
    return combine((path, parts[path]) for path in parts_matching(parts, name))


def parts_matching(paths: Collection[str], part: str) -> Iterator[str]:
    """Yield the paths, of files of a folder, that the name of a part matches."""
    if not is_pattern(part):
        return (path for path in (part,) if path in paths)
    folder, _, pattern = part.partition(_BETWEEN)
    begin, matches = len(folder) + 1, matcher(pattern)
    return (path for path in paths if matches(path[begin:]))


@functools.lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that tells whether a name, relative to the folder, matches a pattern."""
    import re  # noqa: PLC0415 (only graphs with folders need it)

    steps = pattern.split("/")
    expression = ""
    for number, step in enumerate(steps):
        is_last = number == len(steps) - 1
        if step == "**":
            expression += "(?s:.*)" if is_last else "(?:[^/]+/)*"
        else:
            expression += _of_step(step) + ("" if is_last else "/")
    compiled = re.compile(expression)
    return lambda name: compiled.fullmatch(name) is not None


def _of_step(step: str) -> str:
    """Return the regular expression of a pattern without slashes."""
    import re  # noqa: PLC0415 (only graphs with folders need it)

    expression, position = "", 0
    while position < len(step):
        character = step[position]
        position += 1
        if character == "*":
            expression += "[^/]*"
        elif character == "?":
            expression += "[^/]"
        elif (
            character == "["
            and (end := step.find("]", position + 1 + (step[position : position + 1] == "!"))) > 0
        ):
            inside = step[position:end]
            negated, inside = inside.startswith("!"), inside.removeprefix("!")
            # Only `-` keeps its meaning within the brackets.
            escaped = re.escape(inside).replace(r"\-", "-")
            expression += f"[^/{escaped}]" if negated else f"[{escaped}]"
            position = end + 1
        else:
            expression += re.escape(character)
    return expression
