"""Machine: finds how many cores and how much memory this process was given, not what the machine has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

__all__ = ["available_cores", "available_memory", "part_of_machine"]

_UNLIMITED = 1 << 60


def available_cores(root: Path = Path("/")) -> int:
    """The smallest of: the cgroup's quota, Slurm's grant on this node, the affinity mask.

    At least 1. `root` is where /proc and /sys are.
    """
    limits: list[float] = [len(os.sched_getaffinity(0))]
    granted = os.environ.get("SLURM_CPUS_ON_NODE", "")
    if granted.isdecimal():
        limits.append(int(granted))
    limits.extend(_cgroup_quotas(root))
    return max(1, math.floor(min(limits)))


def part_of_machine() -> str:
    """A name for the cores that this process may use; empty if these are all of the machine.

    Two allocations of a batch system on one machine have cores of their own, and so names of their own.
    """
    parts = []
    affinity = sorted(os.sched_getaffinity(0))
    if len(affinity) < (os.cpu_count() or 1):
        parts.append(f"cores {affinity}")
    if os.environ.get("SLURM_CPUS_ON_NODE", "").isdecimal():
        parts.append(f"Slurm {os.environ.get('SLURM_JOB_ID', '')}")
    return f"{crc32(' '.join(parts).encode(errors='surrogateescape')):08x}" if parts else ""


def available_memory(root: Path = Path("/")) -> int:
    """Bytes: the smallest of the cgroup's limit, Slurm's grant, the machine's memory."""
    page = os.sysconf("SC_PAGE_SIZE")
    limits = [page * os.sysconf("SC_PHYS_PAGES")]
    granted = os.environ.get("SLURM_MEM_PER_NODE", "")
    if granted.isdecimal() and int(granted):
        limits.append(int(granted) << 20)  # Slurm counts in MiB
    limits.extend(_cgroup_memory(root))
    return min(limits)


def _cgroup_quotas(root: Path) -> Iterator[float]:
    """Cores by quota ÷ period of every cgroup that this process is in, and of those above (v2, v1)."""
    for directory in _cgroup_directories(root, ""):
        quota, _, period = _text(directory / "cpu.max").partition(" ")
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)
    for directory in _cgroup_directories(root, "cpu"):
        quota, period = _text(directory / "cpu.cfs_quota_us"), _text(directory / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)


def _cgroup_memory(root: Path) -> Iterator[int]:
    for controller, name in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
        for directory in _cgroup_directories(root, controller):
            limit = _text(directory / name)
            if limit.isdecimal() and int(limit) < _UNLIMITED:
                yield int(limit)


def _cgroup_directories(root: Path, controller: str) -> Iterator[Path]:
    """The directory of this process's cgroup and all above it; `controller` "" means version 2.

    Containers often see their own cgroup mounted at the top, whatever /proc/self/cgroup says. So the top is
    always among them.
    """
    top = root / "sys/fs/cgroup" / controller
    own = ""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own = path.strip("/")
    parts = Path(own).parts
    for depth in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:depth])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
