"""Links: tells the names of files and folders without links; asks the file system once for each folder."""

import os
import stat

from ppg.paths import absolute, normalised

__all__ = ["WithoutLinks"]


class WithoutLinks:
    """WithoutLinks: has the names of files without links, as they are while one graph runs.

    Parameters:
        root: of the pipegraph.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders: dict[str, str] = {}
        # A process that works in the root has the name of the root without links.
        self._real_root = f"{self.folder(root).rstrip('/')}/"

    def name(self, path: str) -> str:
        """A file as a job may declare it, without links; `path` is relative to the root, or absolute."""
        return self.relative(self.file(absolute(path, self._root)))

    def relative(self, path: str) -> str:
        """The name of a file as ids have it, also if the root is written without links; `path` is absolute."""
        inside = path.removeprefix(self._real_root)
        return inside if inside and inside != path else normalised(path, self._root)

    def relative_folder(self, path: str) -> str:
        """The same for a folder, which may be the root itself: `.`."""
        return self.relative(f"{path.rstrip('/')}/?")[:-1].rstrip("/") or "."

    def file(self, path: str) -> str:
        """The absolute name of a file."""
        folder, _, name = path.rpartition("/")
        real = self.folder(folder or "/")
        try:
            is_link = stat.S_ISLNK(os.lstat(path).st_mode)
        except OSError:
            is_link = False
        return os.path.realpath(path) if is_link else f"{real.rstrip('/')}/{name}"

    def folder(self, path: str) -> str:
        """The absolute name of a folder."""
        real = self._folders.get(path)
        if real is None:
            real = self._folders[path] = os.path.realpath(path)
        return real
