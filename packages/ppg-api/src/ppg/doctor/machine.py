"""Machine: examines the kernel, what it permits, and the limits of this process."""

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ppg.doctor.finding import Finding, first_line_of
from ppg.text import counted
from ppg_exec import available_cores, available_memory, landlock_abi, why_not_confinable

__all__ = ["machine_findings"]

LEAST_FILES = 1024
"""Open files with which a run of some dozens of cores gets by."""
LEAST_PROCESSES = 1024
COLLAPSES_SINCE = (6, 1)
"""The kernel that puts huge pages under memory when it is asked to (MADV_COLLAPSE)."""
PATIENCE = 10
"""Seconds for a program that ends at once."""


def machine_findings() -> Iterator[Finding]:
    """Yield the findings about the kernel and the limits of this process."""
    yield _landlock()
    yield _strace()
    yield _huge_pages()
    yield _cgroups()
    yield _limit("limit of open files", resource.RLIMIT_NOFILE, LEAST_FILES, "ulimit -n")
    yield _limit("limit of processes", resource.RLIMIT_NPROC, LEAST_PROCESSES, "ulimit -u")


def _landlock() -> Finding:
    problem = why_not_confinable()
    if problem is not None:
        return Finding("Landlock", f"version {landlock_abi()}", f"for confine=True {problem}")
    return Finding("Landlock", f"version {landlock_abi()}, so confine=True works")


def _strace() -> Finding:
    program = shutil.which("strace")
    if program is None:
        return Finding("strace", "is not installed", "install it to see which files a job reads")
    try:
        tried = subprocess.run(
            [program, "-qq", "-o", os.devnull, "true"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("strace", f"cannot be run ({error})", "install another version")
    if tried.returncode:
        why = (tried.stderr.strip().splitlines() or ["no reason is given"])[-1]
        scope = first_line_of("/proc/sys/kernel/yama/ptrace_scope")
        setting = f", kernel.yama.ptrace_scope is {scope}" if scope else ""
        return Finding(
            "strace",
            f"is installed, but not permitted ({why}{setting})",
            "lower kernel.yama.ptrace_scope to 1, or start the container with the capability SYS_PTRACE",
        )
    return Finding("strace", f"'{program}', and permitted")


def _huge_pages() -> Finding:
    choices = first_line_of("/sys/kernel/mm/transparent_hugepage/enabled")
    release = os.uname().release
    numbers = tuple(int(number) for number in re.findall(r"\d+", release)[:2])
    chosen = re.search(r"\[(\w+)\]", choices)
    if chosen is None:
        return Finding(
            "huge pages",
            "this kernel has none",
            "with them, forks behind large loads take less time; use another kernel",
        )
    if chosen[1] == "never":
        return Finding(
            "huge pages",
            "never",
            "with them, forks behind large loads take less time; as root: "
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        )
    if numbers < COLLAPSES_SINCE:
        return Finding(
            "huge pages",
            f"{chosen[1]}, but Linux {release} does not make them when ppg asks for them",
            "use Linux 6.1 or later, so that forks behind large loads take less time",
        )
    return Finding("huge pages", chosen[1])


def _cgroups() -> Finding:
    cores, memory = available_cores(), available_memory()
    granted = f"{counted(cores, 'core')} and {memory / (1 << 30):.1f} GiB of memory for this process"
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        return Finding("cgroups", f"version 2; {granted}")
    if (top / "memory").exists() or (top / "cpu").exists():
        return Finding("cgroups", f"version 1; {granted}")
    return Finding(
        "cgroups",
        f"none are visible; {granted}",
        "state limits of a container by LocalSystem, because ppg cannot see them",
    )


def _limit(subject: str, which: int, least: int, command: str) -> Finding:
    soft, hard = resource.getrlimit(which)
    if soft == resource.RLIM_INFINITY:
        return Finding(subject, "none")
    if soft >= least:
        return Finding(subject, f"{soft:,}")
    possible = hard == resource.RLIM_INFINITY or hard >= least
    remedy = (
        f"raise it ({command} {least})"
        if possible
        else f"let root raise the hard limit, {hard:,} ({command})"
    )
    return Finding(subject, f"{soft:,}", f"{remedy}; jobs fail if a run needs more")
