"""Shared cache: the folder in which projects keep outputs for each other, as a script declares and queries it.

`docs/shared_cache.md` has the design. `engine.cache_keys` works out the key of a job, and `shared_cache.in_job` uses
it in the job process.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ppg.arguments import require_flag
from ppg.paths import PathLike, require_folder

if TYPE_CHECKING:
    from ppg.shared_cache.upkeep import CachedEntry

__all__ = ["VARIABLE", "SharedCache", "shared_cache_of"]

VARIABLE = "PPG_SHARED_CACHE"
"""Environment variable with the folder, for scripts that pass no shared cache."""


class SharedCache:
    """SharedCache: a folder in which projects keep the outputs of expensive jobs for each other.

    Only jobs declared with `share=True` or `share()` use it. Every user with write access to the folder decides what
    the outputs of all others contain. Share it only with users that you trust with that.

        ppg.new_pipegraph(quiet=True, shared_cache=ppg.SharedCache("shared"))
        job = ppg.file("a.txt", share=True)(lambda out: out.write_text("a"))
        ppg.run()
        job.path.unlink()
        ppg.new_pipegraph(quiet=True, shared_cache=ppg.SharedCache("shared"))
        ppg.file("a.txt", share=True)(lambda out: out.write_text("a"))
        assert ppg.run().taken_from_cache == ["a.txt"]

    Parameters:
        folder: made when the first entry is kept, if its parent exists. Files in it get the permissions of the
            folder, whatever the umask; to share it with a group, make it with `mkdir -m 2775`, for example.
        hard_links: link files instead of copying them, where the file system cannot share blocks (reflinks: btrfs,
            XFS, bcachefs, and others). Links save room, but outputs of sharing jobs are then read-only. If a user
            still changes such an output in place, it changes for every project; the next reader detects that.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
    """

    __slots__ = ("folder", "hard_links")

    def __init__(self, folder: PathLike, *, hard_links: bool = False) -> None:
        text = folder.rstrip("/") or "/" if isinstance(folder, str) and folder else folder
        if text == "/":
            raise ValueError("SharedCache: folder must be a dedicated folder, not '/'")
        self.folder: Path = Path(require_folder(text, "SharedCache: folder"))
        self.hard_links: bool = require_flag(hard_links, "SharedCache: hard_links")

    def __repr__(self) -> str:
        return f"<SharedCache '{self.folder}'>"

    def entries(self) -> Iterator["CachedEntry"]:
        """Yield all entries of the cache, in no particular order, without those that are removed meanwhile.

        Raises:
            OSError: the folder cannot be read.
        """
        from ppg.shared_cache.upkeep import entries_in  # noqa: PLC0415 (declaring needs none of it)

        return entries_in(os.fspath(self.folder.absolute()))

    def prune(self, max_size: int) -> list["CachedEntry"]:
        """Remove the entries unused for the longest time, until the rest is no larger than `max_size` bytes.

        A job that takes an entry at this moment gets it, or runs. Files that killed processes left in `staging` are
        removed, too, once they are a day old.

        Parameters:
            max_size: of all files in the cache together, in bytes; 0 empties it.

        Returns:
            The removed entries.

        Raises:
            ValueError: `max_size` is negative.
            OSError: the folder cannot be read, or an entry cannot be removed.
        """
        from ppg.shared_cache.upkeep import prune_to  # noqa: PLC0415 (the same)

        if max_size < 0:
            raise ValueError(f"SharedCache.prune: max_size must be 0 bytes or more, not {max_size}")
        return prune_to(os.fspath(self.folder.absolute()), max_size)


def shared_cache_of(given: SharedCache | PathLike | None, root: str) -> SharedCache | None:
    """Return the cache of a pipegraph: the one passed by its script, else that of the environment, else None.

    Parameters:
        given: the cache, its folder, or None.
        root: the folder to which a relative name of the cache refers.
    """
    cache = given
    if cache is None:
        cache = os.environ.get(VARIABLE) or None
    if cache is None:
        return None
    if not isinstance(cache, SharedCache):
        cache = SharedCache(cache)
    return SharedCache(Path(root) / cache.folder, hard_links=cache.hard_links)
