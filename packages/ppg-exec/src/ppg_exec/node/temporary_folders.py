"""Temporary folders: gives a job a folder for temporary files of its own, and removes it at the end of the job.

The folders of a node lie in one folder of random name, which the forkserver removes when the node has ended. Nodes, jobs
and the forkserver import this module, so it needs the standard library only, and little of it.
"""

# ruff: noqa: PTH102
# Paths are strings here, because job processes do not import pathlib.

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["TEMPORARY_FOLDER", "enter_temporary_folder", "random_folder", "remove_folder"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

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
            if made == folder:
                raise
    os.environ[TEMPORARY_FOLDER] = os.environ["TMPDIR"] = folder
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # what it has found for the node


def remove_folder(folder: str) -> str:
    """Remove a folder with all in it; returns why that failed, or an empty string. No link is followed.

    A process that a confined job has left behind may exchange a folder for a link meanwhile, so all is done by descriptors.
    """
    parent, _, name = folder.rpartition("/")
    try:
        above = os.open(parent or ".", _FOLDER)
    except FileNotFoundError:
        return ""
    try:
        _remove(name, above)
    except FileNotFoundError:
        return ""
    except (OSError, RecursionError) as error:
        return f"its folder for temporary files cannot be removed: {error}; remove it by hand"
    finally:
        os.close(above)
    return ""


def _remove(name: str, above: int) -> None:
    """Remove a folder in another one."""
    descriptor = _opened(name, above)
    try:
        with os.scandir(descriptor) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for inner, is_folder in found:
            try:
                if is_folder:
                    _remove(inner, descriptor)
                else:
                    os.unlink(inner, dir_fd=descriptor)
            except FileNotFoundError:
                continue  # a process that the job has left behind was faster
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=above)


def _opened(name: str, above: int) -> int:
    """Return a descriptor of a folder in another one, in which files may be removed."""
    found = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        # A job may have forbidden a folder to itself, as tools do with what must not be changed.
        os.chmod(f"/proc/self/fd/{found}", 0o700)  # noqa: PTH101
        return os.open(f"/proc/self/fd/{found}", _FOLDER)
    finally:
        os.close(found)
