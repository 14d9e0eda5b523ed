"""Stamps: tells whether a file is still what it was when a task began, by the time of its last change.

No program can set this time at will. A file system stamps a change with a clock that ticks every few milliseconds, or more
coarsely, as the digits of the stamp show. Another machine stamps the files of a network file system. Its clock is assumed to
agree to within a few seconds.
"""

from __future__ import annotations

import os
import time
from stat import S_ISREG

from ppg_exec.stats.clocks import SECOND, resolution
from ppg_exec.stats.file_systems import LocalDevices
from ppg_exec.stats.packed import packed

__all__ = ["Stamps", "now_ns"]

_FILE_CLOCK = 5  # CLOCK_REALTIME_COARSE
_REMOTE_MARGIN = 3 * SECOND


def now_ns() -> int:
    """The time by the clock that stamps changes of local files."""
    return time.clock_gettime_ns(_FILE_CLOCK)


class Stamps:
    """Stamps: compares files with the moment at which a task began.

    Args:
        began: this moment, as `now_ns` had it.

    """

    def __init__(self, began: int) -> None:
        self._began = began
        self._local = LocalDevices()

    def unchanged(self, name: str) -> bytes | None:
        """The stat of a regular file that has not changed since the task began, packed; None of another one."""
        try:
            found = os.stat(name)  # noqa: PTH116 - lean
        except (OSError, ValueError):
            return None
        return packed(found) if S_ISREG(found.st_mode) and self.is_unchanged(found, name) else None

    def is_unchanged(self, found: os.stat_result, name: str) -> bool:
        """Whether a file or folder is what it was when the task began."""
        changed = found.st_ctime_ns
        if changed < self._began - _REMOTE_MARGIN:
            return True
        return self._local.has(found.st_dev, name) and changed < self._began - self._began % resolution(
            changed
        )
