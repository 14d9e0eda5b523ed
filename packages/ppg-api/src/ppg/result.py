"""Result: holds the outcome of every job after a run."""

import enum
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ppg.exceptions import (
    RuntimeError,  # noqa: A004 (part of pypipegraph's interface)
    UnknownJobError,
    class_and_message,
)
from ppg.porting.guards import RefusesOldAttributes
from ppg.porting.pickles import reads_old_pickles
from ppg.text import nearest
from ppg_exec import SentException, opens_exception, unopened_exception

if TYPE_CHECKING:
    from ppg_exec import Output
    from ppg_graph import JobId

__all__ = ["JobOutcome", "JobState", "RunResult", "state_html"]


class _HasId(Protocol):
    """Has id: a job, of which only the id is used."""

    job_id: "JobId"


class _Names(Protocol):
    """Names: the pipegraph of a result, which knows the names of its jobs."""

    def _id_of(self, name: object) -> "JobId | None":
        """Return the id of the job that a name stands for."""

    def _unknown(self, name: object, known: Iterable[str]) -> UnknownJobError:
        """Return the error for a name that stands for none."""


class JobState(enum.Enum):
    """Job state: says how a run ended for one job; messages use the values as words.

    For example:

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        result = ppg.run()
        assert result.in_state(ppg.JobState.RAN) == ["a.txt"]
    """

    RAN = "ran"
    """The job ran and succeeded."""
    UP_TO_DATE = "up to date"
    """The job did not have to run; an invariant was observed."""
    FAILED = "failed"
    """The job ran and failed; an invariant could not be observed."""
    BLOCKED = "blocked"
    """An upstream of the job failed."""
    NOT_NEEDED = "not needed"
    """No job that runs needs the job."""
    LEFT_OUT = "left out"
    """The job or one of its upstreams was pruned, or no target needs it."""
    NOT_DONE = "not done"
    """The run was ended before the job could finish."""


@reads_old_pickles
@opens_exception
@dataclass(frozen=True, slots=True)
class JobOutcome(RefusesOldAttributes):
    """Job outcome: says how a run ended for one job.

        ppg.file("a.txt")(lambda out: out.write_text("a"))
        outcome = ppg.run()["a.txt"]
        assert outcome.was_run and not outcome.failed
        assert outcome.reasons == ("new: never built",)

    Attributes:
        job_id: the job.
        state: how the run ended for the job.
        reasons: why the job ran, in words; empty if it did not run.
        exception: the exception of a failed job. The main process unpickles it when it is read first; `error` is
            its text.
        traceback: the traceback of a failed job, as text.
        cause: for a blocked job, the failed job that blocks it.
        runtime: wall time in seconds.
        user_time, system_time: processor time in seconds, of the job and its children.
        peak_memory: bytes.
        attempts: how often the job was started: 0 if never, more than 1 if an attempt failed and `retries`
            allowed another one. The other attributes but `earlier` describe the last attempt.
        declared_at: for a failed job, where it is declared, as "file:line".
        earlier: how the attempts before the last one ended, one line for each, the oldest first; at most the
            last ten.
        machine: the name of the machine on which the job ran last; empty if that was this one.
        machines_lost: how many machines were lost while the job ran there. Each time it started again elsewhere,
            which is no attempt.
        taken_from_cache: the job's files were taken from the shared cache. The job counts among those that
            ran, but its function was not called.
    """

    job_id: str
    state: JobState
    reasons: tuple[str, ...] = ()
    exception: BaseException | None = None
    traceback: str | None = None
    cause: str | None = None
    runtime: float | None = None
    user_time: float | None = None
    system_time: float | None = None
    peak_memory: int | None = None
    attempts: int = 0
    stdout_capture: "Output | None" = None
    stderr_capture: "Output | None" = None
    taken_from_cache: bool = False
    earlier: tuple[str, ...] = ()
    declared_at: str | None = None
    machine: str = ""
    machines_lost: int = 0

    @property
    def failed(self) -> bool:
        """Whether the job itself failed."""
        return self.state is JobState.FAILED

    @property
    def error_class(self) -> str | None:
        """Name of the exception's class, without the module."""
        held = unopened_exception(self)
        return None if held is None else class_and_message(held)[0]

    @property
    def error_message(self) -> str | None:
        """Text of the exception."""
        held = unopened_exception(self)
        return None if held is None else class_and_message(held)[1]

    @property
    def error(self) -> str | None:
        """Class and text of the exception: `ValueError: no samples`."""
        held = unopened_exception(self)
        return None if held is None else ": ".join(class_and_message(held))

    @property
    def was_run(self) -> bool:
        """Whether the job's callback was started."""
        if self.taken_from_cache:
            return False
        return self.state is JobState.RAN or (self.failed and self.runtime is not None)

    @property
    def stdout(self) -> str:
        """Complete text that the job and its children wrote to standard output."""
        return self.stdout_capture.text() if self.stdout_capture else ""

    @property
    def stderr(self) -> str:
        """Complete text that the job and its children wrote to standard error."""
        return self.stderr_capture.text() if self.stderr_capture else ""


class RunResult(Mapping[str, JobOutcome]):
    """Run result: maps job ids to the outcomes of a run.

    Jobs, and files in any spelling, stand for the ids:

        import ppg

        with ppg.Pipegraph(quiet=True) as graph:
            job = ppg.file("a.txt")(lambda out: out.write_text("a"))
        result = graph.run()
        assert result["./a.txt"].state is ppg.JobState.RAN
        assert job in result and "b.txt" not in result

    Parameters:
        job_ids: all jobs, in the order of declaration; True for those that can do work.
        outcomes: of the jobs that are not just up to date.
        duration: seconds from the start of the run to its end.
        interrupted_by: the number of the signal that ended the run early, or None.
        names: the pipegraph, which knows the files of jobs; without it only ids are found.
    """

    def __init__(
        self,
        job_ids: Mapping[str, bool],
        outcomes: Mapping[str, JobOutcome],
        duration: float,
        interrupted_by: int | None = None,
        *,
        names: "_Names | None" = None,
    ) -> None:
        self._names = names
        self._job_ids = job_ids
        self._outcomes = outcomes
        self.duration = duration
        self.interrupted_by = interrupted_by

    def __repr__(self) -> str:
        return f"<RunResult: {self.summary()}>"

    def _repr_html_(self) -> str:
        return _result_html(self)

    def __getstate__(self) -> dict[str, object]:
        # The pipegraph stays where it is.
        return self.__dict__ | {"_names": None}

    def __getitem__(self, job_id: "str | os.PathLike[str] | _HasId") -> JobOutcome:
        found = self._id_of(job_id)
        if found is None:
            if self._names is not None:
                raise self._names._unknown(job_id, self._job_ids)
            raise self._unknown(job_id)
        outcome = self._outcomes.get(found)
        return JobOutcome(found, JobState.UP_TO_DATE) if outcome is None else outcome

    def __contains__(self, job_id: object) -> bool:
        return self._id_of(job_id) is not None

    def _unknown(self, name: object) -> UnknownJobError:
        near = nearest(str(name), self._job_ids)
        meant = f"; it had {', '.join(map(repr, near))}" if near else ""
        return UnknownJobError(f"The run had no job '{name}'{meant}; correct the name")

    def _id_of(self, name: object) -> str | None:
        """Return the id of the job of this run that a name stands for, if there is one."""
        if isinstance(name, str) and name in self._job_ids:
            return name
        found = str(name) if self._names is None else self._names._id_of(name)
        return found if found in self._job_ids else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._job_ids)

    def __len__(self) -> int:
        return len(self._job_ids)

    def outcome(self, job_id: "str | os.PathLike[str] | _HasId") -> JobOutcome:
        """Return the outcome of a job.

        Raises:
            PyPipelineGraphError: the run had no such job.
        """
        if self._id_of(job_id) is None:
            raise self._unknown(job_id)
        return self[job_id]

    def in_state(self, state: JobState) -> list[str]:
        """Return the ids of the working jobs in this state, without invariants, in order of declaration.

        Failed invariants are included, because the user must repair them.
        """
        if state is JobState.UP_TO_DATE:
            return [
                job_id
                for job_id, works in self._job_ids.items()
                if works and (job_id not in self._outcomes or self._outcomes[job_id].state is state)
            ]
        found = {job_id for job_id, outcome in self._outcomes.items() if outcome.state is state}
        if not found:
            return []
        with_invariants = state is JobState.FAILED
        return [
            job_id
            for job_id, works in self._job_ids.items()
            if job_id in found and (works or with_invariants)
        ]

    @property
    def ran(self) -> list[str]:
        """The jobs that ran and succeeded, including those with files from the shared cache."""
        return self.in_state(JobState.RAN)

    @property
    def taken_from_cache(self) -> list[str]:
        """The jobs in `ran` with files that were taken from the shared cache."""
        return [job_id for job_id in self.ran if self._outcomes[job_id].taken_from_cache]

    @property
    def up_to_date(self) -> list[str]:
        """The jobs that did not have to run."""
        return self.in_state(JobState.UP_TO_DATE)

    @property
    def failed(self) -> list[str]:
        """The jobs that failed."""
        return self.in_state(JobState.FAILED)

    @property
    def blocked(self) -> list[str]:
        """The jobs that could not run because others failed."""
        return self.in_state(JobState.BLOCKED)

    def summary(self) -> str:
        """Return the counts in one line: `3 ran, 37 up to date, 0 failed, 0 blocked`."""
        parts = [
            f"{len(self.ran)} ran",
            f"{len(self.up_to_date)} up to date",
            f"{len(self.failed)} failed",
            f"{len(self.blocked)} blocked",
        ]
        for state in (JobState.NOT_NEEDED, JobState.LEFT_OUT, JobState.NOT_DONE):
            count = len(self.in_state(state))
            if count:
                parts.append(f"{count} {state.value}")
        taken = len(self.taken_from_cache)
        return ", ".join(parts) + (f"; {taken} of those that ran from the shared cache" if taken else "")

    def rows(self) -> list[dict[str, str | int | float | bool | None]]:
        """Return one row for each working job, in order of declaration.

        Failed invariants have a row as well. For a data frame, use `pandas.DataFrame(result.rows())`.

        Returns:
            Dictionaries with the keys `job_id`, `state` (the word), `reasons` (one text), `error` (class and
            message), `cause`, `runtime`, `user_time`, `system_time` (seconds), `peak_memory` (bytes),
            `attempts`, `taken_from_cache` and `machine`; see `JobOutcome`. A missing value is None.
        """
        return [
            {
                "job_id": outcome.job_id,
                "state": outcome.state.value,
                "reasons": "; ".join(outcome.reasons) or None,
                "error": outcome.error,
                "cause": outcome.cause,
                "runtime": outcome.runtime,
                "user_time": outcome.user_time,
                "system_time": outcome.system_time,
                "peak_memory": outcome.peak_memory,
                "attempts": outcome.attempts,
                "taken_from_cache": outcome.taken_from_cache,
                "machine": outcome.machine or None,
            }
            for outcome in (self[job_id] for job_id in self)
            if self._job_ids[outcome.job_id] or outcome.failed
        ]

    def raise_for_failures(self) -> None:
        """Raise RuntimeError if a job failed; KeyboardInterrupt if the user ended the run.

        Raises:
            RuntimeError: with all exceptions.
            KeyboardInterrupt: the run was interrupted.
        """
        if self.interrupted_by is not None:
            raise KeyboardInterrupt
        exceptions: dict[str, BaseException | SentException] = {}
        for job_id, outcome in self._outcomes.items():
            if outcome.failed and (held := unopened_exception(outcome)) is not None:
                exceptions[job_id] = held
        if exceptions:
            raise RuntimeError(exceptions, self.blocked)


_COLOURS = {
    JobState.RAN: "#2e7d32",
    JobState.UP_TO_DATE: "inherit",
    JobState.FAILED: "#c62828",
    JobState.BLOCKED: "#ef6c00",
    JobState.NOT_NEEDED: "#757575",
    JobState.LEFT_OUT: "#757575",
    JobState.NOT_DONE: "#ef6c00",
}

_URGENCY = (
    JobState.FAILED,
    JobState.BLOCKED,
    JobState.NOT_DONE,
    JobState.RAN,
    JobState.UP_TO_DATE,
    JobState.NOT_NEEDED,
    JobState.LEFT_OUT,
)
"""Order in which jobs are shown: jobs that need attention come first, because not all jobs may be shown."""


def _result_html(result: RunResult) -> str:
    """Run result as HTML: the counts, and a table of jobs, with those first that need attention."""
    from ppg.html import ROWS, as_code, as_text, table  # noqa: PLC0415 (only notebooks show it)

    outcomes: list[JobOutcome] = []
    total = 0
    for state in _URGENCY:
        job_ids = result.in_state(state)
        total += len(job_ids)
        outcomes += [result[job_id] for job_id in job_ids[: max(0, ROWS - len(outcomes))]]
    rows = [
        (
            as_code(outcome.job_id),
            state_html(outcome.state),
            "" if outcome.runtime is None else f"{outcome.runtime:.2f} s",
            _why(outcome),
        )
        for outcome in outcomes
    ]
    summary = f"{as_text(result.summary())} in {result.duration:.1f} s"
    return table(summary, ("job", "outcome", "time", "why"), rows, total)


def _why(outcome: JobOutcome) -> str:
    from ppg.html import as_code, as_text  # noqa: PLC0415 (only notebooks show it)

    if outcome.error_message is not None:
        first_line = (outcome.error_message.splitlines() or [""])[0]
        return as_text(f"{outcome.error_class}: {first_line}")
    if outcome.cause is not None:
        return f"because of {as_code(outcome.cause)}"
    taken = " (taken from the shared cache)" if outcome.taken_from_cache else ""
    return as_text("; ".join(outcome.reasons) + taken)


def state_html(state: JobState) -> str:
    """Return a state as HTML, as its word in its colour."""
    return f'<span style="color: {_COLOURS[state]}">{state.value}</span>'
