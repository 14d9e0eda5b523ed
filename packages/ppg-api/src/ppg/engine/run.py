"""Run: opens the status store, the executor and the listeners, runs the driver, and closes them."""

import errno
import signal
from collections.abc import Sequence

from ppg.control.interrupts import Interrupts
from ppg.control.terminal import Terminal
from ppg.engine.driver import Driver
from ppg.exceptions import InternalError, PyPipelineGraphError
from ppg.graph.catalogue import Request
from ppg.graph.declared import DeclaredGraph
from ppg.journal.kept_output import KeptOutput, most_kept, output_folder
from ppg.journal.running_jobs import RunningJobs
from ppg.report.broadcast import Broadcast
from ppg.report.events import Listener, RunFinished
from ppg.report.frontend import Frontend
from ppg.report.local_log import LocalLog
from ppg.report.log_files import log_listeners
from ppg.report.oversights import Oversights
from ppg.report.plain import PlainWarnings
from ppg.report.udp_log import UdpLog, is_log_off, log_port
from ppg.result import RunResult
from ppg.status.recorder import Recorder
from ppg.text import counted
from ppg.watch.server import RunWatch
from ppg_exec import Executor, ExecutorError
from ppg_invariants import StatusStore, StoreDamagedWarning, StoreError

__all__ = ["run_graph"]


def run_graph(
    pipegraph: DeclaredGraph,
    frontend: Frontend,
    executor: Executor,
    request: Request,
) -> RunResult:
    """Run a complete graph, or the part of it that is asked for; close the executor at the end.

    Raises:
        PyPipelineGraphError: the status store cannot be used, for example because another run holds it; or
            the machine does not let the run continue; or PPG_LOG_PORT is no port, or PPG_KEEP_OUTPUT no size.
        InternalError: ppg has a defect.
    """
    port, most = log_port(), most_kept()
    shown_by = frontend.listeners(pipegraph)
    broadcast = Broadcast(shown_by)
    try:
        with (
            StatusStore.open(pipegraph.status_path) as store,
            Interrupts() as interrupts,
            executor,
        ):
            # The logs are overwritten only while this run holds the store; another run may still write them.
            broadcast.join(log_listeners(pipegraph))
            if not is_log_off():
                broadcast.join([LocalLog(pipegraph.root)])
            if port is not None:
                broadcast.join([UdpLog(port, pipegraph.root)])
            # First of all, so that its warnings come before the summary.
            broadcast.join([Oversights(pipegraph, request.targets, broadcast.publish)], first=True)
            recorder = Recorder(store)
            if most:
                folder = output_folder(pipegraph.status_path)
                # A program that reads that a job has ended finds what was kept of it.
                broadcast.join(
                    [KeptOutput(folder, recorder.run_id, most), RunningJobs(folder, recorder.run_id)]
                )
            # Without listeners no answer is shown; in inline runs typed lines are for the jobs' debugger.
            terminal = Terminal(wanted=_shows_answers(shown_by) and not pipegraph.resource_coordinator.inline)
            with RunWatch(pipegraph, broadcast.publish) as watch:
                broadcast.join([watch])
                driver = Driver(
                    pipegraph, recorder, executor, interrupts, broadcast, terminal, watch, request
                )
                result = _drive(driver, recorder, broadcast)
    except (StoreError, StoreDamagedWarning) as error:
        # The warning is raised only if Python makes errors of warnings.
        raise PyPipelineGraphError(str(error)) from error
    except (ExecutorError, OSError) as error:
        limit = isinstance(error, OSError) and error.errno == errno.EMFILE
        remedy = "; raise the limit of open files (ulimit -n)" if limit else ""
        raise PyPipelineGraphError(f"The run cannot go on: {error}{remedy}") from error
    except (PyPipelineGraphError, InternalError):
        raise
    except Exception as error:
        # The run loop executes no code of the user, so this error is a defect of ppg.
        raise InternalError(f"The run loop failed: {type(error).__name__}: {error}") from error
    if interrupts.received in (signal.SIGTERM, signal.SIGHUP):
        # The run has ended in order and the former handlers are back, so the signal has its usual effect.
        signal.raise_signal(interrupts.received)
    broadcast.raise_defects()
    return result


def _drive(driver: Driver, recorder: Recorder, broadcast: Broadcast) -> RunResult:
    """Run until the end, or until an error; then end what runs. Record the end in both cases."""
    try:
        driver.run()
    except StoreError as error:
        ended = driver.abandon()
        removed = _told(ended)
        try:
            _finish(driver.result(), recorder, broadcast)
        except StoreError:
            raise StoreError(f"{error}{removed}") from error
        # The partial outputs may have taken the room that the store lacked.
        raise StoreError(f"{error}{removed}. After that the changes could be written") from error
    except BaseException:
        driver.abandon()
        _finish(driver.result(), recorder, broadcast)
        raise
    result = driver.result()
    _finish(result, recorder, broadcast)
    return result


def _told(ended: int) -> str:
    owner = "its" if ended == 1 else "their"
    return (
        f". The run ended {counted(ended, 'running job')} and removed {owner} partial outputs"
        if ended
        else ""
    )


def _finish(result: RunResult, recorder: Recorder, broadcast: Broadcast) -> None:
    try:
        recorder.finish(result)
    finally:
        # Displays must restore the terminal even after an error of ppg or of the store.
        broadcast.publish(RunFinished(result))


def _shows_answers(listeners: Sequence[Listener]) -> bool:
    return any(not isinstance(listener, PlainWarnings) for listener in listeners)
