"""Redirect: changes the names of outputs in the call of a job to those in the scratch copy."""

import functools
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ppg.kinds.kind import ProcessCall
from ppg.worker.calls import Prepared

__all__ = ["redirected"]


def redirected(
    call: ProcessCall, outputs: Iterable[str], place_of: Callable[[str], str], folders: Iterable[str] = ()
) -> ProcessCall:
    """Return the call with other names of outputs.

    Parameters:
        call: of one job.
        outputs: the absolute names of its files and folders.
        place_of: returns the new name for one of them.
        folders: absolute names of folders that change only if an argument is exactly that name.
    """
    names = {name: place_of(name) for name in (*folders, *outputs)}
    quoted = {shlex.quote(name): shlex.quote(place) for name, place in names.items()}
    replace = _Replace({**quoted, **names}, outputs, place_of)
    function, arguments, report, returns_plain = call
    return ProcessCall(
        replace(function), replace(arguments), None if report is None else replace(report), returns_plain
    )


class _Replace:
    def __init__(
        self, names: Mapping[str, str], outputs: Iterable[str], place_of: Callable[[str], str]
    ) -> None:
        self._names = names
        self._place_of = place_of
        choices = "|".join(map(re.escape, sorted(outputs, reverse=True)))
        self._within = re.compile(f"(?<![\\w./-])({choices})(?![\\w.-])") if choices else None

    def __call__(self, value: object) -> Any:
        if isinstance(value, str):
            if value in self._names:
                return self._names[value]
            if self._within is None or "/" not in value:
                return value
            return self._within.sub(lambda found: self._place_of(found[1]), value)
        if isinstance(value, Path):
            return Path(self._names[str(value)]) if str(value) in self._names else value
        if isinstance(value, functools.partial):
            named = {name: self(part) for name, part in value.keywords.items()}
            return functools.partial(value.func, *map(self, value.args), **named)
        if isinstance(value, Prepared):
            return Prepared(map(self, value))
        if type(value) is tuple:
            return tuple(map(self, value))
        if type(value) is list:
            return list(map(self, value))
        if type(value) is dict:
            return {name: self(part) for name, part in value.items()}
        return value
