"""Batch jobs: submits those of Slurm that become machines, finds those that are gone, and replaces them.

It asks by `sbatch`, `squeue` and `scancel` alone; `sacct` is not needed. It lives in the thread of the scheduler. A controller of
Slurm that does not answer is asked again, and nothing is decided meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NAME", "BatchJobs"]

NAME = "ppg-"
"""The name of a worker is this, and the number of its batch job."""

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 5.0
_ASK_SECONDS = 10.0
_MOST_ABSENT_SECONDS = 90.0
"""For so long a worker that was there may be away while its batch job runs: its nanny may start another one."""
_MOST_FAILURES = 3
_NO_ANSWER = (
    "Unable to contact", "Socket timed out", "Connection refused", "Connection timed out", "temporarily unavailable",
    "connect failure", "Transport endpoint", "Communication",
)  # fmt: skip
"""What Slurm's programs say if its controller does not answer, which may last."""


@dataclass(slots=True)
class _Job:
    has_come: bool = False
    """whether its worker was there"""
    away_since: float | None = None


class BatchJobs:
    """BatchJobs: keeps as many batch jobs as are wanted.

    Args:
        command: the command line of sbatch, which reads the script from its standard input.
        script: what each batch job executes.
        log: the name of the file for the output of a batch job, with %j for its number.
        workers: the names of the workers that are there.
        report: takes sentences for the user.
        fail: takes the reason why no machine will come any more.

    """

    def __init__(
        self,
        command: Sequence[str],
        script: str,
        log: str,
        workers: Callable[[], Collection[str]],
        report: Callable[[str], object],
        fail: Callable[[str], object],
    ) -> None:
        self._command = command
        self._script = script
        self._log = log
        self._workers = workers
        self._report = report
        self._fail = fail
        self.wanted: int = 0
        self._jobs: dict[str, _Job] = {}
        self._failures = 0
        self._ask_at = 0.0
        self._submit_at = 0.0
        self._does_answer = True
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look after the batch jobs from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def end(self) -> None:
        """Cancel all batch jobs."""
        self._ending.set()
        if self._task is not None:
            # A program that is asking ends first: what it submits must be known.
            await asyncio.wait([self._task])
        if self._jobs:
            await self._ask(["scancel", *self._jobs])

    async def _run(self) -> None:
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            while not self._ending.is_set():
                await self._submit_missing()
                await self._find_gone()
                await asyncio.wait([ending], timeout=_LOOK_SECONDS)
        except Exception as error:
            self._fail(f"the batch jobs of Slurm cannot be looked after: {error!r}")
            raise
        finally:
            ending.cancel()

    # ---- what is missing

    async def _submit_missing(self) -> None:
        while (
            len(self._jobs) < self.wanted
            and not self._ending.is_set()
            and time.monotonic() >= self._submit_at
        ):
            answer, words = await self._ask(self._command, self._script)
            if answer is None:
                self._submit_at = time.monotonic() + _AGAIN_SECONDS
                if self._does_answer:
                    self._stop(f"Slurm refuses the batch job of a machine: {words}")
                return
            self._jobs[answer.strip().partition(";")[0]] = _Job()

    def _stop(self, why: str) -> None:
        """Submit no more."""
        self.wanted = 0
        self._fail(why)

    # ---- what is gone

    async def _find_gone(self) -> None:
        present = self._workers()
        now = time.monotonic()
        for number, job in self._jobs.items():
            if NAME + number in present:
                job.has_come, job.away_since = True, None
                self._failures = 0
            elif job.away_since is None:
                job.away_since = now
        away = [number for number, job in self._jobs.items() if job.away_since is not None]
        if not away or now < self._ask_at:
            return
        self._ask_at = now + _ASK_SECONDS
        states = "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED"
        answer, _ = await self._ask(["squeue", "--noheader", f"--user={os.geteuid()}", states, "--format=%A"])
        if answer is None:
            return
        queued = answer.split()
        for number in away:
            job = self._jobs[number]
            if NAME + number in self._workers():
                continue
            if number not in queued:
                del self._jobs[number]
                if not job.has_come:
                    self._note_failure(number)
            elif job.has_come and job.away_since is not None and now - job.away_since > _MOST_ABSENT_SECONDS:
                del self._jobs[number]
                await self._ask(["scancel", number])

    def _note_failure(self, number: str) -> None:
        self._failures += 1
        sentence = f"the batch job {number} has ended before its worker came"
        log = Path(self._log.replace("%j", number))
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        self._report(sentence + (f"; {log} ends with: {last}" if last else ""))
        if self._failures >= _MOST_FAILURES:
            self._stop(f"{self._failures} batch jobs in a row have ended before their workers came")

    # ---- programs of Slurm

    async def _ask(self, command: Sequence[str], script: str = "") -> tuple[str | None, str]:
        """What a program has said, None if it has failed; and what it has said of that."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            return None, str(error)
        answer, errors = await process.communicate(script.encode())
        words = " ".join(errors.decode(errors="replace").split())
        does_answer = process.returncode == 0 or not any(each in words for each in _NO_ANSWER)
        if does_answer is not self._does_answer and not self._ending.is_set():
            self._does_answer = does_answer
            self._report(
                "Slurm's controller answers again" if does_answer
                else f"Slurm's controller does not answer, and is asked again: {words}"
            )  # fmt: skip
        return (answer.decode() if process.returncode == 0 else None), words
