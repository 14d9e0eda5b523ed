"""What a task in this process has read, and what its notes say of that afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ppg_exec import DOUBTFUL, FileUse, Tracking, UseKind
from ppg_exec.stats import leases
from ppg_exec.stats.clocks import is_older
from ppg_exec.stats.packed import LATE, STAT
from ppg_exec.tracking import notes
from ppg_exec.tracking.hook import TrackedTask, install
from ppg_exec.tracking.places import prefixes_of
from ppg_exec.tracking.received import received_uses
from ppg_exec.tracking.wire import HEADER

Stat = tuple[int, int, int, int, int]


@contextmanager
def leases_at_once() -> Iterator[None]:
    """Folders get leases from the 20th use on, as soon as the kernel stamps changes otherwise, for a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "EXACT", 3)
        patch.setattr(leases, "QUIET", 0)
        patch.setattr(leases, "DURATION", 60 * 10**9)
        yield


def stat_of(path: Path | str) -> Stat:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def wait_for_the_clock(*folders: Path) -> None:
    """Return when a change of anything in these folders would get another stamp than it has."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    newest = max(os.lstat(path).st_ctime_ns for path in paths)
    while not is_older(newest, time.time_ns()):
        time.sleep(0.005)


class Reader:
    """Reader: reads files as a task does, and compares what the notes say of them with what it has read.

    Attributes:
        was: the stat of each file just before it was opened, None of those that were not there.
        late: how many stats were not taken then.
        uses: afterwards, of all that was read.

    """

    def __init__(self, root: Path) -> None:
        install()
        self._task = TrackedTask(prefixes_of(Tracking(str(root))))
        self._content: dict[str, str] = {}
        self.was: dict[str, Stat | None] = {}
        self.late = 0
        self.uses: dict[str, FileUse] = {}

    def read(self, *paths: Path | str) -> None:
        """Read files, which need not be there."""
        for path in map(str, paths):
            stat = stat_of(path) if os.path.isfile(path) else None
            try:
                with open(path) as file:
                    content = file.read()
            except OSError:
                content = ""
            self.was.setdefault(path, stat)
            self._content.setdefault(path, content)

    def run(self, work: Callable[[], object], afterwards: Callable[[], object] = lambda: None) -> None:
        """Run a task, and what happens between its end and the first look at its notes."""
        self._task.call(work, ())
        data = self._task.encoded()
        afterwards()
        sentence, keys, behind = HEADER.unpack_from(data)
        stats = data[HEADER.size + sentence + keys :][:behind]
        self.late = sum(stat[2] == LATE for stat in STAT.iter_unpack(stats))
        found, why = received_uses(data)
        assert why == ""
        self.uses = {}
        for use in found:
            if use.kind in {UseKind.READ, UseKind.ABSENT}:
                self.uses.setdefault(use.path, use)
        self.check()

    def check(self) -> None:
        """Of no file, the notes say something else than what it was. What is in doubt is said to be."""
        for path, was in self.was.items():
            if path not in self.uses:
                continue  # a folder, or its own file
            stat = self.uses[path].stat
            assert stat in (was, DOUBTFUL), path
            if stat not in (None, DOUBTFUL) and os.path.isfile(path) and stat_of(path) == stat:
                with open(path) as file:
                    assert file.read() == self._content[path]

    def stat(self, path: Path) -> Stat | None:
        """What the notes say of a file."""
        return self.uses[str(path)].stat
