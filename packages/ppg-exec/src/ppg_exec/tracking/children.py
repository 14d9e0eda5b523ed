"""Children: lets processes of `multiprocessing` that are new programs (spawn, forkserver) note the files of their task.

Such a process first reads what its parent has prepared for it. To this the parent adds the log and the rules, so the
process notes its files from its first moment on. Reading this must not fail in a process that does not find ppg: its
parent has done nothing wrong.
"""

from __future__ import annotations

import functools
from multiprocessing import spawn
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppg_exec.tracking.origin import is_of_others

if TYPE_CHECKING:
    from collections.abc import Callable

    from ppg_exec.tracking.notes import Notes

__all__ = ["follow_new_programs"]

_JOIN = """
import os, sys
number = log.detach()
try:
    os.set_inheritable(number, False)
    sys.path.append(folder)
    try:
        from ppg_exec.tracking.hook import join
    finally:
        sys.path.remove(folder)
    join(number, origin, prefixes)
except Exception as error:
    why = f"a process that it has started does not note its files: {type(error).__name__}: {error}".encode()
    os.write(number, len(b"!").to_bytes(4, sys.byteorder) + len(why).to_bytes(4, sys.byteorder) + b"!" + why)
"""
"""What such a process runs; it may lack ppg."""


def follow_new_programs(current: Callable[[], Notes | None]) -> None:
    """Let each process that `multiprocessing` starts from now on join the task that `current` names then."""
    prepare: Any = spawn.get_preparation_data

    @functools.wraps(prepare)
    def get_preparation_data(name: str) -> dict[str, Any]:
        data: dict[str, Any] = prepare(name)
        notes = current()
        if notes is not None:
            data["ppg_tracking"] = _Joining(notes)
        return data

    spawn.get_preparation_data = get_preparation_data


class _Joining:
    """_Joining: makes the process that unpickles it join a task."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def __reduce__(self) -> tuple[Any, ...]:
        if get_spawning_popen() is None:
            return dict, ()  # no process is being started, so there is none that could get the log
        try:
            log = self._notes.share()
            given = {
                "log": DupFd(log.descriptor),
                "origin": log.origin,
                "prefixes": self._notes.prefixes,
                "folder": str(Path(__file__).parents[2]),
            }
        except Exception as error:
            if is_of_others(error):
                raise
            self._notes.fail(
                f"files of a process that it has started cannot be noted: {type(error).__name__}: {error}"
            )
            return dict, ()
        return exec, (_JOIN, given)
