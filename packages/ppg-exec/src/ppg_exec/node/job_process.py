"""Job process: runs one call, from the fork to the end of the process.

    own session → own output files → (wait for permission) → function → after → report → os._exit

The report is the message `JobReport`, one packet on the job's own `ReportSocket`. A report that is too long for
a packet goes to an unlinked file, and its descriptor goes with the message. A process that ends without a
report has died, and its wait status says how.

A callback may fork, and forget to end the copy. The copy then returns from the callback as the job does. It
ends at once, because only the process of the job goes on to look at outputs and to report.
"""

from __future__ import annotations

import gc
import os
import sys

from ppg_exec.job_output.results import describe_exception, encode_value
from ppg_exec.job_output.streams import flush_streams
from ppg_exec.linux import die_with, flush_c_stdio
from ppg_exec.node.temporary_folders import enter_temporary_folder
from ppg_exec.resources.task_tokens import enter_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ppg_exec.job_output.output_files import OutputFiles
    from ppg_exec.job_output.own_descriptors import OwnDescriptors
    from ppg_exec.job_output.report_socket import ReportSocket
    from ppg_exec.pickling.receive import IdentityTable
    from ppg_exec.tracking.hook import TrackedTask

__all__ = ["run_job"]

MOST_NAMES = 100
"""Names that a job reports as differing; they travel in one packet."""

_exit = os._exit
"""The function itself, because a callback may replace the one of the module."""


def run_job(
    call: Callable[[], Any],
    output: OutputFiles,
    reports: ReportSocket,
    own: OwnDescriptors,
    table: IdentityTable,
    tracked: TrackedTask | None,
    *,
    lean: int,
    directory: str | None,
    environment: tuple[tuple[str, str], ...],
    temporary: str | None,
    node: int,
    preforked: bool,
) -> NoReturn:
    """Run `call` as a job in this process, which was just forked for it, and end the process.

    Each page that is touched here costs a page fault, and a short job consists of little else. Hence plain
    system calls instead of the more convenient functions around them.

    `tracked` has the notes of the files that `call` uses. `lean` is the number of modules that the node has loaded for
    itself. `temporary` is its own folder for temporary files, if it has one. `node` is the pid of the node;
    this process ends when the node ends. A `preforked` job waits for permission to begin.
    """
    code = 1
    raised: BaseException | None = None
    try:
        try:
            try:
                die_with(node)
                os.setsid()
                os.dup2(output.stdout, 1)
                os.dup2(output.stderr, 2)
                enter_environment(environment)
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
                own.close_all()
            if temporary is not None:
                reports.write_files_to(temporary)
                enter_temporary_folder(temporary)
            report = encode_value(call(), table)
            _flush(lean)
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - any exception is the end of this job
            raised = error
            report = describe_exception(error, table)
            _flush_what_can_be(lean)
        uses = b"" if tracked is None else tracked.encoded()
        try:
            reports.send(report, uses, () if table.names is None else table.names.differing[:MOST_NAMES])
        except OSError as error:
            # There is no file for a long report; the callback may have used up all descriptors.
            reports.send(describe_exception(raised or error, table, briefly=True), uses, ())
        code = 0
    except SystemExit as leaving:
        code = _exit_code(leaving)
        _flush_what_can_be(lean)
    finally:
        _exit(code)


def _reseed() -> None:
    # `random` reseeds itself after a fork. Numpy's global generator would give the same numbers in every job.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _flush(lean: int) -> None:
    failed = flush_streams()
    if failed is not None:
        raise failed
    _flush_native(lean)


def _flush_what_can_be(lean: int) -> None:
    flush_streams()  # the disk may be full; how the job ended is known already
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
