"""What the process of a sharing job does: take the job's files from the shared cache, or make them and keep them there.

Whatever goes wrong with the cache costs the sharing, never the job. What is taken is believed only if the files, as they
are in the project now, have the sizes and hashes that were noted when they were made.
"""

# ruff: noqa: PTH101, PTH103, PTH108, PTH112, PTH113, PTH116, PTH120
# Paths are strings here, as everywhere in job processes, in which pathlib is not imported.

import contextlib
import getpass
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ppg.exceptions import CacheUnreadableError
from ppg.shared_cache_entries import (
    CachedFile,
    DamagedError,
    Entry,
    discard,
    entry_folder,
    find,
    mark_used,
    publish,
)
from ppg.shared_cache_transfer import transfer
from ppg_invariants import FileProblem, FileState, describe_files

__all__ = ["Report", "Use", "take_or_make"]

PlainState = tuple[object, ...]
Report = tuple[bool, list[PlainState], list[tuple[str, str]]]
"""Whether the files were taken; their states, as `describe_files_plainly` gives them; and warnings, each with what
several jobs' warnings have in common if they say the same."""


class Use(NamedTuple):
    """How one job uses a shared cache; travels to its process.

    - cache: the folder, absolute
    - key: what stands for everything that the job consumes
    - names: of its files, as they are in the key
    - hard_links: whether files may be linked instead of copied
    - root: the project, to be noted as where an entry comes from
    - accept: called when the files were taken; raises CacheUnreadableError if they are of no use here. None: all are
    """

    cache: str
    key: str
    names: tuple[str, ...]
    hard_links: bool
    root: str
    accept: Callable[[], object] | None


def take_or_make(make: Callable[[], object], paths: Sequence[str], use: Use, *, empty_ok: bool) -> Report:
    """Bring a job's files about.

    Parameters:
        make: makes them.
        paths: their absolute names.
        use: where they might be.
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
    if len(sound) == len(made):
        _keep(paths, sound, use, time.monotonic() - began, warnings)
    return False, _plain(made), warnings


def _taken(paths: Sequence[str], use: Use, warnings: list[tuple[str, str]]) -> list[FileState] | None:
    """Put the files of the cache in place, if it has them and they are sound."""
    try:
        entry = find(use.cache, use.key)
        if entry is None:
            return None
        states = _placed(entry, paths, use)
    except DamagedError as error:
        _discard(use, str(error), warnings)
        return None
    except OSError as error:
        # It may have been removed between two looks, to make room; then nothing is wrong.
        if os.path.isdir(entry_folder(use.cache, use.key)):
            warnings.append(_warning("nothing can be taken from the shared cache", use, error))
        return None
    if states is None or use.accept is None:
        return states
    try:
        use.accept()
    except CacheUnreadableError as error:
        text = f"what the shared cache has for it cannot be used here ({error.reason}); it is made anew"
        warnings.append((f"{use.key}: accept", text))
        return None
    return states


def _placed(entry: Entry, paths: Sequence[str], use: Use) -> list[FileState] | None:
    """The states of the files that were put in place; None if they did not arrive as they left.

    Raises:
        DamagedError: they are not what they were when they were made.
        OSError: they cannot be read or written.
    """
    if tuple(one.name for one in entry.files) != use.names:
        raise DamagedError("it has other files than the job")
    for position, path in enumerate(paths):
        _make_way(path)
        mode = 0o666 | entry.files[position].executable
        try:
            transfer(entry.path(position), path, mode, hard_links=use.hard_links)
        except OSError:
            # Nothing is wrong with it if it was removed as a whole, to make room.
            if os.path.isdir(entry.folder) and not os.path.isfile(entry.path(position)):
                raise DamagedError(f"its file for '{entry.files[position].name}' is missing") from None
            raise
    states = describe_files(paths, empty_ok=True)
    sound = [state for state in states if isinstance(state, FileState)]
    if [(state.size, state.digest) for state in sound] == [(one.size, one.digest) for one in entry.files]:
        mark_used(entry)
        return sound
    # Whose fault is it? Of what is kept for others nothing is removed that is not damaged itself.
    kept = describe_files([entry.path(position) for position in range(len(paths))], empty_ok=True)
    for state, one in zip(kept, entry.files, strict=True):
        if isinstance(state, FileProblem):
            raise DamagedError(f"its file for '{one.name}' {state.message}")
        if (state.size, state.digest) != (one.size, one.digest):
            raise DamagedError(f"its file for '{one.name}' has not the bytes that were kept")
    return None


def _make_way(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)


def _discard(use: Use, why: str, warnings: list[tuple[str, str]]) -> None:
    text = f"its entry in the shared cache '{use.cache}' is damaged: {why}; it is made anew"
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
) -> None:
    """Keep what was made for others; if that cannot be, the job has succeeded all the same."""
    made_by: Mapping[str, object] = {
        "user": _user(),
        "host": socket.gethostname(),
        "project": use.root,
        "time": time.time(),
        "seconds": seconds,
    }
    try:
        files = [
            CachedFile(name, state.size, state.digest, os.stat(path).st_mode & 0o111)
            for name, path, state in zip(use.names, paths, states, strict=True)
        ]
        publish(use.cache, use.key, files, partial(_put, paths, use.hard_links), made_by)
    except OSError as error:
        warnings.append(_warning("nothing can be kept in the shared cache", use, error))


def _put(paths: Sequence[str], hard_links: bool, position: int, target: str, mode: int) -> None:
    transfer(paths[position], target, 0o400 | mode, hard_links=hard_links)
    # The umask is about the user's own files; those in the cache are as open to others as the cache is.
    os.chmod(target, (os.stat(target).st_mode & 0o555) | mode)


def _warning(what: str, use: Use, error: OSError) -> tuple[str, str]:
    reason = error.strerror or str(error)
    return f"{what}: {reason}", f"{what} '{use.cache}' ({reason}); jobs run as if there were none"


def _user() -> str:
    # In containers users often have no name.
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return str(os.getuid())


def _plain(states: Sequence[FileState | FileProblem]) -> list[PlainState]:
    return [
        (state.path, state.problem.name, state.message) if isinstance(state, FileProblem) else tuple(state)
        for state in states
    ]
