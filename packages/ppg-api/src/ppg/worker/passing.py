"""Passing: gives functions of jobs the products of other jobs, in the job process.

Like `calls`, it stays small, because every fork pays for what its compute node imports.
"""

from collections.abc import Callable

__all__ = ["Late", "filled", "has_late"]


class Late:
    """Late: stands for a loaded value in a shape of lists and dictionaries, until the job runs.

    value: returns the loaded value.
    """

    __slots__ = ("value",)

    def __init__(self, value: Callable[[], object]) -> None:
        self.value: Callable[[], object] = value


def has_late(shape: object) -> bool:
    """Whether a shape has loaded values in it."""
    if isinstance(shape, (dict, list)):
        return any(map(has_late, shape.values() if isinstance(shape, dict) else shape))
    return isinstance(shape, Late)


def filled(shape: object) -> object:
    """Return the shape with the loaded values in their places."""
    if isinstance(shape, Late):
        return shape.value()
    if isinstance(shape, dict):
        return {name: filled(part) for name, part in shape.items()}
    return [filled(part) for part in shape] if isinstance(shape, list) else shape
