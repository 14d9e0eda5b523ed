"""View: a scratch copy of the project that a job may write into.

The view is a folder that has the same names in it as `/`. A folder on the way to an output of the job is a folder there,
too; everything else is a link to the real thing, and the outputs are missing. So relative names lead where they always
lead, and what is written to an output lands in the scratch copy.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["View"]

# ruff: noqa: PTH103, PTH108, PTH112, PTH113, PTH114, PTH211
# Names are texts here: the guard calls this module for each file that is opened for writing.


class View:
    """View: makes the scratch copy.

    Parameters:
        folder: an empty folder for it, absolute.
        root: the folder of the project, absolute.
        outputs: the files and folders that the job makes, absolute.
        entered: further folders that a process of the job is in, absolute.
        hidden: how the absolute names begin that the copy does not show: those of the store of ppg.
    """

    def __init__(
        self, folder: str, root: str, outputs: Iterable[str], entered: Iterable[str], hidden: str
    ) -> None:
        self.folder: str = folder
        self._root = root.rstrip("/")
        self._outputs = frozenset(outputs)
        self._hidden = hidden
        wanted = {root, *entered, *map(os.path.dirname, self._outputs)}
        self._copied = {folder for name in wanted for folder in (name, *map(str, Path(name).parents))}
        for real in sorted(self._copied):
            if os.path.isdir(real):
                self._copy_folder(real)
        os.makedirs(self.place_of(root), exist_ok=True)

    def place_of(self, path: str) -> str:
        """Return where an absolute name lies in the view."""
        return self.folder if path == "/" else self.folder + path

    def real_name(self, path: str) -> str | None:
        """Return the absolute name that a path in the view stands for; None if the path is elsewhere."""
        return path.removeprefix(self.folder) if path.startswith(f"{self.folder}/") else None

    def copy_for_writing(self, path: str, *, content: bool) -> None:
        """Let a name of the project in the view stand for itself, so that a write does not reach the real file.

        Parameters:
            path: an absolute name without `..`.
            content: whether the file at this name is written, and not only its entry in the folder.
        """
        name = self.real_name(path)
        if name is None or not name.startswith(f"{self._root}/"):
            return
        real = self._root
        *folders, last = name.removeprefix(f"{self._root}/").split("/")
        for part in folders:
            real = f"{real}/{part}"
            place = self.place_of(real)
            if os.path.islink(place) and os.path.isdir(place):
                os.unlink(place)
                self._copy_folder(real)
        place = self.place_of(f"{real}/{last}")
        if content and os.path.islink(place) and os.path.isfile(place):
            original = os.path.realpath(place)
            os.unlink(place)
            shutil.copy2(original, place)

    def made(self) -> list[str]:
        """Return the names of the files in the scratch copy, as they are called in the project."""
        return sorted(self._files(self.place_of(self._root))) + sorted(
            name
            for output in self._outputs
            if not output.startswith(f"{self._root}/")
            for name in self._files(self.place_of(output))
        )

    def _files(self, place: str) -> Iterator[str]:
        if os.path.islink(place):
            return
        if os.path.isfile(place):
            yield place.removeprefix(self.folder)
        elif os.path.isdir(place):
            for entry in os.scandir(place):
                yield from self._files(entry.path)

    def _copy_folder(self, real: str) -> None:
        """Make a folder of the view, with a link for each entry of the real folder."""
        place = self.place_of(real)
        os.makedirs(place, exist_ok=True)
        try:
            entries = [entry.path for entry in os.scandir(real)]
        except PermissionError:
            return  # it can be passed, and not listed: the job still finds its own names in it
        for path in entries:
            if path in self._copied or path in self._outputs or path.startswith(self._hidden):
                continue
            os.symlink(path, self.place_of(path))
