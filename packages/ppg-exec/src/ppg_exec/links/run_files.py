"""Run files: lie in the folder of a run while its machines need them, and are removed also if the run was killed.

Their names have the host, and the run holds a lock on each. So a later run on this host finds those of runs that are gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import secrets
import shutil
from pathlib import Path

__all__ = ["PREFIX", "RunFile"]

PREFIX = ".ppg-run-"


class RunFile:
    """RunFile: is a file or a folder with a new name, in the folder of a run, until `close`.

    Args:
        folder: the folder of the run. What killed runs of this host have left there is removed.
        content: that of the file; None: it is a folder, which only its owner may enter.

    Attributes:
        path: the absolute name.

    Raises OSError if it cannot be made.

    """

    def __init__(self, folder: str | Path, content: str | None) -> None:
        inside = Path(folder).absolute()
        _remove_left(inside)
        name = f"{_of_this_host()}{secrets.token_hex(8)}"
        made = inside / f".new{name}"
        if content is None:
            made.mkdir(mode=0o700)
        else:
            made.write_text(content, encoding="ascii")
        # It gets its name with the lock on it, so that no other run takes it for a left one.
        self._lock = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
        # Where nothing can be locked, nothing is taken for a left one either.
        with contextlib.suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path: Path = made.rename(inside / name)

    def close(self) -> None:
        """Remove it."""
        _remove(self.path)
        os.close(self._lock)


def _of_this_host() -> str:
    return f"{PREFIX}{platform.node()}-"


def _remove_left(folder: Path) -> None:
    for path in list(folder.iterdir()):
        if not path.name.startswith(_of_this_host()):
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # its run goes on, or nothing can be locked there
        else:
            _remove(path)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
