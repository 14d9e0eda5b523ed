"""Logbook: holds what the compute node is doing, in a file that outlives it.

It is three numbers in an unnamed file in memory: an activity, a task, and the pid of the node. Writing the first
two costs a microsecond. When the node has died, the controller reads which task the node was busy with.
"""

from __future__ import annotations

import os

__all__ = ["Activity", "new_logbook", "read_logbook", "read_owner", "sign_logbook", "write_logbook"]


class Activity:
    """Activity: gives the numbers in the logbook names (plain numbers: the node does without `enum`)."""

    NOTHING = 0
    READING = 1
    """unpickling a task, which imports modules and runs their code"""
    FORKING = 2
    LOADING = 3


def new_logbook() -> int:
    """A descriptor of an empty logbook."""
    return os.memfd_create("ppg-logbook", os.MFD_CLOEXEC)


def write_logbook(descriptor: int, activity: int, task: int) -> None:
    """Write what the node does from now on."""
    os.pwrite(descriptor, activity.to_bytes(8, "little") + task.to_bytes(8, "little"), 0)


def read_logbook(descriptor: int) -> tuple[int, int]:
    """The activity and the task that were written last."""
    data = os.pread(descriptor, 16, 0).ljust(16, b"\0")
    return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")


def sign_logbook(descriptor: int, pid: int) -> None:
    """Write the pid of the node, once."""
    os.pwrite(descriptor, pid.to_bytes(8, "little"), 16)


def read_owner(descriptor: int) -> int:
    """The pid of the node; 0 before the node has started."""
    return int.from_bytes(os.pread(descriptor, 8, 16), "little")
