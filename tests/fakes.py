"""What stands in for something real in tests of several packages: a front end, and a disk that is soon full."""

import subprocess
from contextlib import contextmanager

import pytest

import ppg


class RecordingFrontend:
    """A front end that keeps all events of its runs, after the listeners of the test itself got them."""

    def __init__(self, *listeners):
        self.events = []
        self._listeners = (*listeners, self.events.append)

    def before_run(self, pipegraph):
        pass

    def listeners(self, pipegraph):
        return self._listeners

    def of(self, *kinds):
        """The events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def warnings(self):
        """The messages of all warnings."""
        return [event.message for event in self.of(ppg.Warned)]


@contextmanager
def small_file_system(folder, size):
    """Make the folder a file system of this size, as `mount` writes sizes; skip the test where that is forbidden."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
