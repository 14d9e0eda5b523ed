"""Reads of a sharing job: the files that it read without depending on them, which its key does not stand for.

They are in the manifest of an entry. A job takes the entry only if these files are the same in its project. When it
compares them, it opens them. So its own record gets them, as if it had made its files itself.
"""

# ruff: noqa: PTH116, PTH118
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import os
from collections.abc import Collection, Iterable
from functools import partial

from ppg.shared_cache.registry import CachedRead
from ppg_exec import UseKind, uses_so_far
from ppg_invariants import FileState, describe_file

__all__ = ["are_as_recorded", "reads_besides"]


def reads_besides(
    own: Collection[str], root: str, declared: Collection[str], folders: Collection[str] = ()
) -> list[CachedRead] | str:
    """Return what this job process has read besides its inputs, or why that cannot be kept.

    Parameters:
        own: the files that the job makes, absolute.
        root: the project's folder.
        declared: the files that the key stands for, absolute.
        folders: the folders that the job makes, or of which the key stands for the files; absolute.
    """
    uses, incomplete = uses_so_far()
    if incomplete:
        return f"not all files that it read are known: {incomplete}"
    reads: list[CachedRead] = []
    written = {use.path for use in uses if use.kind is UseKind.WRITTEN}
    relative = partial(_relative, roots=(root, os.path.realpath(root)))
    inside = {name for folder in folders for name in (folder, os.path.realpath(folder))}
    left_out = {relative(path) for path in (*own, *declared)}
    for use in uses:
        if any(use.path == folder or use.path.startswith(f"{folder}/") for folder in inside):
            continue
        if use.kind is UseKind.LISTED:
            return f"it listed the folder '{use.path}', and other projects may have other files there"
        # A declared file that was read by a link counts by the link, which may lead elsewhere in another project.
        if use.kind is UseKind.WRITTEN or (path := relative(use.path)) in left_out:
            continue
        if use.stat is None:
            if use.path not in written:
                reads.append(CachedRead(path, None))
            continue
        state = describe_file(use.path, empty_ok=True)
        now = os.stat(use.path) if isinstance(state, FileState) else None
        if now is None or use.stat != (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns):
            return f"'{path}' changed while it ran"
        assert isinstance(state, FileState)
        reads.append(CachedRead(path, state.digest))
    return reads


def _relative(path: str, roots: Collection[str]) -> str:
    """Name of a file in the project, relative to it, however the project's folder is written; else its absolute name."""
    prefixes = (f"{root.rstrip('/')}/" for root in roots)
    return next((path.removeprefix(prefix) for prefix in prefixes if path.startswith(prefix)), path)


def are_as_recorded(reads: Iterable[CachedRead], root: str) -> bool:
    """Return whether all these files have the recorded content, or are not there either."""
    return all(_digest(os.path.join(root, read.path)) == read.digest for read in reads)


def _digest(path: str) -> bytes | None:
    """Hash of a file's content; None if it is not there, and empty if it cannot be read."""
    try:
        # Opening it lets the process note that it was looked for.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return b""
    state = describe_file(path, empty_ok=True)
    return state.digest if isinstance(state, FileState) else b""
