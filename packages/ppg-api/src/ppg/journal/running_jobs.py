"""Running jobs: keeps a file beside the store that says which process runs which job, while a run goes on.

The file is `<status file>.output/running`. Its first line has the number and the process of the run. Each job that starts
and each job that ends adds a line of JSON. The file is written again when it has become long, and removed at the end of the
run. Other programs of this user read it; what they read is out of date at once.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ppg.journal.kept_output import make_folder
from ppg.report.events import Event, JobFailed, JobFinished, JobStarted, RunFinished
from ppg_invariants import open_private

__all__ = ["NowRunning", "RunningJobs", "now_running"]

NAME = "running"
LONG = 1_000_000
"""Bytes after which the file is written again, without the jobs that have ended."""


class RunningJobs:
    """Running jobs: is a listener that keeps the file of one run.

    Parameters:
        folder: that of the kept outputs.
        run_id: the number of this run.
    """

    def __init__(self, folder: Path, run_id: int) -> None:
        self._folder = folder
        self._head = json.dumps({"run": run_id, "pid": os.getpid()}).encode() + b"\n"
        self._running: dict[str, bytes] = {}
        self._file: IO[bytes] | None = None

    def __call__(self, event: Event) -> None:
        """Note that a job has started or ended; remove the file at the end of the run."""
        match event:
            case JobStarted(job_id, pid, _):
                line = json.dumps([job_id, pid]).encode() + b"\n"
                self._running[job_id] = line
                self._add(line)
            case JobFinished(job_id) | JobFailed(job_id):
                if self._running.pop(job_id, None) is not None:
                    self._add(json.dumps([job_id, None]).encode() + b"\n")
            case RunFinished() if self._file is not None:
                self._file.close()
                (self._folder / NAME).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._folder.rmdir()  # no job has printed anything
            case _:
                pass

    def _add(self, line: bytes) -> None:
        if self._file is None:
            make_folder(self._folder)
        if self._file is None or self._file.tell() > LONG:
            self._rewrite()
        else:
            self._file.write(line)

    def _rewrite(self) -> None:
        # A program that reads meanwhile has either the old file or the new one.
        new = self._folder / f".{NAME}"
        file = os.fdopen(open_private(str(new)), "wb", buffering=0)
        file.write(b"".join([self._head, *self._running.values()]))
        new.replace(self._folder / NAME)
        if self._file is not None:
            self._file.close()
        self._file = file


@dataclass(frozen=True, slots=True)
class NowRunning:
    """Now running: says what a run is doing.

    Attributes:
        run_id: the number of the run.
        pid: the process of the run.
        jobs: the process of each running job.
    """

    run_id: int
    pid: int
    jobs: Mapping[str, int]


def now_running(folder: Path) -> NowRunning | None:
    """Return what the run of a store is doing; None if no run goes on.

    Parameters:
        folder: that of the kept outputs of the store.
    """
    try:
        # The last line may not be complete yet.
        head, *lines = (folder / NAME).read_bytes().split(b"\n")[:-1]
        fields = json.loads(head)
    except (OSError, ValueError):
        return None
    if not Path(f"/proc/{fields['pid']}").exists():
        return None  # the run was killed
    jobs: dict[str, int] = {}
    for line in lines:
        with contextlib.suppress(ValueError):
            job_id, pid = json.loads(line)
            if pid is None:
                jobs.pop(job_id, None)
            else:
                jobs[job_id] = pid
    return NowRunning(fields["run"], fields["pid"], jobs)
