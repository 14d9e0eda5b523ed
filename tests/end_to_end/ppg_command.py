"""Runs the real `ppg` command on scripts, and reads what it says."""

import fcntl
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = [
    "EXAMPLES",
    "LOG",
    "PPG",
    "SOME_OR_ALL_SEEDS",
    "Run",
    "done_jobs",
    "environment",
    "made_once",
    "run_command",
    "run_with_other_hash_seeds",
    "wait_until_gone",
]

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PPG = str(Path(sys.executable).with_name("ppg"))
SOME_OR_ALL_SEEDS = pytest.mark.parametrize("runs", [2, pytest.param(9, marks=pytest.mark.nightly)])
"""How often a project that has run once runs again, with another seed of Python's hashes each time."""

_DONE = re.compile(r"^[-0-9]+ [:0-9]+ done: (.+) \([0-9.]+ s\)$", re.MULTILINE)
LOG = Path("logs/ppg_run.txt")
"""The log has every job; the lines of a run fold equal ones."""
_SUMMARY = re.compile(r"ppg: (\d+) ran, (\d+) up to date, (\d+) failed, (\d+) blocked")


@dataclass(frozen=True)
class Run:
    """What a run of ppg said.

    Attributes:
        code: the exit code.
        said: standard output and standard error.
        ran: the ids of the jobs that ran and succeeded.
        counts: of jobs that ran, were up to date, failed, were blocked; None if it did not get so far.
    """

    code: int
    said: str
    ran: frozenset[str]
    counts: tuple[int, ...] | None


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which compiled modules are kept: matplotlib takes seconds to compile."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def run_command(command: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> Run:
    """Run a command in a folder to its end; the folder of its log stays only if it was there before."""
    log = folder / LOG
    is_new = not log.parent.exists()
    log.parent.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    ended = subprocess.run(
        command,
        cwd=folder,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    said = ended.stdout + ended.stderr
    summaries = _SUMMARY.findall(said)
    counts = tuple(int(number) for number in summaries[-1]) if summaries else None
    ran = frozenset(done_jobs(log.read_text() if log.exists() else ""))
    if is_new:
        shutil.rmtree(log.parent)
    return Run(ended.returncode, said, ran, counts)


def run_with_other_hash_seeds(script: str, folder: Path, runs: int) -> list[Run]:
    """Run a script again `runs` times, each time with another seed of Python's hashes."""
    return [
        run_command([PPG, "run", script], folder, environment(PYTHONHASHSEED=str(seed)))
        for seed in range(1, runs + 1)
    ]


def done_jobs(log: str) -> list[str]:
    """The jobs that are done by a log, in order."""
    return _DONE.findall(log)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, once for all of pytest's workers; tests copy it and leave it as it is."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        folder = factory.mktemp(name)
        make(folder)
        return folder
    shared = factory.getbasetemp().parent / f"{name}-{run}"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            partial = shared.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(partial)
            partial.rename(shared)
    return shared


def wait_until_gone(marker: str) -> None:
    """Wait for all processes that have `marker` in their environment to end."""
    while pids := _marked(marker):
        ends = select.poll()
        watched = []
        for pid in pids:
            try:
                watched.append(os.pidfd_open(pid))
            except ProcessLookupError:
                continue
            ends.register(watched[-1], select.POLLIN)
        try:
            for descriptor in watched:
                if not ends.poll(60_000):
                    pytest.fail(f"still running: {[_command_line(pid) for pid in _marked(marker)]}")
                ends.unregister(descriptor)
        finally:
            for descriptor in watched:
                os.close(descriptor)


def _marked(marker: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return f"{pid}, which has ended by now"
