"""Keeping forks of a node with much loaded data cheap: huge pages under it.

A fork copies the page tables. Behind 1.4 GB of Python objects there are 350,000 entries for pages of 4 KiB, 72 ms
a fork; the same data in pages of 2 MiB needs 700, and then a fork takes 3 to 4 ms (`docs/executor.md` tells how
this was measured). The allocator of Python asks for nothing of the kind, so after each load that made the process
grow, the kernel is told to collapse the big private anonymous areas (`MADV_COLLAPSE`, Linux 6.1); where it cannot,
to do so in the background (`MADV_HUGEPAGE`).

It costs once, about a second for each GB, and memory: up to 2 MiB for each area.
"""

from __future__ import annotations

import ctypes

from .linux import libc

__all__ = ["WORTHWHILE", "collapse", "collapsible"]

_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25
_HUGE = 2 << 20
WORTHWHILE = 32 << 20
"""Bytes by which a process should have grown before `collapse` pays."""
_SPECIAL = (b"[stack]", b"[vdso]", b"[vvar]", b"[vsyscall]")


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
