"""Job process: runs one call, from the fork to the end of the process.

    own session → own output files → (wait for permission) → function → after → report → os._exit

The report is the message `JobReport`, one packet on a socket that all job processes share with the node. A
report that is too long for a packet goes to an unlinked file, and its descriptor goes with the message. A
process that ends without a report has died, and its wait status says how.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import time
from collections import deque

from ppg_exec.linux import die_with, flush_c_stdio
from ppg_exec.node.output_files import unlinked_file
from ppg_exec.node.results import describe_exception, encode_value
from ppg_exec.transport.messages import (
    FROM_JOB,
    JobReport,
    UnexpectedMessage,
    decode,
    encode,
    encoded_job_report,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ppg_exec.node.output_files import OutputFiles
    from ppg_exec.pickling.receive import IdentityTable

__all__ = ["UNREPORTED", "Reports", "run_job"]

UNREPORTED = 197
"""Exit code of a job that has closed or replaced the descriptor for its report."""

_PACKET = 1 << 13
# The kernel gives each socket a different cookie. Unlike fstat, reading it touches hardly any memory.
_SO_COOKIE = 57


class Reports:
    """Reports: carries the reports of all job processes to the node; packets arrive whole."""

    __slots__ = ("_directory", "_identity", "_receiver", "_sender")

    def __init__(self, directory: str) -> None:
        self._receiver, self._sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._receiver.setblocking(False)
        self._directory = directory
        self._identity = self._sender.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8)

    def fileno(self) -> int:
        """The descriptor on which the node waits."""
        return self._receiver.fileno()

    def receive(self) -> list[JobReport]:
        """Return all reports that have arrived, in the node; their descriptors belong to the caller."""
        reports: list[JobReport] = []
        while True:
            try:
                data, ancillary, _, _ = self._receiver.recvmsg(
                    2 * _PACKET, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return reports
            descriptors = deque(int.from_bytes(rights[:4], sys.byteorder) for _, _, rights in ancillary)
            try:
                reports.append(decode(data, FROM_JOB, descriptors))
            except (ValueError, EOFError, TypeError, UnexpectedMessage):
                # A callback has written to a descriptor that is not its own, so this is no report. How the job
                # ended depends on whether its real report arrives.
                for descriptor in descriptors:
                    os.close(descriptor)

    def send(self, number: int, report: bytes) -> None:
        """Send the encoded report, in a job process. Raises OSError if there is no room for a long one."""
        when = time.monotonic()
        if not self._is_intact():
            os._exit(UNREPORTED)
        if len(report) <= _PACKET:
            self._sender.send(encoded_job_report(number, when, report))
            return
        descriptor = unlinked_file(self._directory)
        rest = memoryview(report)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        packet, descriptors = encode(JobReport(number, when, descriptor))
        socket.send_fds(self._sender, [packet], descriptors)

    def _is_intact(self) -> bool:
        try:
            return self._sender.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8) == self._identity
        except OSError:
            return False


def run_job(
    number: int,
    call: Callable[[], Any],
    output: OutputFiles,
    reports: Reports,
    table: IdentityTable,
    *,
    lean: int,
    directory: str | None,
    environment: tuple[tuple[str, str], ...],
    node: int,
    preforked: bool,
) -> NoReturn:
    """Run `call` as a job in this process, which was just forked for it, and end the process.

    Each page that is touched here costs a page fault, and a short job consists of little else. Hence plain
    system calls instead of the more convenient functions around them.

    `lean` is the number of modules that the node had loaded when it started. `node` is the pid of the node;
    this process ends when the node ends. A `preforked` job waits for permission to begin.
    """
    code = 1
    try:
        try:
            try:
                die_with(node)
                os.setsid()
                os.dup2(output.stdout, 1)
                os.dup2(output.stderr, 2)
                for name, setting in environment:
                    os.environ[name] = setting
                if directory is not None:
                    os.chdir(directory)
                _reseed()
                # Freeze what the node has, because each object that a collection visits copies its page.
                gc.freeze()
                gc.enable()
            finally:
                # A job that failed before reads its turn, too: an unread turn would release the next job that
                # uses these files.
                if preforked:
                    os.eventfd_read(output.turn)
            report = encode_value(call(), table)
            _flush(lean)
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - any exception is the end of this job
            report = describe_exception(error, table)
            _flush_what_can_be(lean)
        try:
            reports.send(number, report)
        except OSError as error:
            reports.send(number, describe_exception(error, table))
        code = 0
    except SystemExit as leaving:
        code = _exit_code(leaving)
        _flush_what_can_be(lean)
    finally:
        os._exit(code)


def _reseed() -> None:
    # `random` reseeds itself after a fork. Numpy's global generator would give the same numbers in every job.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _flush(lean: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    _flush_native(lean)


def _flush_what_can_be(lean: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the job has closed or replaced it, or the disk is full; how the job ended is known already
    _flush_native(lean)


def _flush_native(lean: int) -> None:
    # Only modules beyond those of the node can have printed from native code. The call touches so many
    # pages that it would slow a short job.
    if len(sys.modules) != lean:
        flush_c_stdio()


def _exit_code(leaving: SystemExit) -> int:
    # The interpreter maps SystemExit to an exit code in the same way.
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    os.write(2, f"{leaving.code}\n".encode(errors="backslashreplace"))
    return 1
