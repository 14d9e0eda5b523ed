"""Ways: follows a name from the root, and tells whether it has led to the same folder all the time between two looks.

A step is a name in a folder. To let the name stand for something else changes the folder. What the name stands for then
was made, linked or renamed, which is a change, too. So a step is what it was if either of the two is unchanged.
"""

from __future__ import annotations

import os
from stat import S_ISLNK

from ppg_exec.stats.clocks import is_older

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Way"]

_MOST_LINKS = 40  # as the kernel has it


class Way:
    """Way: is the way by which an absolute name leads to a folder or file, at one look. Raises OSError.

    Links on the way are followed, also that at its end.

    Args:
        name: this name.

    """

    __slots__ = ("_paths", "_steps", "end")

    def __init__(self, name: str) -> None:
        root = os.lstat("/")
        # Of each step, the stat of the folder that has the name, and the stat of what the name stands for.
        self._steps: list[tuple[os.stat_result, os.stat_result]] = []
        self._paths: list[str] = []
        self.end: os.stat_result = root
        """The stat of the folder or file."""
        rest = _names(name)
        folders = [("", root)]
        links = 0
        while rest:
            step = rest.pop()
            if step == "..":
                if len(folders) > 1:
                    folders.pop()
                self.end = folders[-1][1]
                continue
            base, folder = folders[-1]
            path = f"{base}/{step}"
            found = os.lstat(path)
            self._steps.append((folder, found))
            self._paths.append(path)
            if S_ISLNK(found.st_mode):
                links += 1
                if links > _MOST_LINKS:
                    os.stat(name)  # noqa: PTH116 - raises OSError, as opening it does
                target = os.readlink(path)  # noqa: PTH115 - lean
                if target[:1] == "/":
                    del folders[1:]
                self.end = folders[-1][1]
                rest += _names(target)
            else:
                self.end = found
                folders.append((path, found))

    def places(self) -> Iterator[tuple[int, str]]:
        """The device of each step, and a name that is there."""
        for (folder, found), path in zip(self._steps, self._paths, strict=True):
            yield folder.st_dev, path[: path.rfind("/")] or "/"
            yield found.st_dev, path

    def is_older(self, moment: int) -> bool:
        """Whether the name has led here since this moment."""
        return all(
            is_older(found.st_ctime_ns, moment) or is_older(folder.st_ctime_ns, moment)
            for folder, found in self._steps
        )

    def has_stayed(self, later: Way, moment: int) -> bool:
        """Whether the name has led here between this look, begun at this moment, and a later one."""
        if len(self._steps) != len(later._steps):
            return False
        for (folder, found), (later_folder, later_found) in zip(self._steps, later._steps, strict=True):
            if (found.st_dev, found.st_ino) != (later_found.st_dev, later_found.st_ino):
                return False
            if not (
                (found.st_ctime_ns == later_found.st_ctime_ns and is_older(found.st_ctime_ns, moment))
                or (folder.st_ctime_ns == later_folder.st_ctime_ns and is_older(folder.st_ctime_ns, moment))
            ):
                return False
        return True


def _names(path: str) -> list[str]:
    """The names in a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]
