"""Another user of the machine, for tests that run as root: nobody, who belongs to no group of ours."""

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["NOBODY", "as_another_user", "forked_as", "needs_root", "reachable_folder"]

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def forked_as(user: int, act: Callable[[], object], group: int | None = None) -> int:
    """Start `act` in a fork that belongs to a user; returns its pid. Its exit code is 1 if `act` raises."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(user if group is None else group)
            os.setuid(user)
            os.umask(0)
            act()
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(1)
    return pid


def as_another_user(act: Callable[[], object], user: int = NOBODY, group: int | None = None) -> None:
    """Run `act` as another user, to its end."""
    _, status = os.waitpid(forked_as(user, act, group), 0)
    assert os.waitstatus_to_exitcode(status) == 0


@contextmanager
def reachable_folder(mode: int = 0o1777) -> Iterator[Path]:
    """A folder that other users can reach, however the folders of the tests are protected."""
    name = Path(tempfile.mkdtemp())
    try:
        name.chmod(0o755)
        folder = name / "folder"
        folder.mkdir()
        folder.chmod(mode)
        yield folder
    finally:
        shutil.rmtree(name)
