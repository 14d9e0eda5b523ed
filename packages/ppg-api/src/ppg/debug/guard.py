"""Guard: leads what Python code writes in the project into the scratch copy, and keeps it from the outputs of jobs.

An audit hook sees each file before it is opened. It cannot change a name; so it copies what the name of the scratch copy
leads to, and refuses real outputs, which a callback reaches by an absolute name.
"""

import contextlib
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator

from ppg.debug.view import View
from ppg.exceptions import JobContractError

__all__ = ["guarded"]

# ruff: noqa: PTH109, PTH115, PTH118, PTH119, PTH120
# Names are texts here, for speed: each file that is opened passes through this module.

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_ENTRIES = {
    # The positions of the names, and of the descriptors of folders in which they begin.
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
}
_CONTENTS = {"os.truncate": 0, "os.chmod": 0, "os.chown": 0, "os.utime": 0, "sqlite3.connect": 0}
_PROGRAMS = {"subprocess.Popen": 1, "os.posix_spawn": 1, "os.exec": 1, "os.spawn": 2, "os.system": 0}


class _Guard:
    def __init__(self, view: View, outputs: Iterable[str], made: Collection[str], own: str) -> None:
        self._view = view
        self._outputs = {os.path.realpath(output): output for output in outputs}
        self._own = os.path.realpath(own)
        names = "|".join(map(re.escape, sorted({*made, *map(os.path.realpath, made)}, reverse=True)))
        self._in_words = re.compile(f"(?:^|[^\\w./-])({names})(?:$|[^\\w.-])") if names else None
        self._folder = os.path.realpath(view.folder)
        self.is_on = True

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.is_on:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = isinstance(flags, int) and flags & _WRITES
            if writes or (isinstance(mode, str) and not {*mode}.isdisjoint("wax+")):
                self._written(path, -1, content=True)
        elif event in _ENTRIES:
            for name, folder in _ENTRIES[event]:
                descriptor = arguments[folder] if folder < len(arguments) else -1
                self._written(arguments[name], descriptor, content=False)
        elif event in _CONTENTS:
            self._written(arguments[_CONTENTS[event]], -1, content=True)
        elif event in _PROGRAMS:
            self._called(arguments[_PROGRAMS[event]])

    def _written(self, path: object, descriptor: object, *, content: bool) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # an open file
        try:
            folder = (
                os.readlink(f"/proc/self/fd/{descriptor}")
                if isinstance(descriptor, int) and descriptor >= 0
                else os.getcwd()
            )
            name = os.path.normpath(os.path.join(folder, os.fsdecode(path)))
            self._view.copy_for_writing(name, content=content)
        except OSError:
            return  # the folder is gone, so nothing is written
        real = os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))
        self._refuse_output(os.path.realpath(real) if content else real)

    def _refuse_output(self, real: str) -> None:
        if real.startswith(f"{self._folder}/"):
            return
        if real.startswith(self._own):
            raise JobContractError(f"'{real}' belongs to ppg, and ppg debug leaves it as it is")
        place = real
        while place not in self._outputs:
            place = os.path.dirname(place)
            if place in ("/", ""):
                return
        raise JobContractError(
            f"'{self._outputs[place]}' is an output, which ppg debug leaves as it is: the callback names it in full, so "
            "it cannot be led into the scratch copy; write to the path that the callback gets, or to a relative name"
        )

    def _called(self, words: object) -> None:
        if self._in_words is None:
            return
        given = words if isinstance(words, (list, tuple)) else (words,)
        for word in given:
            if isinstance(word, (str, bytes, os.PathLike)) and (
                found := self._in_words.search(os.fsdecode(word))
            ):
                raise JobContractError(
                    f"a program gets the name '{found[1]}' of an output, which ppg debug leaves as it is; give it the path "
                    "that the callback gets, or a relative name"
                )


@contextlib.contextmanager
def guarded(view: View, outputs: Iterable[str], made: Collection[str], own: str) -> Iterator[None]:
    """Guard outputs of jobs until the block ends.

    Parameters:
        view: the scratch copy.
        outputs: the real files and folders that no code may change, absolute.
        made: those of the job itself, which no program gets by name either.
        own: how the names of ppg's own files begin, absolute.
    """
    guard = _Guard(view, outputs, made, own)
    sys.addaudithook(guard)
    try:
        yield
    finally:
        guard.is_on = False
