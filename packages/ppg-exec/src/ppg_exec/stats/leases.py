"""Leases: lets a task that opens many files note the folder of a file, and the moment, instead of the stat of each file.

A stat costs more than all else that is done for a note. While a folder has a lease, its name leads to it. So the stat can be
taken later (`late_stats`). A file with an older stamp was in this folder at the moment of the note, with this content.

A lease needs file systems that stamp changes by the clock of this machine. In its folder, the last files that were opened
had not changed for a while. It ends after a few milliseconds. Then the way to the folder is looked at once more. If its name
may have led elsewhere meanwhile, the notes of the lease are in doubt.

Threads share the leases. Each use of a shared value is one step. So a race can at worst end a lease early, or let a note
have one that has just ended.
"""

from __future__ import annotations

import os
import time
from stat import S_ISLNK, S_ISREG

from ppg_exec.stats.clocks import SECOND, clock_offset, has_moved, is_older
from ppg_exec.stats.file_systems import LocalDevices
from ppg_exec.stats.late_stats import time_to_write
from ppg_exec.stats.packed import DOUBTFUL, LATE, STAT
from ppg_exec.stats.ways import Way

__all__ = ["Leases"]

PROBES = 16
"""Files of a folder that are looked at before it gets a lease, which costs about as much."""
QUIET = SECOND
"""How long these files, and each step of the way to the folder, must have been unchanged: what changes may go on to change."""
DURATION = 20_000_000
"""How long a lease lasts. It is in doubt if a folder and the one above it change within this time."""
_REFUSED = -PROBES * 1_000_000


class Leases:
    """Leases: has the leases of one task in one process.

    Args:
        skipped: prefixes of the names of files that are not noted.

    Attributes:
        notes: for each folder with a lease, what to note instead of the stat of a file. It is, as `STAT`, the device and
            inode of the folder, `LATE`, the moment, and the clock's offset.
        quick: those of these folders that have nothing with a name of its own among the prefixes of files that are not noted.
        until: when these leases end, by the monotonic clock.

    """

    __slots__ = ("_doubtful", "_local", "_looks", "_skipped", "_ways", "notes", "quick", "until")

    def __init__(self, skipped: tuple[str, ...]) -> None:
        self._skipped = skipped
        self.quick: dict[str, bytes] = {}
        self.notes: dict[str, bytes] = {}
        self.until: int = time.monotonic_ns() + DURATION
        self._looks: dict[str, int] = {}
        self._ways: dict[str, Way] = {}
        self._local = LocalDevices()
        self._doubtful: set[bytes] = set()

    def looked(self, name: str, found: os.stat_result | None) -> None:
        """Take in that a file is about to be opened, and is this; None if it is not there.

        A folder gets no lease where links, folders, new files or none are opened: of these, less can be known later.
        """
        if time.monotonic_ns() >= self.until:
            self.end()
        folder = name[: name.rfind("/")]
        looks = self._looks.get(folder, 0)
        if looks < 0 or not folder or folder in self.notes:
            return
        if found is None or not _is_quiet(name, found):
            looks = _REFUSED
        self._looks[folder] = looks + 1
        if looks + 1 == PROBES:
            self._begin(folder)

    def end(self) -> None:
        """End these leases, and let others begin."""
        notes, ways = self.notes, self._ways
        self.notes, self.quick, self._looks, self._ways = {}, {}, {}, {}
        self.until = time.monotonic_ns() + DURATION
        for folder, note in notes.items():
            _, _, _, moment, offset = STAT.unpack(note)
            try:
                has_stayed = ways[folder].has_stayed(Way(folder), moment)
            except OSError:
                has_stayed = False
            if not has_stayed or has_moved(offset):
                self._doubtful.add(note)

    def settled(self, noted: dict[str, bytes]) -> dict[str, bytes]:
        """These notes, once the leases have ended, with the stat `DOUBTFUL` where a note is in doubt."""
        self.end()
        doubtful = self._doubtful
        if not doubtful:
            return noted
        instead = STAT.pack(*DOUBTFUL)
        return {key: instead if value in doubtful else value for key, value in noted.items()}

    def _begin(self, folder: str) -> None:
        moment, offset = time.time_ns(), clock_offset()
        try:
            way = Way(folder)
        except OSError:
            return
        if way.is_older(moment - QUIET) and all(self._local.has(*place) for place in way.places()):
            self._ways[folder] = way
            lease = STAT.pack(way.end.st_dev, way.end.st_ino, LATE, moment, offset)
            self.notes[folder] = lease
            if not any(prefix.startswith(f"{folder}/") for prefix in self._skipped):
                self.quick[folder] = lease


def _is_quiet(name: str, found: os.stat_result) -> bool:
    """Whether a file is a regular one, and no link, that has not changed for a while."""
    if not S_ISREG(found.st_mode):
        return False
    if not is_older(found.st_ctime_ns, time.time_ns() - QUIET - time_to_write(found.st_size)):
        return False
    try:
        return not S_ISLNK(os.lstat(name).st_mode)
    except OSError:
        return False
