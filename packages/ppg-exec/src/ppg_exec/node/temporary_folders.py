"""Temporary folders: gives a job a folder for temporary files of its own, and removes it at the end of the job.

The folders of a node lie in one folder of random name, which the forkserver removes when the node has ended. Nodes, jobs
and the forkserver import this module, so it needs the standard library only, and little of it.
"""

# ruff: noqa: PTH102, PTH106, PTH108
# Paths are strings here, because job processes do not import pathlib.

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["TEMPORARY_FOLDER", "enter_temporary_folder", "random_folder", "remove_folder"]

TEMPORARY_FOLDER = "PPG_TEMPORARY_FOLDER"
"""Environment variable with the folder of a task that has one of its own; TMPDIR has it, too."""


def random_folder(directory: str) -> str:
    """A new name in `directory`, which other users cannot guess; makes no folder."""
    return f"{directory.rstrip('/')}/ppg-{os.urandom(12).hex()}"


def enter_temporary_folder(folder: str) -> None:
    """Make the folder, and that of the node, in the process of a job, and let temporary files go there."""
    for made in (folder.rpartition("/")[0], folder):
        try:
            os.mkdir(made, 0o700)
        except FileExistsError:
            continue  # another job of the node, or an earlier attempt, has made it
    os.environ[TEMPORARY_FOLDER] = os.environ["TMPDIR"] = folder
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # what it has found for the node


def remove_folder(folder: str) -> str:
    """Remove a folder with all in it; returns why that failed, or an empty string. No link is followed."""
    problem = ""
    try:
        _empty(folder)
        os.rmdir(folder)
    except FileNotFoundError:
        return ""
    except OSError as error:
        problem = f"its folder for temporary files cannot be removed: {error}; remove it by hand"
    return problem


def _empty(folder: str) -> None:
    pending = [folder]
    emptied = []
    while pending:
        here = pending.pop()
        emptied.append(here)
        # A job may have forbidden a folder to itself, as tools do with what must not be changed.
        os.chmod(here, 0o700)  # noqa: PTH101
        for path, is_folder in _entries(here):
            if is_folder:
                pending.append(path)
                continue
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue  # a process that the job has left behind was faster
    for path in reversed(emptied[1:]):
        os.rmdir(path)


def _entries(folder: str) -> Iterable[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        return [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
