"""One run of a pipegraph, from opening the status store to closing it."""

import errno
import signal
from collections.abc import Collection

from ppg.control.interrupts import Interrupts
from ppg.control.terminal import Terminal
from ppg.engine.driver import Driver
from ppg.exceptions import InternalError, PyPipelineGraphError
from ppg.graph.declared import DeclaredGraph
from ppg.report.broadcast import Broadcast
from ppg.report.events import RunFinished
from ppg.report.frontend import Frontend
from ppg.report.log_files import log_listeners
from ppg.report.udp_log import UdpLog, log_port
from ppg.result import RunResult
from ppg.status.recorder import Recorder
from ppg_exec import Executor, ExecutorError
from ppg_graph import NodeId
from ppg_invariants import StatusStore, StoreError

__all__ = ["run_graph"]


def run_graph(
    pipegraph: DeclaredGraph,
    frontend: Frontend,
    executor: Executor,
    targets: Collection[NodeId] | None = None,
) -> RunResult:
    """Run a complete graph, or only what some targets need, with an executor, which is closed in the end.

    Raises:
        PyPipelineGraphError: the status store cannot be used, say, because another run holds it; or the
            machine does not let the run go on; or PPG_LOG_PORT is no port.
        InternalError: a defect of ppg.
    """
    port = log_port()
    shown_by = frontend.listeners(pipegraph)
    audience = Broadcast(shown_by)
    try:
        with (
            StatusStore.open(pipegraph.status_path) as store,
            Interrupts() as interrupts,
            executor,
        ):
            # Only the holder of the store may begin the logs anew.
            audience.join(log_listeners(pipegraph))
            if port is not None:
                audience.join([UdpLog(port, pipegraph.root)])
            recorder = Recorder(store)
            # Where nothing is shown, nobody can answer either; where jobs run, what is typed is for their debugger.
            terminal = Terminal(wanted=bool(shown_by) and not pipegraph.resource_coordinator.inline)
            driver = Driver(pipegraph, recorder, executor, interrupts, audience, terminal, targets)
            try:
                driver.run()
            finally:
                result = driver.result()
                _finish(result, recorder, audience)
    except StoreError as error:
        raise PyPipelineGraphError(str(error)) from error
    except (ExecutorError, OSError) as error:
        limit = isinstance(error, OSError) and error.errno == errno.EMFILE
        remedy = "; raise the limit of open files (ulimit -n)" if limit else ""
        raise PyPipelineGraphError(f"The run cannot go on: {error}{remedy}") from error
    except (PyPipelineGraphError, InternalError):
        raise
    except Exception as error:
        # No code of the user's runs in there.
        raise InternalError(f"The run loop failed: {type(error).__name__}: {error}") from error
    if interrupts.received in (signal.SIGTERM, signal.SIGHUP):
        # Our orderly end is over; now the signal does what it does without us.
        signal.raise_signal(interrupts.received)
    audience.raise_defects()
    return result


def _finish(result: RunResult, recorder: Recorder, audience: Broadcast) -> None:
    try:
        recorder.finish(result)
    finally:
        # Also after an error of ours, or of the store, displays put the terminal back in order.
        audience.tell(RunFinished(result))
