"""Upkeep: lists the entries of a shared cache, and removes entries to make room."""

# Paths are strings in all modules of the cache.

import contextlib
import os
import stat
from collections.abc import Iterator

from ppg.shared_cache.registry import DamagedError, discard, entry_folder, keys, opened, remove_leftovers

__all__ = ["CachedEntry", "entries_in", "prune_to"]


class CachedEntry:
    """CachedEntry: the outputs that one job left in a shared cache.

        cache = ppg.SharedCache("shared")
        ppg.new_pipegraph(quiet=True, shared_cache=cache)
        ppg.file("a.txt", share=True)(lambda out: out.write_text("a"))
        ppg.run()
        (entry,) = cache.entries()
        assert isinstance(entry, ppg.CachedEntry)

    Attributes:
        key: names the entry, in hexadecimal digits.
        files: the names of the files, as the job that made them calls them; empty if the entry is damaged.
        size: of all its files together, in bytes.
        used: when it was last taken, or else made; seconds since the epoch.
        made_by: its origin, as `user@host:folder of the project`; empty if the entry is damaged.
    """

    __slots__ = ("files", "key", "made_by", "size", "used")

    def __init__(self, key: str, files: tuple[str, ...], size: int, used: float, made_by: str) -> None:
        self.key: str = key
        self.files: tuple[str, ...] = files
        self.size: int = size
        self.used: float = used
        self.made_by: str = made_by

    def __repr__(self) -> str:
        return f"<CachedEntry {self.key[:12]}: {', '.join(self.files) or 'damaged'}, {self.size} bytes>"


def entries_in(cache: str) -> Iterator[CachedEntry]:
    """Yield all entries of the cache in a folder; see `SharedCache.entries`."""
    for key in keys(cache):
        # Other processes remove entries at the same time.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            yield _described(cache, key)


def prune_to(cache: str, max_size: int) -> list[CachedEntry]:
    """Remove entries to make room; see `SharedCache.prune`."""
    remove_leftovers(cache)
    entries = sorted(entries_in(cache), key=lambda entry: (entry.used, entry.key))
    size = sum(entry.size for entry in entries)
    removed = []
    for entry in entries:
        if size <= max_size:
            break
        discard(cache, entry.key)
        size -= entry.size
        removed.append(entry)
    return removed


def _described(cache: str, key: str) -> CachedEntry:
    """Describe one entry; raise FileNotFoundError if it was removed."""
    folder = entry_folder(cache, key)
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode):
        return CachedEntry(key, (), state.st_size, state.st_mtime, "")
    with os.scandir(folder) as found:
        size = sum(file.stat(follow_symlinks=False).st_size for file in found)
    used = state.st_mtime
    try:
        with opened(cache, key) as entry:
            if entry is None:
                raise FileNotFoundError(folder)
            origin = entry.made_by
            names = tuple(file.name for file in entry.files)
    except DamagedError:
        return CachedEntry(key, (), size, used, "")
    made_by = f"{origin.get('user')}@{origin.get('host')}:{origin.get('project')}"
    return CachedEntry(key, names, size, used, made_by)
