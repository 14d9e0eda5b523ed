"""Loads: what runs in the compute node itself, so that every later fork finds it.

Output goes to files as a job's does. The working directory and the umask are restored, as the next load, and
every job, expects its own. A load can be interrupted: SIGURG, which means nothing to a process that does not
handle it, raises `Interrupted` in it. If it is in native code, that waits; then the controller has the node replaced.

Forks of a node with much loaded data stay cheap by huge pages under it, which `collapse` asks the kernel for.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
import sys

from ppg_exec.linux import libc
from ppg_exec.node.results import describe_exception, encode_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ppg_exec.node.output_files import OutputFiles
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
"""Bytes by which a process should have grown before `collapse` pays."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_HUGE = 2 << 20
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25
_SPECIAL = (b"[stack]", b"[vdso]", b"[vvar]", b"[vsyscall]")


class Interrupted(BaseException):
    """The load, or the inline task, was cancelled, or its time is up. Not an Exception, lest it is swallowed."""


def run_load(
    call: Callable[[], Any],
    output: OutputFiles,
    table: IdentityTable,
    directory: str | None,
    *,
    is_unload: bool,
) -> tuple[bytes | None, int]:
    """Run a load in this process: its encoded report, or None and a wait status if it left."""
    kept = (os.dup(1), os.dup(2))
    # The node changes its directory for nobody else, so any change is the load's.
    home = os.getcwd()  # noqa: PTH109 - lean
    mask = os.umask(0o22)
    os.umask(mask)
    status = 0
    report: bytes | None = None
    before = signal.signal(INTERRUPT, _interrupt)
    try:
        try:
            # The output of a load that takes the node with it is lost; where it was is not.
            faulthandler.enable(kept[1])
            os.dup2(output.stdout, 1)
            os.dup2(output.stderr, 2)
            if directory is not None:
                os.chdir(directory)
            report = encode_value(call(), table)
        except SystemExit as leaving:
            status = (leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)) & 0xFF
            status <<= 8
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this load's end
            report = describe_exception(error, table)
        finally:
            signal.signal(INTERRUPT, before)
    except Interrupted as late:
        # It came between the load's end and here.
        report = report or describe_exception(late, table)
        signal.signal(INTERRUPT, before)
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # the load has closed or replaced one
        os.dup2(kept[descriptor - 1], descriptor)
    faulthandler.enable(2)
    os.close(kept[0])
    os.close(kept[1])
    os.chdir(home)
    os.umask(mask)
    if is_unload:
        # What was loaded may be in cycles, and was frozen after loading.
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
    """Put huge pages under this process's data; how many bytes, 0 where the kernel does not do it."""
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
