"""Passing: gives functions of jobs the products of other jobs, in the job process.

Like `calls`, it stays small, because every fork pays for what its compute node imports.
"""

from collections.abc import Callable, Iterator

__all__ = ["Late", "filled", "late_parts"]


class Late:
    """Late: stands for what only the process of the job has, in a shape of lists and dictionaries, until the job runs.

    value: returns it. is_loaded: whether it is the value of a load, and not a list of files.
    """

    __slots__ = ("is_loaded", "value")

    def __init__(self, value: Callable[[], object], *, is_loaded: bool = True) -> None:
        self.value: Callable[[], object] = value
        self.is_loaded: bool = is_loaded


def late_parts(shape: object) -> Iterator[Late]:
    """Yield what is late in a shape."""
    if isinstance(shape, Late):
        yield shape
    elif isinstance(shape, (dict, list)):
        for part in shape.values() if isinstance(shape, dict) else shape:
            yield from late_parts(part)


def filled(shape: object) -> object:
    """Return the shape with all that was late in its place."""
    if isinstance(shape, Late):
        return shape.value()
    if isinstance(shape, dict):
        return {name: filled(part) for name, part in shape.items()}
    return [filled(part) for part in shape] if isinstance(shape, list) else shape
