"""Settling: waits, after a callback has returned, for the threads and processes that it has left running.

A process of Python waits at its end for threads that are no daemons, and for children of multiprocessing. The process of
a job ends sooner, so it waits here, before the outputs are described. Only jobs that leave any import this module.
"""

import os
import sys
import threading
import time
from collections.abc import Collection
from typing import Any

from ppg.worker.role import ROLE

__all__ = ["still_running", "wait_for_all"]

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


def wait_for_all(known: Collection[Any], path: str, timeout: float | None, seconds: float) -> None:
    """Wait until all threads and children that the callback has left have ended.

    Parameters:
        known: those that ran before the callback; these are not waited for.
        path: an output of the job, for messages.
        timeout: of the job, in seconds. The node ends the job after it; shortly before, the job prints what still runs.
        seconds: the longest time to wait if there is no timeout.

    Raises:
        JobContractError: some still run after that time.
    """
    __tracebackhide__ = True
    # The exit functions of pools have no time limit, so another thread calls them.
    waiting = threading.Thread(target=_end_all, args=(known,), name="ppg waits", daemon=True)
    began = time.monotonic()
    waiting.start()
    if timeout is None or ROLE.shares_process:
        waiting.join(seconds)
    else:
        waiting.join(timeout * PATIENT_PART)
        if waiting.is_alive():
            text = f"ppg: the callback has returned, and the job waits for {_names(_left(known))}\n"
            os.write(2, text.encode(errors="backslashreplace"))
        waiting.join()
    left = _left(known)
    if not left:
        return
    from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

    raise JobContractError(
        f"The callback that makes '{path}' has returned, but {time.monotonic() - began:.0f} s later these still run, and "
        f"may still write: {_names(left)}. Join them in the callback, give the job a timeout=, or give them more time with "
        "LocalSystem(seconds_for_threads=...)"
    )


def _end_all(known: Collection[Any]) -> None:
    if not ROLE.shares_process:
        # Pools of `concurrent.futures` do their work that is left, and end their idle threads and processes.
        for end_pool in reversed(getattr(threading, "_threading_atexits", ())):
            end_pool()
    while left := _left(known):
        for one in left:
            one.join()


def _left(known: Collection[Any]) -> list[Any]:
    return [one for one in still_running() if one not in known]


def _names(left: Collection[Any]) -> str:
    names = [
        f"the thread '{one.name}'"
        if isinstance(one, threading.Thread)
        else f"the process '{one.name}' ({one.pid})"
        for one in left
    ]
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
