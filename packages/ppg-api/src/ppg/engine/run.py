"""One run of a pipegraph, from opening the status store to closing it."""

import signal

from ppg import events
from ppg.engine.driver import Driver
from ppg.engine.frontend import Frontend
from ppg.engine.interrupts import Interrupts
from ppg.engine.recorder import Recorder
from ppg.exceptions import PyPipelineGraphError
from ppg.listeners.files import log_listeners
from ppg.pipegraph import Pipegraph
from ppg.result import RunResult
from ppg_exec import LocalExecutor
from ppg_invariants import StatusStore, StoreError

__all__ = ["run_graph"]


def run_graph(pipegraph: Pipegraph, frontend: Frontend) -> RunResult:
    """Run a complete graph.

    Raises:
        PyPipelineGraphError: the status store cannot be used, say, because another run holds it.

    """
    listeners = (*frontend.listeners(pipegraph), *log_listeners(pipegraph))
    coordinator = pipegraph.resource_coordinator
    try:
        with (
            StatusStore.open(pipegraph.status_path) as store,
            Interrupts() as interrupts,
            LocalExecutor(
                cores=coordinator.max_cores_to_use, memory=coordinator.max_memory_to_use
            ) as executor,
        ):
            recorder = Recorder(store)
            driver = Driver(pipegraph, recorder, executor, interrupts, listeners)
            try:
                result = driver.run()
            finally:
                # Also after an error of ours, displays put the terminal back in order.
                told = driver.result()
                recorder.finish(told)
                for listener in listeners:
                    listener(events.RunFinished(told))
    except StoreError as error:
        raise PyPipelineGraphError(str(error)) from error
    if interrupts.received in (signal.SIGTERM, signal.SIGHUP):
        # Our orderly end is over; now the signal does what it does without us.
        signal.raise_signal(interrupts.received)
    return result
