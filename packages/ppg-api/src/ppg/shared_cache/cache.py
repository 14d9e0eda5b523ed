"""The shared cache, as users see it: a folder in which projects keep outputs for each other.

`docs/shared_cache.md` has the design. This module is what is declared and what is asked; what happens when a job runs
is in `engine.cache_keys` (which key a job has) and `shared_cache.in_job` (what its process does with it).
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
"""The environment variable that names the folder for scripts that name none."""


class SharedCache:
    """A folder in which projects keep the outputs of expensive jobs for each other.

    Only jobs that say so (`share=True`, or `share()`) use it. Whoever can write to the folder decides what others'
    outputs contain, so share it with those only whom you trust with that.

    Parameters:
        folder: made when something is first kept in it, if its parent exists. Files in it get the permissions that
            the folder has, whatever the umask: make it with `mkdir -m 2775`, say, to share it with a group.
        hard_links: where blocks cannot be shared (reflinks: btrfs, XFS, bcachefs, and others), link files instead
            of copying them. Saves the room, but outputs of sharing jobs are read-only then, and whoever changes one
            in place nevertheless changes it for everybody, which the next reader finds out.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
    """

    __slots__ = ("folder", "hard_links")

    def __init__(self, folder: PathLike, *, hard_links: bool = False) -> None:
        text = folder.rstrip("/") or "/" if isinstance(folder, str) and folder else folder
        if text == "/":
            raise ValueError("SharedCache: folder must be a folder of its own, not '/'")
        self.folder: Path = Path(require_folder(text, "SharedCache: folder"))
        self.hard_links: bool = require_flag(hard_links, "SharedCache: hard_links")

    def __repr__(self) -> str:
        return f"<SharedCache '{self.folder}'>"

    def entries(self) -> Iterator["CachedEntry"]:
        """All that is in the cache, in no particular order; what disappears meanwhile is left out.

        Raises:
            OSError: the folder cannot be read.
        """
        from ppg.shared_cache.upkeep import entries_in  # noqa: PLC0415 (declaring needs none of it)

        return entries_in(os.fspath(self.folder.absolute()))

    def prune(self, max_size: int) -> list["CachedEntry"]:
        """Remove what was not used for the longest time, until the rest is no larger than `max_size` bytes.

        Jobs that are taking an entry at this moment get it, or run. What was left behind by processes that were killed
        while they kept something is removed, too, once it is a day old.

        Parameters:
            max_size: of all files in the cache together, in bytes; 0 empties it.

        Returns:
            What was removed.

        Raises:
            ValueError: `max_size` is negative.
            OSError: the folder cannot be read, or an entry cannot be removed.
        """
        from ppg.shared_cache.upkeep import prune_to  # noqa: PLC0415 (the same)

        if max_size < 0:
            raise ValueError(f"SharedCache.prune: max_size must be 0 bytes or more, not {max_size}")
        return prune_to(os.fspath(self.folder.absolute()), max_size)


def shared_cache_of(given: SharedCache | PathLike | None, root: str) -> SharedCache | None:
    """The cache that a pipegraph uses: what its script says, else what the environment says, else none.

    Parameters:
        given: the cache, its folder, or None.
        root: what the folder is relative to.
    """
    cache = given
    if cache is None:
        cache = os.environ.get(VARIABLE) or None
    if cache is None:
        return None
    if not isinstance(cache, SharedCache):
        cache = SharedCache(cache)
    return SharedCache(Path(root) / cache.folder, hard_links=cache.hard_links)
