"""Task table: keeps the jobs of a compute node: forked, pre-forked, begun, waited for, reported.

    ready ────────────(fork)───────────┐
    ahead ──(prefork)──→ pre-forked ───┴──→ running ──(its process has ended)──→ ending ──→ reported

A job that was sent ahead takes over the claim of a job that ends here: it is the *successor* of that job.
Until then it is *pre-forked*: forked before its turn, several at once, and blocked until it may begin. After
a fork, each page that the parent writes to costs the parent a page fault, which is half of what a fork costs
it. Several forks in a row share these faults, and no core stands idle while the next job is forked. A
pre-forked job has not begun. The node can kill and forget it, and it ends when its node is gone.

The end of a job is more than reaping it. What it left behind is killed first (`orphans`). So its output is
complete, and no process writes into the files of the next job.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import deque

from ppg_exec.job_output.report_socket import CANNOT_REPORT, close_descriptors
from ppg_exec.node.orphans import Orphans
from ppg_exec.node.temporary_folders import remove_folder
from ppg_exec.transport.node_messages import TaskEnded, TasksRecalled, TaskStarted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage

    from ppg_exec.node.children import JobProcesses
    from ppg_exec.node.node_task import NodeJob
    from ppg_exec.transport.channel import Channel
    from ppg_exec.transport.node_messages import FromNode, ToNode

__all__ = ["TaskTable"]

_GRACE = 5.0  # seconds between SIGTERM and SIGKILL for a job that has timed out
_LONGEST_WAIT = 86_400.0  # seconds; epoll takes no more than 24 days
_PATIENCE = 10.0  # seconds for which the report of a job waits for orphans that cannot be killed
_MOST_PREFORKED = 8
_DESCRIPTORS_PER_PREFORKED = 8  # five for the process, and the rest in reserve


class TaskTable:
    """TaskTable: holds the jobs of one node, from the message that brings a job to the report of its end.

    Args:
        channel: to the controller.
        processes: forks the job processes, and waits for them.

    """

    def __init__(self, channel: Channel[FromNode, ToNode], processes: JobProcesses) -> None:
        self.orphans: Orphans = Orphans(processes.keep)
        self.resident: int = 0
        """Bytes that a fork has resident from the start."""
        self._channel = channel
        self._processes = processes
        self._by_number: dict[int, NodeJob] = {}
        self._ready: deque[NodeJob] = deque()
        self._ahead: deque[NodeJob] = deque()
        self._preforked: dict[int, NodeJob] = {}
        self._running: dict[int, NodeJob] = {}
        self._ending: list[NodeJob] = []
        self._deadlines: list[tuple[float, int, int]] = []
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most_preforked = max(
            0, min(_MOST_PREFORKED, limit // _DESCRIPTORS_PER_PREFORKED - _MOST_PREFORKED)
        )

    # ---- messages of the controller

    def add(self, job: NodeJob, *, go: bool) -> None:
        """Take a job that may start (`go`), or a job that waits for its turn."""
        self._by_number[job.number] = job
        if go:
            self._ready.append(job)
        else:
            self._ahead.append(job)

    def go(self, number: int) -> None:
        """Let a job start that was sent ahead."""
        job = self._by_number.get(number)
        if job is not None and job in self._ahead:
            self._ahead.remove(job)
            self._ready.append(job)

    def recall(self, numbers: list[int]) -> None:
        """Give back to the controller those of these jobs that have not begun."""
        given = [job for job in self._ahead if job.number in numbers]
        for job in given:
            self._ahead.remove(job)
            self._discard_process(job)
            del self._by_number[job.number]
        self._channel.put(TasksRecalled([job.number for job in given]))

    def end(self, number: int, grace: float, why: str) -> None:
        """End a job before its time: SIGTERM, and SIGKILL after `grace` seconds."""
        job = self._by_number.get(number)
        if job is None:
            return
        job.expected = job.expected or why
        for line in (self._ahead, self._ready):
            if job in line:
                line.remove(job)
                self._discard_process(job)
                self._conclude(job)
                return
        if job.pid in self._running:
            _signal(job.pid, signal.SIGTERM)
            self._deadlines.append((time.monotonic() + grace, number, signal.SIGKILL))

    # ---- starting

    def start_ready(self) -> None:
        """Start the jobs that may start."""
        while self._ready:
            job = self._ready.popleft()
            # The clock is read first: on a busy machine, a short job may end before the node goes on.
            started = time.monotonic()
            if job.pid:
                del self._preforked[job.pid]
                self._processes.begin(job)
            elif cause := self._processes.fork(job, preforked=False):
                self._conclude(job, refusal=cause)
                continue
            job.started = started
            job.call = None
            self._running[job.pid] = job
            self._channel.put(TaskStarted(job.number, job.pid, time.time()))
            if job.timeout is not None:
                self._deadlines.append((job.started + job.timeout, job.number, signal.SIGTERM))

    def prefork(self) -> None:
        """Fork the next jobs that were sent ahead, several in a row, if few of them are pre-forked."""
        if len(self._preforked) > self._most_preforked // 4:
            return
        for job in self._ahead:
            if job.pid or job.has_lost_prefork:
                continue
            if len(self._preforked) >= self._most_preforked or self._processes.fork(job, preforked=True):
                return
            self._preforked[job.pid] = job

    def discard_preforked(self) -> None:
        """Discard all pre-forked processes before the node changes; later forks have its new state."""
        for job in list(self._preforked.values()):
            self._discard_process(job)

    def _discard_process(self, job: NodeJob) -> None:
        """End the process of a job that has not begun, if it has one."""
        if job.pid:
            self._has_ended(job.pid, *self._processes.kill(job.pid))
            job.has_lost_prefork = False

    # ---- ending

    def reap(self, descriptor: int) -> None:
        """Wait for a process that has ended; `go_on` reports it."""
        self._has_ended(*self._processes.wait(descriptor))

    def _has_ended(self, pid: int, status: int, usage: struct_rusage | None) -> None:
        self.orphans.forget(pid)
        job = self._running.pop(pid, None)
        if job is not None:
            job.status = status
            job.ended = time.monotonic()
            self._read_report(job)
            if usage is not None:
                # Memory that a fork has resident from the start is the node's.
                own = max(0, usage.ru_maxrss * 1024 - self.resident)
                job.usage = (usage.ru_utime, usage.ru_stime, own)
            self._ending.append(job)
        elif (waiting := self._preforked.pop(pid, None)) is not None:
            # The process ended before its job began, so the job is forked again only when its turn comes.
            assert waiting.output is not None
            assert waiting.reports is not None
            self._processes.files.release(waiting.output, reuse=True)
            waiting.reports.close()
            waiting.output, waiting.reports, waiting.pid = None, None, 0
            waiting.has_lost_prefork = True

    def go_on(self) -> None:
        """Report the jobs that have ended, and end those that have timed out."""
        if self._ending:
            self._finish_ending()
        if self._deadlines:
            self._enforce_deadlines()

    def patience(self) -> float | None:
        """Seconds until `go_on` is due even if nothing happens; None if it is not."""
        if self._deadlines:
            soon = min(max(0.0, min(self._deadlines)[0] - time.monotonic()), _LONGEST_WAIT)
        elif not self._ending:
            return None
        else:
            soon = _PATIENCE
        return min(soon, _PATIENCE / 10) if self._ending else soon

    def _finish_ending(self) -> None:
        # While an orphan of these jobs still has to be killed, none of them is reported.
        for pid in self.orphans.look({job.pid for job in self._ending}, self._running, self._preforked):
            self._processes.watch(pid)
        if self.orphans.kill(self._running) and time.monotonic() < self._ending[0].ended + _PATIENCE:
            return
        for job in self._ending:
            self._finish(job)
        self._ending.clear()

    def _read_report(self, job: NodeJob) -> None:
        """Read what the process of a job has reported before it ended; nothing if it did not end well."""
        assert job.reports is not None
        report, job.cause = job.reports.read(job.pid)
        job.reports.close()
        job.reports = None
        if report is not None:
            job.differing = report.differing
        if report is None:
            if job.status == CANNOT_REPORT << 8 and job.cause is None:
                job.cause = (
                    "it had closed, replaced or filled the descriptor through which it was to report its end: "
                    "let it close only what it opened"
                )
        elif job.status == 0:
            job.report, job.uses, job.ended = report.report, report.uses, report.when
        else:
            close_descriptors(report.report, report.uses)

    def _finish(self, job: NodeJob) -> None:
        output = job.output
        assert output is not None
        # The files are not used again if a daemon of unknown origin may still write to them, or if the job died
        # and may have left its turn unread.
        stdout, stderr = self._processes.files.release(
            output, reuse=not self.orphans and job.report is not None
        )
        if job.temporary is not None and (problem := remove_folder(job.temporary)):
            job.warnings = (*job.warnings, problem)
        successor = None
        if job.cores == 1 and self._ahead:
            successor = self._ahead.popleft()
            self._ready.append(successor)
        self._conclude(job, stdout, stderr, successor=successor)

    def _conclude(
        self,
        job: NodeJob,
        stdout: bytes | int = b"",
        stderr: bytes | int = b"",
        *,
        refusal: str = "",
        successor: NodeJob | None = None,
    ) -> None:
        del self._by_number[job.number]
        self.report_end(job, stdout, stderr, refusal=refusal, successor=successor)

    def report_end(
        self,
        job: NodeJob,
        stdout: bytes | int = b"",
        stderr: bytes | int = b"",
        *,
        refusal: str = "",
        successor: NodeJob | None = None,
    ) -> None:
        """Report the end of a job or a load to the controller. Descriptors then belong to the channel."""
        ended = job.ended or time.monotonic()
        wall = ended - job.started if job.started else 0.0
        self._channel.put(
            TaskEnded(
                number=job.number,
                successor=successor.number if successor else 0,
                status=job.status,
                usage=(wall, *job.usage),
                report=job.report,
                uses=job.uses,
                refusal=refusal,
                stdout=stdout,
                stderr=stderr,
                expected=job.expected,
                cause=job.cause,
                warnings=job.warnings,
                differing=job.differing,
            )
        )

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        due = sorted(deadline for deadline in self._deadlines if deadline[0] <= now)
        self._deadlines = [
            deadline for deadline in self._deadlines if deadline[0] > now and deadline[1] in self._by_number
        ]
        for _, number, which in due:
            job = self._by_number.get(number)
            if job is None or job.pid not in self._running:
                continue
            if which == signal.SIGTERM:
                self.end(number, _GRACE, "timed out")
            else:
                _signal(job.pid, signal.SIGKILL)

    def spare_new_children(self) -> None:
        """Keep, after a load, the children that the load has started, because jobs may use them."""
        self.orphans.spare_new_children({*self._running, *(job.pid for job in self._ending)})

    def end_everything(self) -> None:
        """Kill every process beneath the node, because there may be no forkserver left to do it."""
        self.orphans.end_everything()


def _signal(pid: int, which: signal.Signals) -> None:
    # The node has not waited for the job, so the pid is its own. The job may not have its own session yet.
    try:
        os.killpg(pid, which)
    except ProcessLookupError:
        os.kill(pid, which)
