"""Passing: gives functions of jobs the products of other jobs, in the job process.

Like `calls`, it stays small, because every fork pays for what its compute node imports.
"""

from collections.abc import Callable

__all__ = ["Late", "filled", "has_late", "has_loaded"]


class Late:
    """Late: stands for a value in a shape of lists and dictionaries, until the job runs.

    value: returns the value.
    loaded: a load has put the value into the process; else the job reads it from a file.
    """

    __slots__ = ("loaded", "value")

    def __init__(self, value: Callable[[], object], *, loaded: bool) -> None:
        self.value: Callable[[], object] = value
        self.loaded: bool = loaded


def has_late(shape: object) -> bool:
    """Whether a shape has values in it."""
    return _contains(shape, loaded=None)


def has_loaded(shape: object) -> bool:
    """Whether a shape has values in it that are loaded."""
    return _contains(shape, loaded=True)


def _contains(shape: object, *, loaded: bool | None) -> bool:
    if isinstance(shape, (dict, list)):
        parts = shape.values() if isinstance(shape, dict) else shape
        return any(_contains(part, loaded=loaded) for part in parts)
    return isinstance(shape, Late) and loaded in (None, shape.loaded)


def filled(shape: object) -> object:
    """Return the shape with the values in their places."""
    if isinstance(shape, Late):
        return shape.value()
    if isinstance(shape, dict):
        return {name: filled(part) for name, part in shape.items()}
    return [filled(part) for part in shape] if isinstance(shape, list) else shape
