"""Job kind: what a kind of job answers to the engine, and what the engine hands it for the answer.

A kind is a subclass of `Job`. The engine calls the hooks of `JobKind` where kinds differ, and a new kind overrides
those in which it does. `kind` says which of the five roles of the decision model a job plays.

| hook | called | default |
| --- | --- | --- |
| `process_call` | in the main process, when the job starts | none; every kind that runs has one |
| `outputs_of` | in the main process, with what the call returned | of loads: no content of their own; else none |
| `observe`, `observe_together` | in the main process: what the world looks like | none; loads are not observed |
| `discard` | after a failure | removes what is there of `files` |
| `remove` | when nothing needs a LAZY job's files any more | removes `files` |
| `unloading_call` | when nothing needs a LOAD any more | undoes nothing |
| `implicit_invariants`, `definition`, `callback`, `files`, `input_files` | at the declaration | nothing |
| `loaded_value` | for the parameters of decorated functions | loads none |
| `sharing_obstacle`, `leaves_code_unobserved` | for the keys of the shared cache | shares, observes all code |
| `stand_in_notes`, `stand_in` | to verify what a generator made, without running it | its files, by their record |

A hook of a user's kind may raise: the engine reports it with the job's name, and the run goes on without that job, or
ends before anything is lost (`engine.tasks`, `status.observer`).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.jobs.execution import AS_USUAL, Execution
from ppg.paths import absolute
from ppg.worker.calls import keep_loaded
from ppg_graph import Fingerprint, JobId, NodeKind, Observation, Record
from ppg_invariants import (
    FileState,
    Follow,
    FunctionState,
    ObservationInterrupted,
    Problem,
    StoredObservation,
)

if TYPE_CHECKING:
    from ppg.jobs.graph_protocol import GraphProtocol

__all__ = [
    "KINDS",
    "HistoryProtocol",
    "JobKind",
    "JobOutputs",
    "Observing",
    "ProcessCall",
    "WrongFilesError",
    "calling_hook",
    "kind_name",
]


class ProcessCall(NamedTuple):
    """Process call: what a job's process, or the compute node for a load, calls.

    Attributes:
        function: called there; importable, or pickled by value with all that it refers to.
        arguments: of the function, by position. Exactly one of them is the user's callback, if there is one.
        report: called without arguments after the function, in the same process; what it returns goes to
            `Job.outputs_of` in place of what the function returned.
    """

    function: Callable[..., object]
    arguments: tuple[Any, ...] = ()
    report: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class JobOutputs:
    """Job outputs: what a successful job made.

    Attributes:
        fingerprint: of all its content. Jobs downstream are stale if it differs from the one that they consumed.
        parts: of each file by itself, if there are several.
        files: the state of each file, by its name relative to the root; recorded, and compared by the next run.
    """

    fingerprint: Fingerprint
    parts: Mapping[str, Fingerprint] = field(default_factory=dict)
    files: Mapping[str, FileState] = field(default_factory=dict)


class WrongFilesError(Exception):
    """Wrong files: a job returned, but its files are not what it declared.

    Attributes:
        troubles: the files that are wrong, by what is wrong with them.
    """

    def __init__(self, troubles: Mapping[Problem, list[str]]) -> None:
        super().__init__(troubles)
        self.troubles = troubles


class HistoryProtocol(Protocol):
    """History protocol: the status store as an observation uses it.

    Attributes:
        history: the last success of each job.
    """

    @property
    def history(self) -> Mapping[JobId, Record]:
        """The last success of each job."""

    def files(self, job_id: JobId) -> Mapping[str, FileState]:
        """The state of each file when the job last succeeded, by its name relative to the root."""

    def own_file(self, job_id: JobId) -> FileState | None:
        """The state of a job's one file, if the job is named after it."""

    def input_file(self, job_id: JobId) -> FileState | None:
        """The state of an input file at the last look."""

    def fingerprint_of(self, job_id: JobId, state: FunctionState) -> Fingerprint:
        """The fingerprint of a function, the same across versions of Python."""

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Remember what an invariant observed."""

    def files_were_touched(self, job_id: JobId, touched: Mapping[str, FileState]) -> None:
        """Remember the new times of files whose content did not change."""


@dataclass(frozen=True, slots=True)
class Observing:
    """Observing: what one pass of observations shares.

    Attributes:
        root: the folder that job ids are relative to, absolute.
        history: of earlier runs.
        follow: how far functions are followed if their invariants say nothing: "project" or "none".
        functions: what names lead to at this moment.
        should_stop: says whether the user wants to stop; other threads may call it.
    """

    root: str
    history: HistoryProtocol
    follow: str
    functions: Follow
    should_stop: Callable[[], bool] | None

    def recorded(self, job_id: JobId) -> Fingerprint | None:
        """The fingerprint of what a job made when it last succeeded; None if it has no record."""
        record = self.history.history.get(job_id)
        return None if record is None else record.fingerprint


@contextmanager
def calling_hook(job: "JobKind", name: str) -> Iterator[None]:
    """Calling a hook: an exception of a hook that the user's kind defines becomes an error that names the job.

    Raises:
        JobContractError: the hook raised.
    """
    try:
        yield
    except (ObservationInterrupted, PyPipelineGraphError, WrongFilesError):
        raise
    except Exception as error:
        hook = getattr(type(job), name)
        if hook.__module__.partition(".")[0] == "ppg":
            raise
        raise JobContractError(
            f"'{job.job_id}': the hook {hook.__qualname__} raised {type(error).__name__}: {error}"
        ) from error


KINDS: dict[str, type["JobKind"]] = {}
"""Every kind of job that is defined, by its `kind_name`; the status store notes these names."""


def kind_name(kind: type) -> str:
    """The name of a kind: of ppg's own the bare name of the class, of others with module and qualified name."""
    if kind.__module__.partition(".")[0] == "ppg":
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


class JobKind:
    """Job kind: the hooks that a kind of job may override, with their defaults.

    Attributes:
        kind: the role that the job plays in decisions; each class has one.
        keeps_files: a LAZY job's files stay when nobody needs them any more.
        observes_file: the job is an invariant named after the input file that it observes.
        shares: the job takes its files from the pipegraph's shared cache; see `FileJob`.
        rename_broken: after a failure the job's files are renamed to `*.broken` instead of removed.
    """

    __slots__ = ()

    kind: ClassVar[NodeKind]
    keeps_files: ClassVar[bool] = False
    observes_file: ClassVar[bool] = False
    rename_broken: bool = False
    shares: bool = False

    if TYPE_CHECKING:
        job_id: JobId

        @property
        def files(self) -> tuple[str, ...]:
            """The files that the job makes, relative to the pipegraph's root."""

        @property
        def pipegraph(self) -> GraphProtocol:
            """The graph that the job belongs to."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        KINDS[kind_name(cls)] = cls

    @property
    def ignores_code_changes(self) -> bool:
        """Whether the job has no implicit FunctionInvariant although it has a callback."""
        return False

    @property
    def execution(self) -> Execution:
        """Timeout, retries, isolation and the like of the job's process."""
        return AS_USUAL

    def process_call(self) -> ProcessCall:
        """What the job's process calls; the compute node for a load."""
        raise JobContractError(f"'{self.job_id}' cannot run: {type(self).__name__} defines no process_call")

    def outputs_of(self, returned: Any, run_id: int) -> JobOutputs:
        """What the job made. A load has no content of its own, and counts as what it consumed.

        Parameters:
            returned: by the report of `process_call`, or else by its function.
            run_id: the number of this run, for jobs that count as changed whenever they ran.

        Raises:
            WrongFilesError: the files are not what the job declared.
            JobContractError: the job failed in another way.
        """
        if self.kind is not NodeKind.LOAD:
            raise JobContractError(
                f"'{self.job_id}' made nothing: {type(self).__name__} defines no outputs_of"
            )
        return JobOutputs(Fingerprint(b""))

    def observe(self, observing: Observing) -> Observation:
        """What the world looks like now: the fingerprint of an invariant, or the state of what a job made.

        An invariant gives a fingerprint, or `Unobservable`. A job that makes something gives `Files`: whether that is
        still what its record says, and the names of what is not.
        """
        raise JobContractError(
            f"'{self.job_id}' cannot be observed: {type(self).__name__} defines no observe"
        )

    @staticmethod
    def observe_together(jobs: "Sequence[Any]", observing: Observing) -> Iterable[Observation]:
        """What several jobs of the same kind observe, in order; for kinds that are faster together."""
        return [job.observe(observing) for job in jobs]

    def discard(self) -> list[str]:
        """Remove or rename what the job left when it failed; gives a message for each file that stays."""
        problems = []
        for name in self.files:
            path = Path(absolute(name, self.pipegraph.root))
            if not os.path.lexists(path):
                continue
            try:
                if self.rename_broken:
                    path.rename(path.with_name(path.name + ".broken"))
                else:
                    path.unlink()
            except OSError as error:
                problems.append(
                    f"what '{self.job_id}' left behind cannot be removed: {error}; it is not believed"
                )
        return problems

    def remove(self) -> list[str]:
        """Remove what the job made for others, now that they are done; gives a message for each file that stays."""
        problems = []
        for name in self.files:
            try:
                Path(absolute(name, self.pipegraph.root)).unlink(missing_ok=True)
            except OSError as error:
                problems.append(f"the temporary file of '{self.job_id}' cannot be removed: {error}")
        return problems

    def unloading_call(self) -> Callable[[], object]:
        """What undoes the load in the compute node."""
        return keep_loaded

    def loaded_value(self) -> Callable[[], object] | None:
        """What gives the value that the job loads, in the processes of jobs downstream; None if it loads none."""
        return None

    def sharing_obstacle(self) -> str | None:
        """Why the job's fingerprint does not stand for content, so that no job downstream can share; or None."""
        return None

    def leaves_code_unobserved(self, follow: str) -> bool:
        """Whether an invariant of a function leaves code unobserved that ppg can observe.

        Parameters:
            follow: how far the pipegraph follows functions that say nothing themselves.
        """
        return False

    def stand_in_notes(self) -> object | None:
        """What `stand_in` needs besides the id, as JSON; noted when a generator made the job."""
        return None

    @classmethod
    def stand_in(cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol") -> Any:
        """A job, made by `unadmitted`, that observes what a generator's job of last time did; None if it cannot be.

        Parameters:
            job_id: of the job.
            notes: what `stand_in_notes` gave.
            history: of earlier runs.
            pipegraph: that the job belongs to.
        """
        return None
