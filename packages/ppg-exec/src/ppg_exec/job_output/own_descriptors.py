"""Own descriptors: keeps the node's descriptors apart from those of user code.

A job process is a fork of the node, so it begins with a copy of each descriptor of the node. Through these
copies a job could write into the channel to the controller, change the flags of a socket that the node reads,
or stop the node from seeing the end of another job. So the node keeps its own descriptors in one block of high
numbers. A forked process closes that block in one system call. Files that loads have opened have low numbers,
and stay open for the jobs.
"""

from __future__ import annotations

import fcntl
import os
import resource

__all__ = ["OwnDescriptors"]

_FIRST = 1024
"""Where the block begins, if the limit allows; each fork copies the table of descriptors up to the highest."""
_ROOM = 4096
"""Descriptors that the block may hold, if the limit can be raised that far."""


class OwnDescriptors:
    """OwnDescriptors: moves the descriptors of this process into a block, and closes the block in its forks.

    If the block is full, or user code has a descriptor in it, forks close the node's descriptors one by one.
    """

    __slots__ = ("_are_scattered", "_first", "_forks_job", "_limit", "_numbers", "_own_limit", "_raised")

    def __init__(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._limit = (soft, hard)
        highest = _FIRST + _ROOM
        most = highest if hard == resource.RLIM_INFINITY else min(hard, highest)
        self._raised = soft != resource.RLIM_INFINITY and soft < most
        self._own_limit = (most, hard) if self._raised else (soft, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._own_limit)
        self._first = min(_FIRST, most // 2)
        self._numbers: set[int] = set()
        self._are_scattered = False
        self._forks_job = False
        # Processes that a load forks, for example a server of multiprocessing, do not keep the block either.
        os.register_at_fork(after_in_child=self._forked)

    def keep(self, descriptor: int) -> int:
        """Move a descriptor into the block; returns its new number, and closes the old one."""
        try:
            number = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, self._first)
        except OSError:
            # The block is full, or a load has lowered the limit.
            self._are_scattered = True
            self._numbers.add(descriptor)
            return descriptor
        os.close(descriptor)
        self._numbers.add(number)
        return number

    def close(self, descriptor: int) -> None:
        """Close a descriptor of the block."""
        self._numbers.discard(descriptor)
        os.close(descriptor)

    def give_away(self, descriptor: int) -> None:
        """Note that another owner, such as a channel, closes this descriptor of the block from now on."""
        self._numbers.discard(descriptor)

    def look_for_others(self) -> list[int]:
        """The descriptors of user code, which has just run in this process; notes whether any are in the block."""
        others = [int(name) for name in os.listdir("/proc/self/fd") if int(name) not in self._numbers]  # noqa: PTH208 - lean
        if max(others) >= self._first:
            self._are_scattered = True
        if self._raised and resource.getrlimit(resource.RLIMIT_NOFILE) != self._own_limit:
            self._raised = False  # a load has set a limit, which holds for the jobs
        return others

    def fork_job(self) -> int:
        """Fork a process that keeps the block for now: a job process needs parts of it, and closes it then."""
        self._forks_job = True
        try:
            return os.fork()
        finally:
            self._forks_job = False

    def close_all(self) -> None:
        """Close the block, in a forked process; the limit of descriptors is as it was before the node."""
        if self._are_scattered:
            for number in self._numbers:
                os.close(number)
        else:
            os.closerange(self._first, _FIRST + _ROOM)
        self._numbers = set()
        if self._raised:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limit)

    def _forked(self) -> None:
        if self._numbers and not self._forks_job:
            self.close_all()
