"""Report socket: carries the report of one job process to the node.

A report counts only if it comes from the process of the job. A callback may fork, and the copy may return from
the callback by mistake; programs that it starts may inherit its descriptors. So each job has a socket pair for
itself, and the kernel adds the pid of the sender to each packet. The node reads the socket when the job has
ended, and drops packets of other processes. A packet of the job that is no report is a mistake of its callback,
which has written into a descriptor that is not its own; then the job has failed.

    packet = token of the node | encoded `JobReport`

Only ppg's code in forks of the node has the token. So no bytes of user code pass for a report by chance, and
the node decodes no others. The socket does not block, so a callback that fills it gets an error, and ends.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import socket
import sys
import time
from collections import deque

from ppg_exec.job_output.output_files import unlinked_file
from ppg_exec.transport.messages import UnexpectedMessage, decode, encode
from ppg_exec.transport.node_messages import FROM_JOB, JobReport, encoded_job_report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ppg_exec.job_output.own_descriptors import OwnDescriptors

__all__ = ["CANNOT_REPORT", "ReportSocket", "close_descriptors", "new_token"]

CANNOT_REPORT = 197
"""Exit code of a job that has closed, replaced or filled the descriptor for its report."""

_FIRST_OTHER = 3
"""The lowest descriptor that is no standard stream."""
_PACKET = 1 << 13
_CREDENTIALS = 12  # bytes of a `struct ucred`: pid, uid, gid
# Room for the credentials and two descriptors. The kernel drops further descriptors.
_ANCILLARY = socket.CMSG_SPACE(_CREDENTIALS) + socket.CMSG_LEN(8)
# The class of `socket`, and its enumerations, run Python code, with pages that each fork then copies.
_FAMILY = int(socket.AF_UNIX)
_KIND = int(socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
_CLOEXEC = int(socket.MSG_CMSG_CLOEXEC)
_CUT_OFF = int(socket.MSG_TRUNC | socket.MSG_CTRUNC)
# The kernel gives each socket a different cookie. Unlike fstat, reading it touches hardly any memory.
_SO_COOKIE = 57


_SENT = {bytes, int}
"""What a part of a report may be: itself, or the descriptor of its file."""


def new_token() -> bytes:
    """The bytes in front of each report of one node."""
    return os.urandom(16)


class ReportSocket:
    """ReportSocket: connects one job process with its node.

    Args:
        token: the node's token.
        own: keeps the node's end.
        directory: where unlinked files go.

    """

    __slots__ = ("_directory", "_identity", "_own", "_receiver", "_sender", "_token")

    def __init__(self, token: bytes, own: OwnDescriptors, directory: str) -> None:
        receiver, self._sender = _socket.socketpair(_FAMILY, _KIND)
        try:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            if self._sender.fileno() < _FIRST_OTHER:
                # User code has closed a standard stream of the node, which the job replaces.
                number = fcntl.fcntl(self._sender.detach(), fcntl.F_DUPFD_CLOEXEC, _FIRST_OTHER)
                self._sender = _socket.socket(_FAMILY, _KIND, 0, number)
            self._identity = self._sender.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8)
            self._receiver = own.keep(receiver.detach())
        except OSError:
            receiver.close()
            self._sender.close()
            raise
        self._token = token
        self._own = own
        self._directory = directory

    # ---- in the node

    def forked(self) -> None:
        """Close the end of the job, in the node, once the job process has its copy."""
        self._sender.close()

    def close(self) -> None:
        """Close the node's end."""
        self._own.close(self._receiver)

    def read(self, pid: int) -> tuple[JobReport | None, str | None]:
        """Return the report of process `pid`, which has ended, or None with what was wrong with it, if known.

        A descriptor in the report belongs to the caller.
        """
        receiver = _socket.socket(_FAMILY, _KIND, 0, self._receiver)
        # What the job has left behind could send faster than the node reads.
        receiver.shutdown(socket.SHUT_RD)
        report: JobReport | None = None
        problem: str | None = None
        try:
            while True:
                try:
                    data, ancillary, flags, _ = receiver.recvmsg(2 * _PACKET, _ANCILLARY, _CLOEXEC)
                except BlockingIOError:
                    break
                if not ancillary:
                    break  # the end: each packet has the credentials of its sender
                sender, descriptors = _sender_and_descriptors(ancillary)
                found: JobReport | None = None
                if sender == pid:
                    found = self._report(data, flags, descriptors)
                    if found is None:
                        problem = f"{len(data)} bytes arrived that are no report"
                for descriptor in descriptors:
                    os.close(descriptor)
                if found is not None:
                    _drop(report)
                    report = found
        finally:
            receiver.detach()
        if problem is None:
            return report, None
        _drop(report)
        return None, (
            f"its callback wrote into a descriptor that is not its own ({problem}). "
            "Use only descriptors that the callback has opened itself, or that a load has opened for it"
        )

    def _report(self, data: bytes, flags: int, descriptors: deque[int]) -> JobReport | None:
        if not data.startswith(self._token) or flags & _CUT_OFF:
            return None
        try:
            report = decode(memoryview(data)[len(self._token) :], FROM_JOB, descriptors)
        except (ValueError, EOFError, TypeError, IndexError, UnexpectedMessage):
            return None
        # True is an int, too, and as a descriptor it would be a stream of the node.
        types = [type(report.when), type(report.differing), {type(report.report), type(report.uses)} <= _SENT]
        if types == [float, tuple, True]:
            return report
        for each in (report.report, report.uses):
            if type(each) is int:
                os.close(each)
        return None

    # ---- in the job process

    def write_files_to(self, directory: str) -> None:
        """Let the file of a long report go to another folder, because a confined job can write nowhere else."""
        self._directory = directory

    def send(self, report: bytes, uses: bytes, differing: tuple[tuple[str, str], ...]) -> None:
        """Send the encoded report, the encoded uses of files, and the names that differ here.

        Raises OSError if there is no room for the report.
        """
        when = time.monotonic()
        if not self._is_intact():
            os._exit(CANNOT_REPORT)
        if len(report) + len(uses) <= _PACKET:
            self._send(encoded_job_report(when, report, uses, differing), ())
            return
        sent = report if len(report) <= _PACKET // 2 else self._file(report)
        try:
            used: bytes | int = uses if len(uses) <= _PACKET // 2 else self._file(uses)
        except OSError as error:
            from ppg_exec.tracking.wire import encode as encode_uses  # noqa: PLC0415 - only then

            used = encode_uses(
                {}, f"the list of the files that it has used cannot be written: {error.strerror}"
            )
        self._send(*encode(JobReport(when, sent, used, differing)))

    def _file(self, content: bytes) -> int:
        """An unlinked file with this content. Raises OSError."""
        descriptor = unlinked_file(self._directory)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _send(self, packet: bytes, descriptors: tuple[int, ...]) -> None:
        rights = b"".join(each.to_bytes(4, sys.byteorder) for each in descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
        try:
            self._sender.sendmsg([self._token, packet], ancillary)
        except OSError:
            # The callback has shut the socket down, or filled it.
            os._exit(CANNOT_REPORT)

    def _is_intact(self) -> bool:
        try:
            return self._sender.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8) == self._identity
        except OSError:
            return False


def _sender_and_descriptors(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, deque[int]]:
    """The pid of the sender of a packet, and the descriptors that came with it."""
    pid = 0
    descriptors: deque[int] = deque()
    for _, kind, data in ancillary:
        if kind == socket.SCM_CREDENTIALS:
            pid = int.from_bytes(data[:4], sys.byteorder)
        else:
            for start in range(0, len(data) - len(data) % 4, 4):
                descriptors.append(int.from_bytes(data[start : start + 4], sys.byteorder))
    return pid, descriptors


def _drop(report: JobReport | None) -> None:
    if report is not None:
        close_descriptors(report.report, report.uses)


def close_descriptors(*sent: bytes | int | None) -> None:
    """Close those of these parts of a report that are descriptors."""
    for each in sent:
        if isinstance(each, int):
            os.close(each)
