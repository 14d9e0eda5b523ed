"""Job processes: forks them from the compute node, watches them, and waits for their ends.

A descriptor per child reports its end. The node does not use SIGCHLD, so a job process has no handler to
undo.
"""

from __future__ import annotations

import os
import select
import signal

from ppg_exec.job_output.output_files import CaptureFiles
from ppg_exec.job_output.report_socket import ReportSocket, new_token
from ppg_exec.node.job_process import run_job
from ppg_exec.transport.logbook import Activity, write_logbook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from resource import struct_rusage
    from typing import Any, NoReturn

    from ppg_exec.job_output.output_files import OutputFiles
    from ppg_exec.job_output.own_descriptors import OwnDescriptors
    from ppg_exec.node.node_task import NodeJob
    from ppg_exec.pickling.receive import IdentityTable

__all__ = ["JobProcesses"]


class JobProcesses:
    """JobProcesses: forks job processes, and waits for them.

    Args:
        own: keeps the descriptors of the node.
        waiting: the epoll on which the node waits; descriptors of processes are registered there.
        logbook: the descriptor of the node's logbook.
        directory: where unlinked files go.
        hooks: the after-fork hooks that a job process runs if the node has threads by then.
        table: the objects that the node shares with the controller.
        lean: the number of modules that the node has loaded for itself, and not for tasks.

    """

    def __init__(
        self,
        own: OwnDescriptors,
        waiting: select.epoll,
        logbook: int,
        directory: str,
        hooks: Sequence[Callable[[], Any]],
        table: IdentityTable,
        lean: int,
    ) -> None:
        self.files: CaptureFiles = CaptureFiles(directory, own)
        self.threads: int = 1
        """Threads of this process, as last counted."""
        self._own = own
        self._directory = directory
        self._token = new_token()
        self._waiting = waiting
        self._logbook = logbook
        self._hooks = hooks
        self._table = table
        self.lean: int = lean
        self._node = os.getpid()
        self._watched: dict[int, int] = {}

    def fork(self, job: NodeJob, *, preforked: bool) -> str:
        """Fork the process of a job; returns what prevented that, or an empty string.

        A pre-forked process waits until `begin`.
        """
        try:
            output = self.files.acquire()
        except OSError as error:
            return f"no file for its output: {error}; is there a limit on descriptors (ulimit -n), or is the disk full?"
        try:
            reports = ReportSocket(self._token, self._own, self._directory)
        except OSError as error:
            self.files.release(output, reuse=True)
            return f"no socket for its report: {error}; is there a limit on descriptors (ulimit -n)?"
        write_logbook(self._logbook, Activity.FORKING, job.number)
        pid = 0
        try:
            pid = self._own.fork_job()
            if pid == 0:
                self._become(job, output, reports, preforked=preforked)
            reports.forked()
            self.watch(pid)
        except OSError as error:
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            else:
                reports.forked()
            reports.close()
            self.files.release(output, reuse=True)
            if pid:
                return f"no descriptor for it: {error}; is there a limit on descriptors (ulimit -n)?"
            return f"no process for it: {error}; is there a limit on processes (ulimit -u)?"
        job.pid = pid
        job.output = output
        job.reports = reports
        return ""

    def _become(
        self, job: NodeJob, output: OutputFiles, reports: ReportSocket, *, preforked: bool
    ) -> NoReturn:
        # This runs in the job process.
        if self.threads > 1:
            for hook in self._hooks:
                hook()
        run_job(
            job.call, output, reports, self._own, self._table, job.tracked,
            lean=self.lean, directory=job.directory, environment=job.environment,
            temporary=job.temporary, node=self._node, preforked=preforked,
        )  # fmt: skip

    def keep(self, descriptor: int) -> int:
        """Move a descriptor of the node out of the reach of jobs; returns its new number."""
        return self._own.keep(descriptor)

    def begin(self, job: NodeJob) -> None:
        """Let a pre-forked job begin."""
        assert job.output is not None
        os.eventfd_write(job.output.turn, 1)

    def kill(self, pid: int) -> tuple[int, struct_rusage | None]:
        """Kill a process at once; returns its wait status and what it used, as `wait` does."""
        os.kill(pid, signal.SIGKILL)
        descriptor = next(each for each, watched in self._watched.items() if watched == pid)
        return self.wait(descriptor)[1:]

    def watch(self, pid: int) -> None:
        """Watch a child by a descriptor that reports its end. Raises OSError if there is no descriptor."""
        descriptor = self._own.keep(os.pidfd_open(pid))
        try:
            self._waiting.register(descriptor, select.EPOLLIN)
        except OSError:
            self._own.close(descriptor)
            raise
        self._watched[descriptor] = pid

    def has(self, descriptor: int) -> bool:
        """Whether this is the descriptor of a watched process."""
        return descriptor in self._watched

    def wait(self, descriptor: int) -> tuple[int, int, struct_rusage | None]:
        """Wait for the process of a descriptor; returns its pid, its wait status, and what it used."""
        pid = self._watched.pop(descriptor)
        self._waiting.unregister(descriptor)
        self._own.close(descriptor)
        try:
            _, status, usage = os.wait4(pid, 0)
        except ChildProcessError:
            # A load that waits for any child has waited for this one already.
            return pid, 0, None
        return pid, status, usage
