"""Loads: runs loads in the compute node itself, so that every later fork has what they loaded.

Output goes to files, as that of a job does. The working directory, the umask and the standard streams are restored,
because the next load and every job start from the node's own. SIGURG interrupts a load: it raises `Interrupted`. A
process that does not handle SIGURG ignores it. Native code delays the exception; then the controller has the
node replaced.

Huge pages under loaded data keep forks cheap. `collapse` asks the kernel for them.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal

from ppg_exec.job_output.results import TOO_LONG, describe_exception, encode_value
from ppg_exec.job_output.streams import StandardStreams, flush_streams
from ppg_exec.linux import libc
from ppg_exec.names.loaded_names import Bindings
from ppg_exec.transport.channel import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ppg_exec.job_output.output_files import OutputFiles
    from ppg_exec.pickling.receive import IdentityTable

__all__ = [
    "INTERRUPT",
    "WORTHWHILE",
    "Interrupted",
    "collapse",
    "collapsible",
    "resident_memory",
    "run_load",
]

INTERRUPT = signal.SIGURG
WORTHWHILE = 32 << 20
"""Bytes by which a process must have grown before `collapse` pays."""

# The report of a load travels in a message, beside what it has printed.
_LONGEST_REPORT = LONGEST - (1 << 20)
_PAGE = os.sysconf("SC_PAGE_SIZE")
_HUGE = 2 << 20
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25
_SPECIAL = (b"[stack]", b"[vdso]", b"[vvar]", b"[vsyscall]")


class Interrupted(BaseException):
    """Interrupted: ends a load, or an inline task, that was cancelled or has timed out.

    It is not an Exception, so that `except Exception` in a callback does not swallow it.
    """


def run_load(
    call: Callable[[], Any],
    output: OutputFiles,
    table: IdentityTable,
    directory: str | None,
    *,
    is_unload: bool,
) -> tuple[bytes | None, int]:
    """Run a load in this process; returns its encoded report, or None and a wait status if it left."""
    kept = (os.dup(1), os.dup(2))
    streams = StandardStreams(keep_descriptors=False)
    # The node never changes its own directory, so any change is the load's.
    home = os.getcwd()  # noqa: PTH109 - lean
    mask = os.umask(0o22)
    os.umask(mask)
    status = 0
    report: bytes | None = None
    bindings = Bindings(table.namespaces())
    before = signal.signal(INTERRUPT, _interrupt)
    try:
        try:
            # A load that crashes the node loses its output, but faulthandler prints where it was to the node's stderr.
            faulthandler.enable(kept[1])
            os.dup2(output.stdout, 1)
            os.dup2(output.stderr, 2)
            if directory is not None:
                os.chdir(directory)
            report = encode_value(call(), table)
            if len(report) > _LONGEST_REPORT:
                report = None
                raise ValueError(TOO_LONG)  # noqa: TRY301 - as for a job
        except SystemExit as leaving:
            status = (leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)) & 0xFF
            status <<= 8
        except BaseException as error:  # noqa: BLE001 - any exception is the end of this load
            report = describe_exception(error, table)
        finally:
            signal.signal(INTERRUPT, before)
    except Interrupted as late:
        # The signal came after the load had ended, before its handler was removed.
        report = report or describe_exception(late, table)
        signal.signal(INTERRUPT, before)
    bindings.keep_changes()
    flush_streams()  # the disk may be full; how the load ended is known already
    for descriptor in (1, 2):
        os.dup2(kept[descriptor - 1], descriptor)
    streams.restore()
    faulthandler.enable(2)
    os.close(kept[0])
    os.close(kept[1])
    os.chdir(home)
    os.umask(mask)
    if is_unload:
        # Loaded objects may be in cycles, and were frozen after loading.
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    return report, status


def resident_memory() -> int:
    """Bytes of memory that this process has resident."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - lean
        return int(file.read().split()[1]) * _PAGE


def collapsible(maps: bytes) -> list[tuple[int, int]]:
    """The ranges (start, end), aligned to huge pages, of the private anonymous areas in a /proc/…/maps."""
    ranges = []
    for line in maps.splitlines():
        fields = line.split(None, 5)
        name = fields[5] if len(fields) > 5 else b""
        if fields[1] != b"rw-p" or fields[4] != b"0" or name.startswith(_SPECIAL):
            continue
        low, _, high = fields[0].partition(b"-")
        start = (int(low, 16) + _HUGE - 1) // _HUGE * _HUGE
        end = int(high, 16) // _HUGE * _HUGE
        if end > start:
            ranges.append((start, end))
    return ranges


def collapse() -> int:
    """Put huge pages under this process's data; returns how many bytes, 0 if the kernel cannot."""
    with open("/proc/self/maps", "rb") as file:  # noqa: PTH123 - lean
        ranges = collapsible(file.read())
    madvise = libc().madvise
    done = 0
    for start, end in ranges:
        address, size = ctypes.c_void_p(start), ctypes.c_size_t(end - start)
        madvise(address, size, _MADV_HUGEPAGE)
        if madvise(address, size, _MADV_COLLAPSE) == 0:
            done += end - start
    return done


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise Interrupted
