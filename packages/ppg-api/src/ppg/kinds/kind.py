"""Job kind: the hooks by which the engine asks a kind of job, and the objects that it passes to them.

A kind is a subclass of `Job`. The engine calls the hooks of `JobKind` where kinds differ, and a new kind overrides
those in which it differs. `kind` gives the role that a job plays, among the five roles of the decision model.

| hook | called | default |
| --- | --- | --- |
| `process_call` | in the main process, when the job starts | none; every kind that runs has one |
| `whole_folder`, `covers` | to find the job behind a file | no folder |
| `outputs_of` | in the main process, with the return value of the call | of loads: no content; else none |
| `observe`, `observe_together` | in the main process, for the present state | none; loads are not observed |
| `discard` | after a failure | removes the existing ones of `files` |
| `remove` | when no job needs a LAZY job's files any more | removes `files` |
| `unloading_call` | when no job needs a LOAD any more | undoes nothing |
| `implicit_invariants`, `definition`, `callback`, `files`, `input_files` | at the declaration | nothing |
| `ignored_invariant` | after a success | none |
| `loaded_value` | for the parameters of decorated functions | loads none |
| `sharing_obstacle`, `leaves_code_unobserved` | for the keys of the shared cache | shares, observes all code |
| `stand_in_notes`, `stand_in` | to verify a generator's jobs without running it | its files, by their record |

A hook of a user's kind may raise. The engine reports the exception with the job's name. The run continues without that
job, or ends without loss (`engine.tasks`, `status.observer`).
"""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from ppg.exceptions import JobContractError, PyPipelineGraphError
from ppg.kinds.execution import AS_USUAL, Execution
from ppg.paths import absolute
from ppg.worker.calls import keep_loaded
from ppg_graph import Fingerprint, JobId, NodeKind, Observation, Record
from ppg_invariants import (
    FileState,
    Follow,
    FunctionState,
    LeftOut,
    ObservationInterrupted,
    Problem,
    ResolvedFunction,
    StoredObservation,
    obstacle,
)

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = [
    "KINDS",
    "HistoryProtocol",
    "JobKind",
    "JobOutputs",
    "Observing",
    "ProcessCall",
    "WrongFilesError",
    "calling_hook",
    "hook_name",
    "is_own_hook",
    "kind_name",
    "require_given",
]


class ProcessCall(NamedTuple):
    """Process call: the function that a job process calls, or the compute node for a load.

        call = ppg.ProcessCall(print, ("a",))
        assert call.function is print

    Attributes:
        function: called there; importable, or pickled by value with all objects that it refers to.
        arguments: of the function, by position. Exactly one of them is the user's callback, if there is one.
        report: called without arguments after the function, in the same process. `Job.outputs_of` gets its return
            value instead of that of the function.
        returns_plain: whether that value consists of None, bool, numbers, str and bytes, in tuples, lists and dicts.
            The main process reads such a value without pickle, and a job that sends anything else fails.
    """

    function: Callable[..., object]
    arguments: tuple[Any, ...] = ()
    report: Callable[[], object] | None = None
    returns_plain: bool = False


@dataclass(frozen=True, slots=True)
class JobOutputs:
    """Job outputs: describes the content that a successful job made.

        outputs = ppg.JobOutputs(b"fingerprint of what was made")
        assert outputs.parts is None or not outputs.parts

    Attributes:
        fingerprint: of all its content. Jobs downstream are stale if they consumed another one.
        parts: the fingerprint of each file, if there are several.
        files: the state of each file, by its name relative to the root; recorded, and compared by the next run.
    """

    fingerprint: Fingerprint
    parts: Mapping[str, Fingerprint] = field(default_factory=dict)
    files: Mapping[str, FileState] = field(default_factory=dict)


class WrongFilesError(Exception):
    """Wrong files: a job returned, but its files differ from its declaration.

    Attributes:
        troubles: the wrong files, by their problem.
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
        """The state of a job's one file, if the job is named after that file."""

    def input_file(self, job_id: JobId) -> FileState | None:
        """The state of an input file when it was last observed."""

    def files_seen(self, job_id: JobId) -> Mapping[str, FileState]:
        """The state of each file at the last observation of a folder, by its name in the folder."""

    def saw_files(self, job_id: JobId, files: Mapping[str, FileState]) -> None:
        """Record the state of each file of a folder."""

    def made_file(self, path: str) -> FileState | None:
        """The state of a file when a job last made it; the job need not be in the graph any more."""

    def fingerprint_of(self, job_id: JobId, state: FunctionState) -> Fingerprint:
        """The fingerprint of a function, the same across versions of Python."""

    def fingerprint_that_counts(
        self,
        job_id: JobId,
        state: FunctionState,
        former: Callable[[], FunctionState | None],
        before: FunctionState | None = None,
    ) -> ResolvedFunction:
        """The fingerprint of a function that counts; see `ppg_invariants.functions.resolution`."""

    def saw(self, job_id: JobId, observation: StoredObservation) -> None:
        """Record an observation of an invariant."""

    def files_were_touched(self, job_id: JobId, touched: Mapping[str, FileState]) -> None:
        """Record the new times of files with unchanged content."""


@dataclass(frozen=True, slots=True)
class Observing:
    """Observing: the context that all observations of one pass share.

        class Weekday(ppg.FileInvariant):
            def observe(self, observing: ppg.Observing) -> object:
                assert observing.root == str(Path.cwd())
                return super().observe(observing)

        Path("in.txt").write_text("1")
        ppg.file("a.txt")(lambda out: out.write_text("a")).depends_on(Weekday("in.txt"))
        ppg.run()

    Attributes:
        root: the folder that job ids are relative to, absolute.
        history: the records of earlier runs.
        follow: how far functions are followed if their invariants do not set it: "project" or "none".
        functions: follows the global names of functions, at this moment.
        functions_without_values: the same, without the values of global names that are neither code nor constants.
        former_functions: the same, as a former ppg did it, for comparison with what that recorded.
        watch_globals: whether these values count, if the invariants of functions do not say it.
        should_stop: returns whether the user wants to stop; other threads may call it.
    """

    root: str
    history: HistoryProtocol
    follow: str
    functions: Follow
    should_stop: Callable[[], bool] | None
    functions_without_values: Follow = field(default_factory=lambda: Follow(values=False))
    former_functions: Follow = field(default_factory=lambda: Follow(former=True))
    watch_globals: bool = True
    left_out: list[tuple[JobId, LeftOut]] = field(default_factory=list)
    """Global names that cannot count, each with the invariant of the first function that reads it."""
    newly_watched: list[JobId] = field(default_factory=list)
    """Invariants of functions that a former ppg recorded, and that contain more now."""

    def recorded(self, job_id: JobId) -> Fingerprint | None:
        """Return the fingerprint of the job's content at its last success; None if it has no record."""
        record = self.history.history.get(job_id)
        return None if record is None else record.fingerprint


@contextmanager
def calling_hook(job: "JobKind", name: str) -> Iterator[None]:
    """Turn an exception of a hook that the user's kind defines into an error that names the job.

    Raises:
        JobContractError: the hook raised.
    """
    try:
        yield
    except (ObservationInterrupted, PyPipelineGraphError, WrongFilesError):
        raise
    except Exception as error:
        if is_own_hook(type(job), name):
            raise
        raise JobContractError(
            f"'{job.job_id}': the hook {hook_name(type(job), name)} raised {type(error).__name__}: {error}"
        ) from error


def require_given(job: "JobKind", name: str, given: object, wanted: type, words: str) -> None:
    """Refuse what a hook has returned, if it is of another type than `wanted`.

    Raises:
        JobContractError: it is.
    """
    if not isinstance(given, wanted):
        raise JobContractError(
            f"'{job.job_id}': the hook {hook_name(type(job), name)} must give {words}, not {given!r}"
        )


def hook_name(kind: type, name: str) -> str:
    """Return the name of a hook with that of the class that defines it."""
    return str(getattr(getattr(kind, name), "__qualname__", f"{kind.__name__}.{name}"))


def is_own_hook(kind: type, name: str) -> bool:
    """Return whether ppg itself defines this hook of a kind."""
    return str(getattr(getattr(kind, name), "__module__", "")).partition(".")[0] == "ppg"


KINDS: dict[str, type["JobKind"]] = {}
"""All defined kinds of jobs, by their `kind_name`; the status store contains these names."""


def kind_name(kind: type) -> str:
    """Return the name of a kind: for ppg's own kinds the class name, for others module and qualified name."""
    if kind.__module__.partition(".")[0] == "ppg":
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_unwritten(path: Path) -> bool:
    """Return whether an output is as ppg has made it for a confined job: empty, and of the beginning of time."""
    state = path.lstat()
    return state.st_size == 0 and state.st_mtime_ns == 0


class JobKind:
    """Job kind: has the hooks that a kind of job may override, with their defaults.

    Attributes:
        kind: the role that the job plays in decisions; each class has one.
        keeps_files: a LAZY job's files stay when no job needs them any more.
        observes_file: the job is an invariant named after the input file that it observes.
        shares: the job takes its files from the pipegraph's shared cache; see `FileJob`.
        runs_program: another program does the work, and ppg does not see which files that reads.
        rename_broken: after a failure the job's files are renamed to `*.broken` instead of removed.
    """

    __slots__ = ()

    kind: ClassVar[NodeKind]
    keeps_files: ClassVar[bool] = False
    observes_file: ClassVar[bool] = False
    runs_program: ClassVar[bool] = False
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
    def whole_folder(self) -> str | None:
        """The folder of which the job makes or observes files that no name lists; None if there is none."""
        return None

    def covers(self, path: str) -> bool:
        """Whether the job makes or observes this file of its folder; the name is relative to the root."""
        return False

    @property
    def ignores_code_changes(self) -> bool:
        """Whether the job has no implicit FunctionInvariant although it has a callback."""
        return False

    def ignored_invariant(self) -> "Any | None":
        """Return the unadmitted invariant of code that a job ignores; None if it ignores none.

        Its fingerprint is recorded at each success, but compared only if the job does not ignore changes any more.
        """
        return None

    @property
    def execution(self) -> Execution:
        """Timeout, retries, isolation and memory limit of the job process."""
        return AS_USUAL

    @property
    def is_confined(self) -> bool:
        """Whether the job's process can read and write only what the job declares; see `Execution`."""
        if self.kind is NodeKind.LOAD or self.kind is NodeKind.INVARIANT:
            return False  # they have no process of their own
        confine = self.execution.confine
        return self.pipegraph.confine if confine is None else confine

    def process_call(self) -> ProcessCall:
        """Return the call for the job process, or for the compute node if the job is a load."""
        raise JobContractError(
            f"'{self.job_id}' cannot run: {type(self).__name__} defines no process_call; define it"
        )

    def outputs_of(self, returned: Any, run_id: int) -> JobOutputs:
        """Describe the job's outputs. A load has no content, and counts as the content that it consumed.

        Parameters:
            returned: the return value of the report of `process_call`, or else of its function.
            run_id: the number of this run, for jobs that count as changed whenever they ran.

        Raises:
            WrongFilesError: the files differ from the job's declaration.
            JobContractError: the job failed in another way.
        """
        if self.kind is not NodeKind.LOAD:
            raise JobContractError(
                f"'{self.job_id}' made nothing: {type(self).__name__} defines no outputs_of; define it"
            )
        return JobOutputs(Fingerprint(b""))

    def observe(self, observing: Observing) -> Observation:
        """Observe the present state: an invariant's fingerprint, or the state of a job's files.

        An invariant returns a fingerprint, or `Unobservable`. A job that makes files returns `Files`: whether they
        match its record, and the names of those that do not.
        """
        raise JobContractError(
            f"'{self.job_id}' cannot be observed: {type(self).__name__} defines no observe; define it"
        )

    @staticmethod
    def observe_together(jobs: "Sequence[Any]", observing: Observing) -> Iterable[Observation]:
        """Return the observations of several jobs of one kind, in order; for kinds that are faster together."""
        return [job.observe(observing) for job in jobs]

    def discard(self) -> list[str]:
        """Remove or rename the files of a failed job; return a message for each file that stays."""
        problems = []
        for name in self.files:
            path = Path(absolute(name, self.pipegraph.root))
            if not os.path.lexists(path):
                continue
            aside = path.with_name(path.name + ".broken")
            try:
                if (what := obstacle(str(path))) is not None:
                    problems.append(
                        f"'{name}' stays, although '{self.job_id}' failed, because it is {what}; it can be removed by hand"
                    )
                elif not self.rename_broken or (self.is_confined and _is_unwritten(path)):
                    path.unlink()
                elif (what := obstacle(str(aside))) is None:
                    path.rename(aside)
                else:
                    problems.append(
                        f"'{name}' stays, although '{self.job_id}' failed, because '{aside.name}' is {what}; move that away"
                    )
            except OSError as error:
                problems.append(
                    f"the files that '{self.job_id}' left cannot be removed: {error}; the next run does not use them"
                )
        return problems

    def remove(self) -> list[str]:
        """Remove the files that the job made for others, which are done; return a message for each that stays."""
        problems = []
        for name in self.files:
            path = absolute(name, self.pipegraph.root)
            try:
                if (what := obstacle(path)) is None:
                    Path(path).unlink(missing_ok=True)
                else:
                    problems.append(
                        f"the temporary file '{name}' of '{self.job_id}' stays, because it is {what}; it can be removed by hand"
                    )
            except OSError as error:
                problems.append(
                    f"the temporary file of '{self.job_id}' cannot be removed: {error}; it can be removed by hand"
                )
        return problems

    def unloading_call(self) -> Callable[[], object]:
        """Return the function that undoes the load in the compute node."""
        return keep_loaded

    def loaded_value(self) -> Callable[[], object] | None:
        """Return the function that gets the loaded value in processes of jobs downstream; None if there is none."""
        return None

    def loads_into(self) -> Hashable | None:
        """Return the place that a load fills and empties again; None if ppg does not know it.

        Two jobs with equal places would take away each other's values, so the second one is refused. The place may
        contain the identity of an object (`id`) that the job refers to.
        """
        return None

    def sharing_obstacle(self) -> str | None:
        """Return why the job's fingerprint does not cover content, so that no job downstream can share; or None."""
        return None

    def leaves_code_unobserved(self, follow: str) -> bool:
        """Whether an invariant of a function leaves code unobserved that ppg can observe.

        Parameters:
            follow: how far the pipegraph follows functions if their invariants do not set it.
        """
        return False

    def stand_in_notes(self) -> object | None:
        """Return the arguments that `stand_in` needs besides the id, as JSON; noted when a generator made the job."""
        return None

    @classmethod
    def stand_in(cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol") -> Any:
        """Return an unadmitted job that observes the same as a generator's job of the last run; or None.

        With None, the files of the job's record are observed.

        Parameters:
            job_id: of the job.
            notes: the return value of `stand_in_notes`.
            history: the records of earlier runs.
            pipegraph: the graph that the job belongs to.
        """
        return None
