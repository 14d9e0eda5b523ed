"""Late stats: finds out, when a task has ended, what the files were that it opened under a lease (`leases`).

The folder of a lease is known by its inode, as its name may lead elsewhere by now. A file in it with a stamp that is older
than the lease has not changed since, and had this name all the time. If no folder or file has changed, a file that is not
there was not there then. Nothing can be proved of another file: it may have changed before or after it was opened.
"""

from __future__ import annotations

import os
from stat import S_ISLNK, S_ISREG

from ppg_exec.stats.clocks import has_moved, is_older
from ppg_exec.stats.file_systems import LocalDevices
from ppg_exec.stats.packed import DOUBTFUL
from ppg_exec.stats.ways import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    Stat = tuple[int, int, int, int, int]

__all__ = ["LateStats", "time_to_write"]

_LARGEST_WRITE = 1 << 31
_NS_FOR_A_BYTE = 100


def time_to_write(size: int) -> int:
    """How long, in ns, one write of such a file may last: it stamps the file when it begins.

    A disk takes 10 MB in a second at least, and no write has more than 2 GB.
    """
    return min(size, _LARGEST_WRITE) * _NS_FOR_A_BYTE


class LateStats:
    """LateStats: takes the stats of the files that were noted under one lease, all at once when one is asked for.

    Args:
        lease: what was noted instead of a stat, see `Leases.notes`.

    Attributes:
        paths: of the files, all in one folder.

    """

    __slots__ = ("_found", "_lease", "_local", "paths")

    def __init__(self, lease: Stat) -> None:
        self.paths: list[str] = []
        self._lease = lease
        self._local = LocalDevices()
        self._found: dict[str, Stat | None] | None = None

    def stat(self, path: str) -> Stat | None:
        """The stat of a file as it was opened; None if it was not there, `DOUBTFUL` if nothing can be proved."""
        if self._found is None:
            self._found = self._all()
        return self._found[path]

    def _all(self) -> dict[str, Stat | None]:
        device, inode, _, moment, offset = self._lease
        doubtful: dict[str, Stat | None] = dict.fromkeys(self.paths, DOUBTFUL)
        base = self.paths[0][: self.paths[0].rfind("/") + 1]
        try:
            folder = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError):
            return doubtful
        try:
            seen = os.fstat(folder)
            if (seen.st_dev, seen.st_ino) != (device, inode):
                return doubtful
            found = doubtful | {
                path: self._one(folder, path, device, moment)
                for path in self.paths
                if path[: path.rfind("/") + 1] == base
            }
        finally:
            os.close(folder)
        return doubtful if has_moved(offset) else found

    def _one(self, folder: int, path: str, device: int, moment: int) -> Stat | None:
        try:
            found = os.stat(path[path.rfind("/") + 1 :], dir_fd=folder, follow_symlinks=False)
            if S_ISLNK(found.st_mode):
                way = Way(path)
                if not (way.is_older(moment) and all(self._local.has(*place) for place in way.places())):
                    return DOUBTFUL
                found, device = way.end, way.end.st_dev
        except FileNotFoundError:
            return None if is_older(os.fstat(folder).st_ctime_ns, moment) else DOUBTFUL
        except (OSError, ValueError):
            return DOUBTFUL
        changed = found.st_ctime_ns
        if (
            S_ISREG(found.st_mode)
            and found.st_dev == device
            and is_older(changed, moment - time_to_write(found.st_size))
        ):
            return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, changed
        return DOUBTFUL
