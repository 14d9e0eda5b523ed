"""The part of ppg that runs inside job processes; imports nothing that they would not need anyway.

Every fork pays for what its compute node has imported, so this module stays small.
"""

import os
from collections.abc import Callable

__all__ = ["make_files"]


def make_files(
    callback: Callable[..., object], arguments: tuple[object, ...], paths: tuple[str, ...]
) -> None:
    """Call a job's callback so that what it leaves was made by this very call.

    Folders of the outputs are created, old outputs removed: a callback that fails half-way, or that
    appends to its file, cannot leave anything that looks like a result of this run but is not.

    Parameters
    ----------
        callback: the user's function.
        arguments: what to call it with.
        paths: the absolute names of the files that it makes.

    """
    for path in paths:
        try:
            os.unlink(path)  # noqa: PTH108 (pathlib is not imported in job processes)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 (the same)
    callback(*arguments)
