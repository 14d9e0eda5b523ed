"""Inline: runs jobs in the script's own process, for debugging.

One process is then the script, the compute node and every job in turn. This module keeps apart the state that
separate processes would not share. It is the current pipegraph, the pipegraph to which a generator's jobs belong,
and the effect of Ctrl-C. `LocalSystem.inline` lists the differences that remain.
"""

import contextlib
import functools
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from ppg.control.interrupts import Handler, Interrupts
from ppg.coordinators import LocalSystem
from ppg.graph.declared import DeclaredGraph
from ppg.session.current import SESSION
from ppg.worker.role import ROLE
from ppg_exec import Executor, InlineExecutor, Interrupted, Task
from ppg_graph import NodeKind

__all__ = ["as_in_a_process_of_its_own", "inline_executor"]


def inline_executor(pipegraph: DeclaredGraph) -> Executor:
    """Return a new executor that runs the jobs of one run in this process."""
    coordinator = pipegraph.resource_coordinator
    assert isinstance(coordinator, LocalSystem), "no other one is inline"
    return InlineExecutor(
        cores=coordinator.max_cores_to_use,
        memory=coordinator.max_memory_to_use,
        around=functools.partial(_around, pipegraph),
    )


@contextlib.contextmanager
def _around(pipegraph: DeclaredGraph, task: Task) -> Iterator[None]:
    generates = pipegraph.job(task.key).kind is NodeKind.GENERATOR
    with as_in_a_process_of_its_own(pipegraph, generates=generates), _ended_by_signals():
        yield


@contextlib.contextmanager
def as_in_a_process_of_its_own(pipegraph: DeclaredGraph, *, generates: bool) -> Iterator[None]:
    """Restore ppg's state after a job that runs in this process.

    Parameters:
        pipegraph: the graph of the job.
        generates: whether the job is a generator.
    """
    role = ROLE.now, ROLE.shares_process
    # In a separate process a generator has copies of the jobs, which belong to the graph that it declares.
    strangers = list(pipegraph) if generates else []
    kept = SESSION.set_aside()
    ROLE.shares_process = True
    for job in strangers:
        job._join(None)
    try:
        yield
    finally:
        for job in strangers:
            job._join(pipegraph)
        SESSION.restore(kept)
        ROLE.now, ROLE.shares_process = role


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a signal that ends the run end the running job first, and then the run.

    Ctrl-C raises KeyboardInterrupt as usual, because a debugger that waits for a command handles it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former: dict[int, Handler] = {}
    is_over = False
    received: int | None = None

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal received
        if is_over:
            handler = former[number]
            if callable(handler):
                handler(number, frame)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            received = number
            raise Interrupted

    try:
        for number in Interrupts.SIGNALS:
            former[number] = signal.getsignal(number)
            if former[number] is not signal.SIG_IGN:
                signal.signal(number, end)
        yield
    except KeyboardInterrupt:
        received = received or signal.SIGINT
    finally:
        is_over = True
        for restored, handler in former.items():
            signal.signal(restored, handler if handler is not None else signal.SIG_DFL)
    if received is not None:
        signal.raise_signal(received)
