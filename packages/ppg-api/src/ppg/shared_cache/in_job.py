"""Sharing in the job process: takes the job's files from the shared cache, or makes them and keeps them there.

A failure of the cache costs the sharing, never the job. Taken files count only if, as they are in the project now,
they have the sizes and hashes that were recorded when they were made.
"""

# ruff: noqa: PTH101, PTH103, PTH108, PTH116, PTH118, PTH120
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import contextlib
import getpass
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ppg.exceptions import CacheUnreadableError
from ppg.paths import require_no_obstacle
from ppg.shared_cache.reads import are_as_recorded, reads_besides
from ppg.shared_cache.registry import (
    CachedFile,
    CachedRead,
    DamagedError,
    Entry,
    discard,
    mark_used,
    opened,
    publish,
)
from ppg.shared_cache.transfer import NotAsStatedError, transfer
from ppg_invariants import FileProblem, FileState, describe_files

__all__ = [
    "Report",
    "Use",
    "changed_input",
    "described_origin",
    "discard_damaged",
    "put",
    "take_or_make",
    "warning_of",
]

PlainState = tuple[object, ...]
Report = tuple[bool, list[PlainState], list[tuple[str, str]]]
"""Whether the files were taken; their states, as `describe_files_plainly` returns them; and the warnings.

Each warning is its cause and its text. Warnings of several jobs with one cause are reported once.
"""


class Use(NamedTuple):
    """Use: how one job uses a shared cache; sent to the job process.

    - cache: the folder, absolute
    - key: the hash of everything that the job consumes
    - names: of its files, as they are in the key
    - hard_links: whether files may be linked instead of copied
    - root: the project's folder, recorded as the origin of an entry
    - accept: called when the files were taken; raises CacheUnreadableError if this job cannot use them. None: all
      files are accepted
    - consumed: path and identity (device, inode, size, modification and change time) of each file that the key
      stands for; if one differs when the job has made its files, these are not kept
    - folders: the job's own, and those of which the key stands for the files; absolute
    """

    cache: str
    key: str
    names: tuple[str, ...]
    hard_links: bool
    root: str
    accept: Callable[[], object] | None
    consumed: tuple[tuple[str, tuple[int, ...]], ...] = ()
    folders: tuple[str, ...] = ()


def take_or_make(make: Callable[[], object], paths: Sequence[str], use: Use, *, empty_ok: bool) -> Report:
    """Take a job's files from the cache; if there are none, make them and keep them there.

    Parameters:
        make: makes the files.
        paths: their absolute names.
        use: how the job uses the cache.
        empty_ok: whether files of 0 bytes count as made.
    """
    __tracebackhide__ = True
    warnings: list[tuple[str, str]] = []
    states = _taken(paths, use, warnings)
    if states is not None:
        return True, _plain(states), warnings
    began = time.monotonic()
    make()
    made = describe_files(paths, empty_ok=empty_ok)
    sound = [state for state in made if isinstance(state, FileState)]
    changed = changed_input(use)
    if changed is not None:
        text = f"its files are not kept in the shared cache, because '{changed}' changed while it ran"
        warnings.append((f"{use.key}: changed", text))
    elif isinstance(
        reads := reads_besides(paths, use.root, [path for path, _ in use.consumed], use.folders), str
    ):
        text = f"its files are not kept in the shared cache, because {reads}"
        warnings.append((f"{use.key}: reads", text))
    elif len(sound) == len(made):
        _keep(paths, sound, use, time.monotonic() - began, warnings, reads)
        if use.hard_links:
            # A link changes the file's change time, and the next comparison would hash the file in the main process.
            made = describe_files(paths, empty_ok=empty_ok)
    return False, _plain(made), warnings


def changed_input(use: Use) -> str | None:
    """Return a consumed file that is not as it was when the job was started; None if there is none."""
    for path, identity in use.consumed:
        try:
            now = os.stat(path)
        except OSError:
            return path
        if (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) != identity:
            return path
    return None


def _taken(paths: Sequence[str], use: Use, warnings: list[tuple[str, str]]) -> list[FileState] | None:
    """Put the files of the cache in place and return their states; None if there are none that can be used."""
    try:
        with opened(use.cache, use.key) as entry:
            states = None
            if entry is not None and are_as_recorded(entry.reads, use.root):
                states = _placed(entry, paths, use)
    except DamagedError as error:
        discard_damaged(use, str(error), warnings)
        return None
    except OSError as error:
        warnings.append(warning_of("nothing can be taken from the shared cache", use, error))
        return None
    if states is None or use.accept is None:
        return states
    try:
        use.accept()
    except CacheUnreadableError as error:
        text = (
            f"the files of its entry in the shared cache cannot be used here ({error.reason}); "
            "the job makes them again"
        )
        warnings.append((f"{use.key}: accept", text))
        return None
    return states


def _placed(entry: Entry, paths: Sequence[str], use: Use) -> list[FileState] | None:
    """Put an entry's files in place, and return their states.

    None if the copies differ from a sound entry, or if the entry is removed at this moment, to make room.

    Raises:
        DamagedError: the entry differs from what was recorded when it was made.
        JobContractError: something that is no file stands in the place of an output.
        OSError: a file cannot be read or written.
    """
    if tuple(one.name for one in entry.files) != use.names:
        raise DamagedError("it has other files than the job")
    place = ""
    try:
        for position, (path, one) in enumerate(zip(paths, entry.files, strict=True)):
            place = f"its file for '{one.name}'"
            _make_way(path)
            mode = 0o666 | one.executable
            transfer(str(position), path, mode, one.size, hard_links=use.hard_links, folder=entry.descriptor)
    except OSError as error:
        if not entry.is_in_place:
            return None
        if isinstance(error, NotAsStatedError):
            raise DamagedError(f"{place} {error.strerror}") from error
        _blame(entry, content=False)
        raise
    states = describe_files(paths, empty_ok=True)
    sound = [state for state in states if isinstance(state, FileState)]
    if [(state.size, state.digest) for state in sound] == [(one.size, one.digest) for one in entry.files]:
        mark_used(entry)
        return sound
    _blame(entry, content=True)
    return None


def _blame(entry: Entry, *, content: bool) -> None:
    """Check whether the entry caused the failure, because only a damaged entry may be removed.

    Raises:
        DamagedError: the entry is damaged.
    """
    for position, one in enumerate(entry.files):
        path = os.path.join(entry.folder, str(position))
        why = None
        if content:
            (state,) = describe_files([path], empty_ok=True)
            if isinstance(state, FileProblem):
                why = state.message
            elif (state.size, state.digest) != (one.size, one.digest):
                why = "has not the bytes that were kept"
        elif not os.path.lexists(path):
            why = "is missing"
        # The checked file is of this entry only if no other entry has taken its place.
        if why is not None and entry.is_in_place:
            raise DamagedError(f"its file for '{one.name}' {why}")


def _make_way(path: str) -> None:
    # The main process has looked already, but the job may have waited since then.
    require_no_obstacle((path,), "The job")
    try:
        os.unlink(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)


def discard_damaged(use: Use, why: str, warnings: list[tuple[str, str]]) -> None:
    """Remove a damaged entry, and add a warning."""
    text = f"its entry in the shared cache '{use.cache}' is damaged: {why}; the job makes its files again"
    try:
        discard(use.cache, use.key)
    except OSError as error:
        text += f", but the entry cannot be removed: {error}"
    warnings.append((f"{use.key}: damaged", text))


def _keep(
    paths: Sequence[str],
    states: Sequence[FileState],
    use: Use,
    seconds: float,
    warnings: list[tuple[str, str]],
    reads: Sequence[CachedRead],
) -> None:
    """Keep the files that the job made; if that fails, add a warning, and the job still succeeds."""
    try:
        files = [
            CachedFile(name, state.size, state.digest, os.stat(path).st_mode & 0o111)
            for name, path, state in zip(use.names, paths, states, strict=True)
        ]
        publish(
            use.cache,
            use.key,
            files,
            partial(_put, paths, files, use.hard_links),
            described_origin(use, seconds),
            reads,
        )
    except OSError as error:
        warnings.append(warning_of("nothing can be kept in the shared cache", use, error))


def _put(
    paths: Sequence[str],
    files: Sequence[CachedFile],
    hard_links: bool,
    position: int,
    target: str,
    mode: int,
) -> None:
    put(paths[position], target, files[position].size, mode, hard_links=hard_links)


def put(path: str, target: str, size: int, mode: int, *, hard_links: bool) -> None:
    """Put a file that a job has made at its place in the cache."""
    transfer(path, target, 0o400 | mode, size, hard_links=hard_links)
    # The umask applies to the user's own files; files in the cache have the permissions of the cache's folder.
    os.chmod(target, (os.stat(target).st_mode & 0o555) | mode)


def described_origin(use: Use, seconds: float) -> Mapping[str, object]:
    """Return what an entry says of its origin: the job took these seconds."""
    return {
        "user": _user(),
        "host": socket.gethostname(),
        "project": use.root,
        "time": time.time(),
        "seconds": seconds,
    }


def warning_of(what: str, use: Use, error: OSError) -> tuple[str, str]:
    """Return the warning of an error of the cache, which costs only the sharing."""
    reason = error.strerror or str(error)
    return f"{what}: {reason}", f"{what} '{use.cache}' ({reason}); jobs run as if there were none"


def _user() -> str:
    # In containers, a user id often has no name.
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return str(os.getuid())


def _plain(states: Sequence[FileState | FileProblem]) -> list[PlainState]:
    return [
        (state.path, state.problem.name, state.message) if isinstance(state, FileProblem) else tuple(state)
        for state in states
    ]
