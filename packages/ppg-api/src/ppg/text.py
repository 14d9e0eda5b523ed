"""Text: makes texts safe for terminals and logs; names of jobs and files can contain control characters."""

import itertools
from collections.abc import Iterable, Sequence

__all__ = ["counted", "earlier_attempts", "escape_control_sequences", "nearest", "one_line", "source_line"]

NEAREST = 5
LIKELY = 100
"""The number of names that are compared closely, which takes a fifth of a millisecond each."""


def one_line(text: str) -> str:
    """Return the text with escapes in place of line ends and control characters.

    Bytes of file names that are no UTF-8 are not changed.
    """
    if text.isprintable():
        return text  # nearly all of them
    return "".join(
        character if character.isprintable() or "\udc80" <= character <= "\udcff" else ascii(character)[1:-1]
        for character in text
    )


def source_line(text: str) -> str:
    """Return the text as `one_line` does, but keep the tabs of source code."""
    return "\t".join(map(one_line, text.split("\t")))


def escape_control_sequences(text: str) -> str:
    """Return the text with escapes in place of control characters; its lines and tabs stay."""
    if text.isprintable():
        return text
    return "\n".join(map(source_line, text.split("\n")))


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 job`, `2 jobs`, `12,345 jobs`.

    Parameters:
        number: the number.
        noun: the singular; may be preceded by an adjective.
        plural: the plural, if it is not the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def earlier_attempts(earlier: Sequence[str], attempts: int) -> list[str]:
    """Return a text for each earlier attempt, or for several in a row with the same end.

    The texts are of the form `attempt 1: ...` and `attempts 2 to 5: ...`.

    Parameters:
        earlier: how each attempt ended, the oldest first; of many only the last ones.
        attempts: how often the job was started in all.
    """
    number = attempts - len(earlier)
    lines = [f"{counted(number - 1, 'earlier attempt')}: not kept"] if number > 1 else []
    for end, group in itertools.groupby(earlier):
        last = number + len(list(group)) - 1
        several = f"attempts {number} {'and' if last == number + 1 else 'to'} {last}"
        lines.append(f"{several if last > number else f'attempt {number}'}: {end}")
        number = last + 1
    return lines


earlier_tries = earlier_attempts  # the name that it had, for what an older ppg has pickled


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Return the few names that a user may have meant by a wrong one, the most similar first."""
    import difflib  # noqa: PLC0415 (only a wrong name needs it)
    import heapq  # noqa: PLC0415 (the same)

    known = list(names)
    pairs = _pairs(name)
    likely = heapq.nlargest(
        LIKELY, known, key=lambda other: len(pairs & _pairs(other)) / (len(other) + len(name) + 1)
    )
    near = difflib.get_close_matches(name, likely, NEAREST)
    near += [other for other in known if name and name in other and other not in near][: NEAREST - len(near)]
    return near


def _pairs(name: str) -> set[str]:
    """Return the pairs of letters in a name: names that share few pairs are not similar."""
    return {name[position : position + 2] for position in range(len(name) - 1)}
