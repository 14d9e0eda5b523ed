"""Folders: makes, empties, removes and lists the folders of jobs; no link is followed.

Job processes import this module if their job makes a folder, or reads some files of one.
"""

# ruff: noqa: PTH101, PTH103, PTH106, PTH108
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError
from ppg.worker.calls import complete, note_directory, still_running, wait_for_left, working_directory
from ppg.worker.role import ROLE, Role

__all__ = [
    "empty_folder",
    "files_in",
    "folder_obstacle",
    "make_folder",
    "paths_in",
    "prepare_folder",
    "remove_folder",
    "take_or_make_folder",
]

if TYPE_CHECKING:
    from pathlib import Path

_KIND, _IS_FILE, _IS_LINK, _IS_FOLDER = 0o170000, 0o100000, 0o120000, 0o040000
_OTHERS = {0o010000: "a named pipe", 0o140000: "a socket", 0o020000: "a device", 0o060000: "a device"}
_RIGHTS_OF_OWNER = 0o700


def make_folder(
    callback: Callable[..., object],
    arguments: tuple[object, ...],
    folder: str,
    timeout: float | None,
    seconds_for_threads: float,
) -> None:
    """Call a job's callback so that all that is in its folder afterwards comes from this call, and is complete.

    Parameters:
        callback: the user's function.
        arguments: its arguments.
        folder: the absolute name of the folder, which is made, or emptied.
        timeout: of the job, in seconds, or None.
        seconds_for_threads: without a timeout, the longest time to wait for what the callback has left running.

    Raises:
        JobContractError: something that ppg does not remove is in the folder, or in its place; threads or processes of
            the callback do not end, or a file is open and cannot be completed.
    """
    __tracebackhide__ = True
    prepare_folder(folder)
    ROLE.now = Role.JOB
    process = os.getpid()
    known = still_running()
    began = time.monotonic()
    home = working_directory()
    try:
        callback(*arguments)
    except Exception as error:
        note_directory(error, home)
        raise
    if os.getpid() != process:
        return  # a copy that the callback has forked and forgotten; the executor ends it
    wait_for_left((folder,), known, began, timeout, seconds_for_threads)
    complete(_regular_files(folder), began, timeout, seconds_for_threads)


def _regular_files(folder: str) -> list[str]:
    try:
        paths = [f"{folder}/{name}" for name in _names(folder)]
        return [path for path in paths if os.lstat(path).st_mode & _KIND == _IS_FILE]
    except OSError:
        return []  # the description of the folder tells what is wrong with it


def take_or_make_folder(make: Callable[[], object], folder: str, use: tuple[object, ...]) -> object:
    """Take a job's folder from the shared cache, or make it; return a `ppg.shared_cache.in_job.Report`.

    Parameters:
        make: makes the folder.
        folder: its absolute name.
        use: the fields of a `ppg.shared_cache.in_job.Use`.
    """
    __tracebackhide__ = True
    from ppg.shared_cache.folder_in_job import take_or_make_folder as take_or_make  # noqa: PLC0415 (the same)
    from ppg.shared_cache.in_job import Use  # noqa: PLC0415 (only jobs that share need it)

    return take_or_make(make, prepare_folder, folder, Use(*use))  # type: ignore[arg-type]


def prepare_folder(folder: str) -> None:
    """Make a folder, or empty it.

    Raises:
        JobContractError: something that ppg does not remove is in the folder, or in its place.
    """
    what = folder_obstacle(folder)
    if what is not None:
        raise JobContractError(
            f"The job's output '{folder}' is {what}; move it away, or declare another folder"
        )
    if os.path.lexists(folder):
        empty_folder(folder)
    else:
        os.makedirs(folder)


def folder_obstacle(folder: str) -> str | None:
    """Return in words what stands in the place of a folder and is none; None if it is one, or nothing is there."""
    try:
        kind = os.lstat(folder).st_mode & _KIND
    except OSError:
        return None  # the job gets the error, with its reason
    if kind == _IS_FOLDER:
        return None
    return _OTHERS.get(kind) or ("a symbolic link" if kind == _IS_LINK else "a file")


def empty_folder(folder: str) -> None:
    """Remove all that is in a folder, which stays.

    Raises:
        JobContractError: something in it is no file, link or folder; then all stays.
        OSError: something cannot be removed.
    """
    files, folders = _contents(folder)
    for path in files:
        os.unlink(path)
    for path in reversed(folders):
        os.rmdir(path)


def remove_folder(folder: str) -> None:
    """Remove a folder with all that is in it, if it is there.

    Raises:
        JobContractError: something in it is no file, link or folder; then all stays.
        OSError: something cannot be removed.
    """
    if os.path.lexists(folder):
        empty_folder(folder)
        os.rmdir(folder)


def files_in(folder: str, pattern: str) -> list[str]:
    """Return the files of a folder that match a pattern, sorted; each begins with the name of the folder."""
    from ppg_graph import matcher  # noqa: PLC0415 (only jobs that read several files of a folder need it)

    matches = matcher(pattern)
    return sorted(f"{folder}/{name}" for name in _names(folder) if matches(name))


def paths_in(folder: str, pattern: str) -> "list[Path]":
    """Return the result of `files_in` as paths."""
    from pathlib import Path  # noqa: PLC0415 (only jobs that read several files of a folder need it)

    return list(map(Path, files_in(folder, pattern)))


def _names(folder: str) -> Iterator[str]:
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(f"{folder}/{prefix}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name


def _contents(folder: str) -> tuple[list[str], list[str]]:
    """Return the files and links in a folder, and the folders, each one behind the one that it is in.

    A folder that forbids its owner to remove what is in it gets the rights for that.

    Raises:
        JobContractError: there is something else.
    """
    top = os.lstat(folder)
    files: list[str] = []
    folders: list[str] = []
    pending = [(folder, top.st_mode)]
    while pending:
        above, mode = pending.pop()
        if mode & _RIGHTS_OF_OWNER != _RIGHTS_OF_OWNER:
            os.chmod(above, mode & 0o7777 | _RIGHTS_OF_OWNER)
        with os.scandir(above) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                kind = found.st_mode & _KIND
                if kind == _IS_FOLDER and found.st_dev == top.st_dev:
                    folders.append(entry.path)
                    pending.append((entry.path, found.st_mode))
                elif kind in {_IS_FILE, _IS_LINK}:
                    files.append(entry.path)
                else:
                    what = _OTHERS.get(kind, "a folder of another file system")
                    raise JobContractError(
                        f"The job's folder '{folder}' has to be empty, but '{entry.path}' is {what}, which ppg does "
                        "not remove; move it away"
                    )
    return files, folders
