r"""Event file: writes the events of runs to a file, as JSON lines, for other programs.

Each line is one JSON object in ASCII. The fields are those that `ppg.report.udp_log` documents: `ppg` (the version of this
format, 1), `run`, `number`, `when`, `root`, `event`, and the fields of that event. In contrast to datagrams no text is
cut. The lines of one run have the same `run`, and `number` counts them from 0. Each line is written at once, so that
a reader can follow the run. A script that runs several graphs writes them one after the other.
"""

import json
import os
import time
from pathlib import Path
from typing import TextIO

from ppg.report.events import Event, Listener
from ppg.report.udp_log import rendered

__all__ = ["EventFile"]


class EventFile:
    """Event file: has the listeners for the runs of one process.

    Parameters:
        path: the file, which is overwritten.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="ascii")

    def listener(self, root: str) -> Listener:
        """Return the listener for the next run, of the pipegraph in this folder."""
        return _RunEvents(self._file, root)


class _RunEvents:
    """Run events: writes those of one run."""

    def __init__(self, file: TextIO, root: str) -> None:
        self._file = file
        self._head = {"ppg": 1, "run": f"{os.getpid()}-{time.time_ns()}"}
        self._root = root
        self._number = 0

    def __call__(self, event: Event) -> None:
        """Write an event."""
        for name, fields in rendered(event):
            numbered = {"number": self._number, "when": time.time(), "root": self._root, "event": name}
            self._file.write(json.dumps({**self._head, **numbered, **fields}) + "\n")
            self._number += 1
        self._file.flush()
