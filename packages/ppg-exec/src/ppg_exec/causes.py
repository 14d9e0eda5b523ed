"""Why a process probably died, in words, from its wait status and what the kernel counts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from .tasks import Died

__all__ = ["OomCounter", "died"]

_SIGNALS = {
    signal.SIGSEGV: "a segmentation fault: a bug in native code that it called",
    signal.SIGBUS: "a bus error: a file that it had mapped became shorter, or a disk or /dev/shm is full",
    signal.SIGABRT: "an abort: native code found itself in a state that it cannot go on from",
    signal.SIGFPE: "an arithmetic error in native code",
    signal.SIGILL: "an illegal instruction: native code built for another processor",
    signal.SIGKILL: "somebody killed it: often a batch system, or an administrator",
    signal.SIGTERM: "somebody asked it to end",
    signal.SIGXCPU: "its limit of processor time was reached (ulimit -t)",
    signal.SIGXFSZ: "its limit of file size was reached (ulimit -f)",
}


class OomCounter:
    """Notices whether the kernel's out-of-memory killer has struck since the last look."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._sources = [root / "sys/fs/cgroup/memory.events", root / "proc/vmstat"]
        self._seen = self._count()

    def has_struck(self) -> bool:
        """Whether it killed something, here or elsewhere on the machine, since this was asked last."""
        count = self._count()
        struck = count > self._seen
        self._seen = count
        return struck

    def _count(self) -> int:
        total = 0
        for source in self._sources:
            try:
                lines = source.read_text(encoding="ascii").splitlines()
            except OSError:
                continue  # this kernel, or this container, does not show it
            total += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return total


def died(status: int, cause: str | None, oom: OomCounter) -> Died:
    """What a wait status says; `cause` is what is known already."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        if cause is None:
            cause = (
                "it left with sys.exit() or os._exit() instead of returning: to fail, let the callback raise an exception"
                if code
                else "it left with sys.exit() or os._exit(0) instead of returning: return from the callback"
            )
        return Died(code, None, cause)
    number = -code
    if number == signal.SIGKILL and oom.has_struck():
        return Died(
            None, number,
            "the kernel killed it because memory ran out: state its memory_needed, or use a larger machine",
            of_memory=True,
        )  # fmt: skip
    try:
        known = signal.Signals(number)
    except ValueError:
        return Died(None, number, cause or f"signal {number}")
    return Died(None, number, cause or _SIGNALS.get(known, f"signal {known.name}"))
