"""Resources: reads the cores, the memory and the time that a job states, as numbers or as texts.

| | numbers | texts |
| --- | --- | --- |
| cores | 1 or more; -1 for all | "all" |
| memory | bytes; -1 if it is not stated | "8 GB" (8e9 bytes), "512MiB" (512 * 2**20 bytes) |
| time | seconds | "90s", "10m", "1.5h", "2d", "1h 30m"; or a `timedelta` |

Capital and small letters mean the same, and there may be a space before the unit. A text without a unit is refused,
because it does not say what it counts.
"""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = ["ALL_CORES", "NOT_STATED", "Cores", "bytes_of", "cores_of", "memory_of", "seconds_of"]

ALL_CORES = -1
"""As a number of cores: all of the machine's."""
NOT_STATED = -1
"""As a number of bytes: the job does not state its memory."""

Cores = int | Literal["all"]
"""The number of cores of a job: 1 or more, or "all" (also -1) for all of the machine's."""

_SIZES: dict[str, int] = {"B": 1} | {
    (prefix + unit).upper(): base**power
    for power, prefix in enumerate("KMGTP", 1)
    for unit, base in (("B", 1000), ("iB", 1024))
}
_SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "m": 60, "s": 1}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"


def cores_of(cores: object, what: str) -> int:
    """Return a number of cores; -1 stands for all.

    Parameters:
        cores: what a job states.
        what: names it in messages.

    Raises:
        TypeError, ValueError: it is neither a whole number of 1 or more, nor "all" or -1.
    """
    if isinstance(cores, str) and cores == "all":
        return ALL_CORES
    if not _is_whole_number(cores):
        raise TypeError(f"{what} must be a whole number of cores, or 'all', not {cores!r}")
    if cores < 1 and cores != ALL_CORES:
        raise ValueError(f"{what} must be 1 or more, or 'all' (-1), not {cores}")
    return cores


def memory_of(memory: object, what: str) -> int:
    """Return a number of bytes; -1 if it is not stated.

    Parameters:
        memory: what a job states.
        what: names it in messages.

    Raises:
        TypeError, ValueError: it is neither a whole number of 1 or more, nor a text with a unit, nor -1.
    """
    if isinstance(memory, str):
        memory = bytes_of(memory, what)
    if not _is_whole_number(memory):
        raise TypeError(f"{what} must be a whole number of bytes, or a text such as '2 GB', not {memory!r}")
    if memory < 1 and memory != NOT_STATED:
        raise ValueError(f"{what} must be at least 1 byte, or -1, not {memory}")
    return memory


def bytes_of(size: str, what: str) -> int:
    """Return a number of bytes that is written with its unit: "2 GB" (2e9 bytes), "512MiB" (512 * 2**20 bytes).

    Parameters:
        size: a number and a unit from B to PB, or from KiB to PiB.
        what: names the size in messages.

    Raises:
        ValueError: the text is something else.
    """
    import re  # noqa: PLC0415 (few jobs state a size as a text)

    found = re.fullmatch(rf"\s*({_NUMBER})\s*([KMGTP]?i?B)\s*", size, re.IGNORECASE)
    if found is None or found[2].upper() not in _SIZES:
        raise ValueError(
            f"{what} must be a number of bytes, or a text such as '2 GB' or '512 MiB', not {size!r}"
        )
    whole, _, part = found[1].partition(".")
    size_in_bytes: int = int(whole + part) * _SIZES[found[2].upper()] // 10 ** len(part)
    return size_in_bytes


def seconds_of(time: object, what: str) -> float:
    """Return a time in seconds.

    Parameters:
        time: what a job states.
        what: names it in messages.

    Raises:
        TypeError, ValueError: it is no positive number, no text with units, and no positive timedelta.
    """
    seconds = _seconds(time)
    if seconds is None and isinstance(time, str):
        raise ValueError(
            f"{what} must be a number of seconds, or a text such as '90s', '10m' or '1.5h', not {time!r}"
        )
    if seconds is None:
        raise TypeError(
            f"{what} must be a number of seconds, a text such as '90s', '10m' or '1.5h', a timedelta, or None, not {time!r}"
        )
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{what} must be a positive number of seconds, or None for no limit, not {time}")
    return seconds


def _seconds(time: object) -> float | None:
    """Return a time in seconds, whatever its sign; None if it is none."""
    if isinstance(time, (int, float)):
        return None if isinstance(time, bool) else float(time)
    if isinstance(time, str):
        return _seconds_of_text(time)
    from datetime import timedelta  # noqa: PLC0415 (few jobs state their time in this way)

    return time.total_seconds() if isinstance(time, timedelta) else None


def _seconds_of_text(time: str) -> float | None:
    """Return the sum of numbers with units, of which each is smaller than the one before."""
    import re  # noqa: PLC0415 (few jobs state their time as a text)

    text = time.lower()
    part = rf"\s*({_NUMBER})\s*(min|[dhms])"
    if re.fullmatch(rf"(?:{part})+\s*", text) is None:
        return None
    parts = re.findall(part, text)
    units = [_SECONDS[unit] for _, unit in parts]
    if units != sorted(set(units), reverse=True):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _is_whole_number(value: object) -> "TypeGuard[int]":
    return isinstance(value, int) and not isinstance(value, bool)
