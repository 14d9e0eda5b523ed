"""Pickles: lets classes read what an earlier ppg has pickled, before they got their later fields."""

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, TypeVar

__all__ = ["reads_old_pickles"]

_Kind = TypeVar("_Kind", bound=type)


def reads_old_pickles(kind: _Kind) -> _Kind:
    """Let a dataclass with slots give fields that a pickle does not have their defaults; a decorator."""
    if not TYPE_CHECKING:
        # Under Python 3.11, a dataclass with slots replaces a method `__setstate__` of the class.
        kind.__setstate__ = _set_state
    return kind


def _set_state(instance: object, state: list[object]) -> None:
    for position, field in enumerate(fields(instance)):  # type: ignore[arg-type]
        if position < len(state):
            object.__setattr__(instance, field.name, state[position])
        elif field.default is not MISSING:
            object.__setattr__(instance, field.name, field.default)
