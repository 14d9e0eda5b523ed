"""After every process: did it make exactly the right files, with the right content."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.cases import Step
from tests.benchmarks.measuring import BenchmarkFailure
from tests.benchmarks.scripts.shapes import FOLDER, INPUT, jobs

__all__ = ["Stamps", "WrongResult", "affected", "check", "write_input"]

Stamps = Mapping[str, tuple[int, int]]
"""Inode and modification time, in ns, of every file: what tells whether it was made again."""


class WrongResult(BenchmarkFailure):
    """A file is missing, is wrong, was made in vain, or was not made."""


def write_input(directory: Path, version: int) -> None:
    """Give the first job its source."""
    Path(directory, INPUT).write_text(f"{INPUT} {version}\n")


def affected(shape: str) -> set[str]:
    """The files that a change of the input changes."""
    found: set[str] = set()
    for name, upstreams, source in jobs(shape):
        if source == INPUT or not found.isdisjoint(upstreams):
            found.add(name)
    return found


def check(directory: Path, shape: str, step: Step, version: int, before: Stamps) -> Stamps:
    """Check all files after a step.

    Parameters:
        directory: where the graph was run.
        shape: of the graph.
        step: what was run.
        version: of the input.
        before: what the last check gave.

    Returns:
        What is there now.

    Raises:
        WrongResult: at the first file that is not what it should be.
    """
    with os.scandir(directory / FOLDER) as entries:
        now = {f"{FOLDER}/{entry.name}": _stamp(entry) for entry in entries}
    if step is Step.DECLARE:
        if now:
            raise WrongResult(f"{len(now)} files were made though nothing was to be run")
        return now
    changed = affected(shape)
    expected = 0
    for name, _, _ in jobs(shape):
        expected += 1
        if name not in now:
            raise WrongResult(f"{name} was not made")
        content = f"{name} {version if name in changed else 0}\n"
        found = Path(directory, name).read_text()
        if found != content:
            raise WrongResult(f"{name} contains {found!r} instead of {content!r}")
    if len(now) > expected:
        raise WrongResult(f"there are {len(now) - expected} files more than jobs")
    _check_what_ran(step, {name for name, stamp in now.items() if before.get(name) != stamp}, changed)
    return now


def _check_what_ran(step: Step, made: set[str], changed: set[str]) -> None:
    """No job in vain, and none left out; in a fresh directory the content has said so already."""
    if step is Step.FRESH:
        return
    due = changed if step is Step.CHANGE else set()
    if made != due:
        example = min(made ^ due)
        raise WrongResult(f"{len(made)} files were made instead of {len(due)}, say, {example}")


def _stamp(entry: os.DirEntry[str]) -> tuple[int, int]:
    status = entry.stat()
    return status.st_ino, status.st_mtime_ns
