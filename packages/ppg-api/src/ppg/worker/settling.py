"""Settling: waits, after a callback has returned, for the threads and processes that it has left running.

A process of Python waits at its end for threads that are no daemons, and for children of multiprocessing. The process of
a job ends sooner, so it waits here, before the outputs are described. Only jobs that leave any import this module.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ppg.worker.role import ROLE

__all__ = ["Limit", "shown", "still_running", "wait_for_all"]

MOST_NAMES = 5
"""Largest number of threads and processes that a message names."""
PATIENT_PART = 0.9
"""Part of a job's timeout after which the job prints for what it waits."""


def still_running() -> tuple[Any, ...]:
    """Return the threads and children of this process that are no daemons, without the main thread.

    Where jobs share the process of the script, the idle threads of a pool of `concurrent.futures` cannot be told from
    others, and do not count.
    """
    pools = sys.modules.get("concurrent.futures.thread") if ROLE.shares_process else None
    pooled = () if pools is None else set(pools._threads_queues)
    here = (threading.main_thread(), threading.current_thread())
    threads = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread not in here and thread not in pooled
    ]
    processes = sys.modules.get("multiprocessing.process")
    children = () if processes is None else tuple(processes._children)
    own = os.getpid()
    return (
        *threads,
        *(child for child in children if child._parent_pid == own and not child.daemon and child.is_alive()),
    )


class Limit:
    """Limit: waits for what a callback has left, until the job's timeout, or some seconds.

    The node ends a job at its timeout. Shortly before, the job prints for what it waits.

    Parameters:
        paths: the outputs, for messages.
        began: when the callback began, by the monotonic clock.
        timeout: of the job, in seconds, or None.
        seconds: the longest time to wait if there is no timeout.
    """

    def __init__(self, paths: Sequence[str], began: float, timeout: float | None, seconds: float) -> None:
        self._path = paths[0] if paths else ""
        self._returned = time.monotonic()
        # The process of the script has no node that could end a job.
        self._has_timeout = timeout is not None and not ROLE.shares_process
        until = began + timeout * PATIENT_PART - self._returned if timeout is not None else seconds
        self._seconds = max(until if self._has_timeout else seconds, 0.0)

    def wait(self, ended: Callable[[float | None], bool], left: Callable[[], str]) -> None:
        """Wait until nothing is left.

        Parameters:
            ended: waits at most so many seconds, None for without limit, and returns whether nothing is left.
            left: returns the names of what is left.

        Raises:
            JobContractError: something still runs after that time.
        """
        __tracebackhide__ = True
        if ended(self._seconds):
            return
        if self._has_timeout:
            text = f"ppg: the callback has returned, and the job waits for {left()}\n"
            os.write(2, text.encode(errors="backslashreplace"))
            while not ended(None):
                pass  # one of them has left another one
            return
        from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

        raise JobContractError(
            f"The callback that makes '{self._path}' has returned, but {time.monotonic() - self._returned:.0f} s later these "
            f"still run, and may still write: {left()}. Wait for them in the callback, give the job a timeout=, or give them "
            "more time with LocalSystem(seconds_for_threads=...)"
        )


def wait_for_all(known: Collection[Any], limit: Limit) -> None:
    """Wait until all threads and children that the callback has left have ended.

    Parameters:
        known: those that ran before the callback; these are not waited for.
        limit: how long.

    Raises:
        JobContractError: some still run after that time, or something that ends them has failed.
    """
    __tracebackhide__ = True
    problems: list[BaseException] = []
    # The exit functions of pools have no time limit, so another thread calls them.
    waiting = threading.Thread(target=_end_all, args=(known, problems), name="ppg waits", daemon=True)
    waiting.start()

    def ended(seconds: float | None) -> bool:
        waiting.join(seconds)
        if not waiting.is_alive():
            # It has seen the end of all, or it has failed, and then this thread waits.
            for one in _left(known):
                _join(one, seconds)
        return not _left(known)

    limit.wait(ended, lambda: shown(_names(_left(known))))
    if problems:
        from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

        raise JobContractError(
            f"The callback has returned, and ending what it has left running raised {type(problems[0]).__name__}: "
            f"{problems[0]}; end its pools and threads in the callback"
        ) from problems[0]


def _end_all(known: Collection[Any], problems: list[BaseException]) -> None:
    """End and join what is left, in the order in which Python does it at the end of a process."""
    if not ROLE.shares_process:
        # Pools of `concurrent.futures` do their work that is left, and end their idle threads and processes.
        for end_pool in reversed(getattr(threading, "_threading_atexits", ())):
            _call(end_pool, problems)
    while threads := [one for one in _left(known) if isinstance(one, threading.Thread)]:
        for one in threads:
            _join(one)
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not ROLE.shares_process:
        # This ends the processes of managers, which wait for that.
        _call(lambda: util._run_finalizers(0), problems)
    while left := _left(known):
        for one in left:
            _join(one)


def _call(end: Callable[[], object], problems: list[BaseException]) -> None:
    try:
        end()
    except BaseException as error:  # noqa: BLE001 (the job fails with it when all has ended)
        problems.append(error)


def _join(one: Any, seconds: float | None = None) -> None:
    """Wait for a thread or process; a thread that is just starting cannot be joined yet."""
    if isinstance(one, threading.Thread):
        one._started.wait(seconds)  # type: ignore[attr-defined]
        if not one._started.is_set():  # type: ignore[attr-defined]
            return
    one.join(seconds)


def _left(known: Collection[Any]) -> list[Any]:
    return [one for one in still_running() if one not in known]


def _names(left: Collection[Any]) -> list[str]:
    return [
        f"the thread '{one.name}'"
        if isinstance(one, threading.Thread)
        else f"the process '{one.name}' ({one.pid})"
        for one in left
    ]


def shown(names: Sequence[str]) -> str:
    """Return the first of some names, and the number of the others."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
