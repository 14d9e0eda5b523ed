"""Typed: the types of callbacks, and the variables of generic jobs, for type checkers.

A generic job without a type in brackets is a job of `Any`: `ppg.MultiFileGeneratingJob` stays a complete annotation.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # of the type checker; at run time nothing needs it

    Made = TypeVar("Made", default=Any)
    Loaded = TypeVar("Loaded", default=Any)
    Member = TypeVar("Member", default=Any)
else:
    from typing import TypeVar

    Made = TypeVar("Made")
    Loaded = TypeVar("Loaded")
    Member = TypeVar("Member")

__all__ = ["Loaded", "Made", "MakesFile", "MakesFiles", "MakesNamedFiles", "Member"]

MakesFile = Callable[[Path], object] | Callable[[], object]
"""The function of a job that makes one file, or a folder: it gets the path, or nothing."""

MakesFiles = Callable[[list[Path]], object] | Callable[[], object]
"""The function of a job that makes a list of files."""

MakesNamedFiles = Callable[[dict[str, Path]], object] | Callable[[], object]
"""The function of a job that makes a dictionary of files."""
