"""The processes of jobs: forked from the compute node, watched until they end, and waited for.

A descriptor per child tells of its end rather than SIGCHLD: a job process then has no handler to undo.
"""

from __future__ import annotations

import os
import select
import signal

from ppg_exec.node.job_process import Reports, run_job
from ppg_exec.node.output_files import CaptureFiles
from ppg_exec.transport.logbook import Activity, write_logbook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from resource import struct_rusage
    from typing import Any, NoReturn

    from ppg_exec.node.node_task import NodeJob
    from ppg_exec.node.output_files import OutputFiles
    from ppg_exec.pickling.receive import IdentityTable

__all__ = ["JobProcesses"]


class JobProcesses:
    """Forks jobs, and waits for them.

    Args:
        waiting: what the node waits on; descriptors of processes are registered there.
        logbook: the descriptor of the node's logbook.
        directory: where unlinked files go.
        hooks: what is to be run in a job process if the node has threads by then.
        table: the objects that the node shares with the controller.
        lean: how many modules the node has loaded by itself.

    """

    def __init__(
        self,
        waiting: select.epoll,
        logbook: int,
        directory: str,
        hooks: Sequence[Callable[[], Any]],
        table: IdentityTable,
        lean: int,
    ) -> None:
        self.files: CaptureFiles = CaptureFiles(directory)
        self.reports: Reports = Reports(directory)
        self.threads: int = 1
        """Of this process, as far as is known."""
        self._waiting = waiting
        self._logbook = logbook
        self._hooks = hooks
        self._table = table
        self._lean = lean
        self._node = os.getpid()
        self._watched: dict[int, int] = {}

    def fork(self, job: NodeJob, *, preforked: bool) -> str:
        """Fork the process of a job; returns what has prevented that, if anything.

        One that is preforked waits until `begin`.
        """
        try:
            output = self.files.acquire()
        except OSError as error:
            return f"no file for its output: {error}"
        write_logbook(self._logbook, Activity.FORKING, job.number)
        try:
            pid = os.fork()
        except OSError as error:
            self.files.release(output, reuse=True)
            return f"no process for it: {error}"
        if pid == 0:
            self._become(job, output, preforked=preforked)
        try:
            self.watch(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.files.release(output, reuse=True)
            return f"no descriptor for it: {error}"
        job.pid = pid
        job.output = output
        return ""

    def _become(self, job: NodeJob, output: OutputFiles, *, preforked: bool) -> NoReturn:
        # In the job process. The node's descriptors are left open, as closing them would take longer than
        # all else here; no program that the job starts inherits them, and their other ends do not care.
        if self.threads > 1:
            for hook in self._hooks:
                hook()
        run_job(
            job.number, job.call, output, self.reports, self._table,
            lean=self._lean, directory=job.directory, environment=job.environment,
            node=self._node, preforked=preforked,
        )  # fmt: skip

    def begin(self, job: NodeJob) -> None:
        """It is the turn of a preforked job."""
        assert job.output is not None
        os.eventfd_write(job.output.turn, 1)

    def kill(self, pid: int) -> tuple[int, struct_rusage | None]:
        """End a process at once; as `wait`."""
        os.kill(pid, signal.SIGKILL)
        descriptor = next(each for each, watched in self._watched.items() if watched == pid)
        return self.wait(descriptor)[1:]

    def watch(self, pid: int) -> None:
        """Be told by a descriptor when a child ends. Raises OSError if there is none to be had."""
        descriptor = os.pidfd_open(pid)
        try:
            self._waiting.register(descriptor, select.EPOLLIN)
        except OSError:
            os.close(descriptor)
            raise
        self._watched[descriptor] = pid

    def has(self, descriptor: int) -> bool:
        """Whether this is the descriptor of a process that is watched."""
        return descriptor in self._watched

    def wait(self, descriptor: int) -> tuple[int, int, struct_rusage | None]:
        """Wait for the process of a descriptor: its pid, its wait status, and what it has used."""
        pid = self._watched.pop(descriptor)
        self._waiting.unregister(descriptor)
        os.close(descriptor)
        try:
            _, status, usage = os.wait4(pid, 0)
        except ChildProcessError:
            # A load that waits for any child has got this one.
            return pid, 0, None
        return pid, status, usage
