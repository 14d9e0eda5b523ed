"""Keys: lists the keys of the settings file, and checks their values."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from ppg_cli.script.arguments import UNITS

__all__ = ["JOB_KEYS", "KEYS", "MACHINE_KEYS", "Key", "SettingsError", "bytes_in", "check_keys", "seconds_in"]

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(|[kKMGT]|[KMGT]i)B?\s*")
_TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class SettingsError(Exception):
    """SettingsError: reports that a file with settings cannot be used; the message names the file, the key and the remedy."""


class Key(NamedTuple):
    """Key: what a key takes. is_fine: whether a value will do. example: how it is written."""

    is_fine: Callable[[Any], bool]
    what: str
    example: str


def bytes_in(value: object) -> int | None:
    """Return a size in bytes; None if the value is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value > 0 else None
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return (int(float(found[1]) * UNITS[found[2]]) or None) if found else None


def seconds_in(value: object) -> float | None:
    """Return a time in seconds; None if the value is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if value > 0 else None
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return (float(found[1]) * _SECONDS[found[2]] or None) if found else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_size(value: object) -> bool:
    return bytes_in(value) is not None


def _is_time(value: object) -> bool:
    return seconds_in(value) is not None


_COUNT = Key(_is_count, "a whole number of at least 1", "4")
_SIZE_KEY = Key(_is_size, "a size", '"64GB"')
_TIME_KEY = Key(_is_time, "a time", '"4h"')

MACHINE_KEYS = {
    "cores": _COUNT,
    "memory": _SIZE_KEY,
    "machines": _COUNT,
    "cores-per-machine": _COUNT,
    "walltime": _TIME_KEY,
    "partition": Key(_is_text, "a text", '"long"'),
    "account": Key(_is_text, "a text", '"genomics"'),
    "interface": Key(_is_text, "a text", '"ib0"'),
    "port": Key(lambda value: _is_count(value) and value < 65536, "a number from 1 to 65535", "8786"),
    "sbatch": Key(_are_texts, "a list of options of sbatch", '["--qos=long"]'),
    "prologue": Key(_are_texts, "a list of lines of shell", '["module load samtools"]'),
}
"""Keys about the machines of `on`: they are set aside where a stronger setting says another `on`."""

KEYS = {
    "on": Key(_is_text, "a text", '"slurm"'),
    "strict": Key(lambda value: isinstance(value, bool), "true or false", "true"),
    "shared-cache": Key(_is_text, "the name of a folder", '"/data/cache"'),
    **MACHINE_KEYS,
}
JOB_KEYS = {
    "memory": _SIZE_KEY,
    "timeout": _TIME_KEY,
    "retries": Key(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        "a whole number of at least 0",
        "2",
    ),
}


def check_keys(
    table: Mapping[str, object], keys: Mapping[str, Key], tables: Collection[str], where: str
) -> None:
    """Refuse unknown keys and wrong values.

    Parameters:
        table: what the file says.
        keys: those that may stand there.
        tables: names that may stand there, for tables.
        where: the file and the table, for messages.

    Raises:
        SettingsError: a key is unknown, or has a wrong value.
    """
    for name, value in table.items():
        if name in tables:
            if not isinstance(value, dict):
                raise SettingsError(
                    f"{where}: '{name}' must be a table, not {value!r}; write [{name}] above its keys"
                )
        elif name not in keys:
            import difflib  # noqa: PLC0415 (only a wrong name needs it)

            known = [*keys, *tables]
            near = difflib.get_close_matches(name.replace("_", "-"), known, 1, cutoff=0.6)
            meant = f"did you mean '{near[0]}'? " if near else ""
            raise SettingsError(
                f"{where}: '{name}' is no key of ppg; {meant}the keys are {', '.join(sorted(known))}"
            )
        elif not keys[name].is_fine(value):
            key = keys[name]
            raise SettingsError(
                f"{where}: '{name}' must be {key.what}, not {value!r}; write {name} = {key.example}"
            )
