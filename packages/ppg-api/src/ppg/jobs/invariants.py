"""Invariants: observe parameters, files and functions. They never run.

When the observed value changes, the jobs that depend directly on the invariant are stale.

The invariant of an input file has the file's name, and no job may make that file. Parameters and functions are not
files: they have separate name spaces, so the job "a" can have parameters "a" as well. The name space is the beginning
of the id, and shows the kind of the invariant in every message:

    PI:a            ParameterInvariant("a", ...); depends_on_params is its short form
    function:a      FunctionInvariant("a", ...), and the functions of depends_on_func
    FI:a            the function that the job "a" calls
    command:a       the command of the ExternalJob "a"
    rendering:a     how the PlotJob "a" saves its plot
    version:a       a ToolVersionInvariant
    folder:a/*.txt  FolderInvariant("a", "*.txt")
"""

import functools
import os
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ppg.arguments import require_flag
from ppg.jobs.job import Job, require_id, unadmitted
from ppg.kinds.kind import HistoryProtocol, Observing
from ppg.kinds.missing_input import MOST_SUGGESTIONS, missing_input
from ppg.kinds.signature import is_function
from ppg.paths import NamedAfterFile, PathLike, absolute, require_path
from ppg.session.namespaces import WholeName, full_id
from ppg_graph import Fingerprint, JobId, NodeKind, Observation, Unobservable, read_id
from ppg_invariants import (
    CannotFingerprint,
    FileUnobservable,
    Follow,
    FunctionState,
    StoredObservation,
    content_fingerprint,
    encode_parameters,
    fingerprint_encoding,
    fingerprint_function,
    lasting_name,
    observe_files,
    observe_modification_time,
    require_algorithm,
)

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol
    from ppg.kinds.signature import Callback

__all__ = [
    "ITS_FILES",
    "FileChecksumInvariant",
    "FileInvariant",
    "FileTimeInvariant",
    "FunctionInvariant",
    "OwnFunctionInvariant",
    "ParameterInvariant",
    "name_space_of",
    "readable_name",
    "shared_function_name",
]

READABLE = {
    "PI:": "the parameters {}",
    "function:": "the function {}",
    "FI:": "the function of {}",
    "command:": "the command of {}",
    "rendering:": "the rendering of {}",
    "version:": "the answer of '{}'",
    "folder:": "the files {}",
    "read://": "{}",
    "listed://": "the names in {}",
    "link://": "the target of the link {}",
}
"""What an invariant of each name space is called in messages."""


NO_FUNCTION = Fingerprint(b"no function")
"""The fingerprint of None in place of a function."""

ITS_FILES = "(its files)"
"""Stands for the files of a job among the arguments of its function; no parameter can have this name."""

Following = Literal["project", "none"]
"""Whether a FunctionInvariant also observes the objects that the function refers to by name."""


class ParameterInvariant(Job):
    """ParameterInvariant: observes a value: numbers, strings, containers, arrays, frames, by content and type.

        job = ppg.file("a.txt")(lambda out: out.write_text("a"))
        job.depends_on(ppg.ParameterInvariant("threshold", {"quality": 20}))
        ppg.run()

    Parameters:
        job_id: its name. Names of parameters have a separate name space: a job may have the same name. The
            `job_id` of the invariant itself is "PI:" and the name.
        parameters: the value. It is read when the invariant is declared; later changes to it are not observed.

    Raises:
        TypeError: the value cannot be fingerprinted; the message has the path to the culprit.
        JobContractError: there are parameters of that name with another value.
    """

    __slots__ = ("encoding",)
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    _name_space: ClassVar[str] = "PI:"
    _if_declared_twice: ClassVar[str] = (
        "give all parameters of a job in one call of depends_on_params, or give one of them another name "
        "(ppg.ParameterInvariant)"
    )
    encoding: bytes

    def __init__(
        self, job_id: PathLike, parameters: object, *, pipegraph: "GraphProtocol | None" = None
    ) -> None:
        super().__init__(
            WholeName(self._name_space + full_id(_name(job_id, "ParameterInvariant"))), pipegraph
        )
        try:
            self.encoding = encode_parameters(parameters)
        except CannotFingerprint as error:
            raise TypeError(f"{type(self).__name__} '{self.job_id}': {error}") from error

    def definition(self) -> dict[str, object]:
        """The value, encoded."""
        return {"parameters": self.encoding}

    def observe(self, observing: Observing) -> Observation:
        """The value's fingerprint."""
        fingerprint = Fingerprint(fingerprint_encoding(self.encoding))
        observing.history.saw(self.job_id, StoredObservation(fingerprint, parameters=self.encoding))
        return fingerprint


class FileChecksumInvariant(NamedAfterFile, Job):
    """FileChecksumInvariant: observes the content of an input file, by its hash; an unchanged file is only stat'ed.

        Path("in.txt").write_text("1")
        invariant = ppg.FileChecksumInvariant("in.txt")
        copy = ppg.file("copy.txt")(lambda out: out.write_text(Path("in.txt").read_text()))
        copy.depends_on(invariant)
        ppg.run()
        assert copy.path.read_text() == "1"

    Parameters:
        filename: the file, which no job makes; relative to the pipegraph's root, or absolute.
        algorithm: md5, xxh3_128 (the fastest), sha256, blake2b, blake3 (if installed), or another of hashlib's. By
            default the hash of the last observation. At the first observation this is the hash with which ppg
            recorded the file when a job made it, or read it without depending on it, or else md5.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: a job makes the file, or another kind of invariant observes it.
    """

    __slots__ = ("_is_chosen", "algorithm")
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    observes_file: ClassVar[bool] = True
    algorithm: str
    _is_chosen: bool
    """Whether the script names the algorithm."""

    def __init__(
        self, filename: PathLike, *, algorithm: str | None = None, pipegraph: "GraphProtocol | None" = None
    ) -> None:
        super().__init__(WholeName(require_path(filename, "FileChecksumInvariant: filename")), pipegraph)
        self.job_id: JobId = self.pipegraph._file_id(self.job_id)
        self._is_chosen = algorithm is not None
        self.algorithm = "md5" if algorithm is None else algorithm
        require_algorithm(self.algorithm)

    def definition(self) -> dict[str, object]:
        """Return the name of the hash."""
        return {"algorithm": self.algorithm}

    @staticmethod
    def observe_together(
        jobs: Sequence["FileChecksumInvariant"], observing: Observing
    ) -> Sequence[Observation]:
        """Return the fingerprint of each file's content; changed files are hashed on all cores."""
        observations: list[Observation] = [Unobservable("")] * len(jobs)
        by_algorithm: dict[str, list[int]] = {}
        missing = 0
        for index, job in enumerate(jobs):
            by_algorithm.setdefault(job._algorithm_of(observing.history), []).append(index)
        for algorithm, alike in by_algorithm.items():
            remembered = [
                (
                    absolute(jobs[index].job_id, observing.root),
                    observing.history.input_file(jobs[index].job_id),
                )
                for index in alike
            ]
            states = observe_files(remembered, algorithm=algorithm, should_stop=observing.should_stop)
            for index, (_, before), state in zip(alike, remembered, states, strict=True):
                if isinstance(state, FileUnobservable):
                    # Many inputs are missing for one reason, and to look for names takes long in large graphs.
                    missing += 1
                    observations[index] = missing_input(
                        jobs[index], state, suggests=missing <= MOST_SUGGESTIONS
                    )
                    continue
                fingerprint = Fingerprint(content_fingerprint(state))
                if state is not before:
                    observing.history.saw(jobs[index].job_id, StoredObservation(fingerprint, file=state))
                observations[index] = fingerprint
        return observations

    def _algorithm_of(self, history: HistoryProtocol) -> str:
        """Return the algorithm for the next observation: a file keeps its fingerprint if its maker moves away."""
        if self._is_chosen:
            return self.algorithm
        before = (
            history.input_file(self.job_id)
            or history.made_file(self.job_id)
            or history.input_file(read_id(self.job_id))
        )
        if before is None:
            return self.algorithm
        try:
            require_algorithm(before.algorithm)
        except ValueError:  # for example blake3, which is not installed any more
            return self.algorithm
        return before.algorithm

    @classmethod
    def stand_in(
        cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol"
    ) -> "FileChecksumInvariant":
        """Return an invariant that observes the same file, with the hash of the last observation."""
        seen = history.input_file(job_id)
        algorithm = "md5" if seen is None else seen.algorithm
        return unadmitted(cls, job_id, algorithm=algorithm, pipegraph=pipegraph)


FileInvariant = FileChecksumInvariant
"""The name in pypipegraph and pypipegraph2."""


class FileTimeInvariant(NamedAfterFile, Job):
    """FileTimeInvariant: observes the modification time of an input file, in nanoseconds; never reads the file.

        Path("in.txt").write_text("1")
        copy = ppg.file("copy.txt")(lambda out: out.write_text(Path("in.txt").read_text()))
        copy.depends_on(ppg.FileTimeInvariant("in.txt"))
        ppg.run()
        assert copy.path.read_text() == "1"

    Parameters:
        filename: the file, which no job makes; relative to the pipegraph's root, or absolute.
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    observes_file: ClassVar[bool] = True

    def __init__(self, filename: PathLike, *, pipegraph: "GraphProtocol | None" = None) -> None:
        super().__init__(WholeName(require_path(filename, "FileTimeInvariant: filename")), pipegraph)
        self.job_id: JobId = self.pipegraph._file_id(self.job_id)

    def observe(self, observing: Observing) -> Observation:
        """Return the fingerprint of the file's modification time."""
        try:
            nanoseconds = observe_modification_time(absolute(self.job_id, observing.root))
        except FileUnobservable as error:
            return missing_input(self, error)
        return self.fingerprint_of(nanoseconds)

    @staticmethod
    def fingerprint_of(nanoseconds: int) -> Fingerprint:
        """Return the fingerprint of a modification time, in nanoseconds since the epoch."""
        return Fingerprint(b"mtime:%d" % nanoseconds)

    def sharing_obstacle(self) -> str:
        """Return a reason, because two different files may have the same time."""
        return (
            f"it depends on the time of '{self.job_id}', which says nothing about what is in that file elsewhere; "
            "use a FileChecksumInvariant"
        )

    @classmethod
    def stand_in(
        cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol"
    ) -> "FileTimeInvariant":
        """Return an invariant that observes the same file."""
        return unadmitted(cls, job_id, pipegraph=pipegraph)


class FunctionInvariant(Job):
    """FunctionInvariant: observes the code of a function: bytecode, constants, defaults, captured values.

    Every job with a callback has one implicitly, unless its `ignore_code_changes()` was called.

        def helper() -> str:
            return "a"

        job = ppg.file("a.txt")(lambda out: out.write_text("a"))
        job.depends_on(ppg.FunctionInvariant("helper", helper))
        ppg.run()

    Parameters:
        job_id: its name. Names of functions have a separate name space: a job may have the same name. The
            `job_id` of the invariant itself is "function:" and the name.
        function: any callable. It is read when the graph runs. None is a function that never changes.
        follow: "project" also observes the functions, classes and constants of the user's project that the code
            refers to by name, and the versions of installed distributions; "none" observes only the function. By
            default the setting of the pipegraph counts.
        watch_globals: whether the values of the global names count, too; by default the setting of the pipegraph.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.
        JobContractError: there is an invariant of that name with another function.
    """

    __slots__ = ("follow", "function", "watch_globals")
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    _name_space: ClassVar[str] = "function:"
    _its_files: tuple[object, ...] = ()
    """The files that it makes, as it gets them, if no name of a job tells that."""
    function: Callable[..., object] | None
    follow: Following | None
    watch_globals: bool | None

    def __init__(
        self,
        job_id: PathLike,
        function: "Callback | None",
        *,
        follow: Following | None = None,
        watch_globals: bool | None = None,
        pipegraph: "GraphProtocol | None" = None,
    ) -> None:
        name = full_id(_name(job_id, "FunctionInvariant"))
        if function is not None and not is_function(function):
            raise TypeError(
                f"FunctionInvariant '{name}': the function must be callable, and no job, or None, but is {function!r}"
            )
        super().__init__(WholeName(self._name_space + name), pipegraph)
        self.function = function
        self.follow = None if follow is None else require_following(follow)
        self.watch_globals = (
            None if watch_globals is None else require_flag(watch_globals, "FunctionInvariant: watch_globals")
        )

    def definition(self) -> dict[str, object]:
        """Return the function, and how far it is followed."""
        return {"function": self.function, "follow": self.follow, "watch_globals": self.watch_globals}

    def observe(self, observing: Observing) -> Observation:
        """Return the fingerprint of the function's code and of the objects that the code refers to."""
        if self.function is None:
            observing.history.saw(self.job_id, StoredObservation(NO_FUNCTION))
            return NO_FUNCTION
        watches = observing.watch_globals if self.watch_globals is None else self.watch_globals
        names: Follow | None = observing.functions if watches else observing.functions_without_values
        if (self.follow or observing.follow) == "none":
            names = None
        before = None
        try:
            state = fingerprint_function(self.function, follow=names)
            if self._its_files:
                before = state
                with_files = functools.partial(self.function, **{ITS_FILES: self._its_files})
                state = fingerprint_function(with_files, follow=names)
        except CannotFingerprint as error:
            return Unobservable(f"the function cannot be fingerprinted: {error}")
        if names is not None and names.left_out:
            observing.left_out.extend((self.job_id, left_out) for left_out in names.take_left_out())
        found = observing.history.fingerprint_that_counts(
            self.job_id, state, lambda: self._former_state(observing, follows=names is not None), before
        )
        if found.is_newly_watched:
            observing.newly_watched.append(self.job_id)
        if not found.is_recorded:
            observing.history.saw(
                self.job_id, StoredObservation(found.fingerprint, function=state, own=found.own)
            )
        return found.fingerprint

    def _former_state(self, observing: Observing, *, follows: bool) -> FunctionState | None:
        """Return what a ppg that did not watch the values of globals would see of the function."""
        names = observing.former_functions if follows else None
        assert self.function is not None
        try:
            return fingerprint_function(self.function, follow=names, former=True)
        except CannotFingerprint:
            return None

    def leaves_code_unobserved(self, follow: str) -> bool:
        """Whether names in the function are not followed."""
        return self.function is not None and (self.follow or follow) == "none"


class OwnFunctionInvariant(FunctionInvariant):
    """OwnFunctionInvariant: observes the function that a job calls, and is named after the job."""

    __slots__ = ("_its_files",)
    _name_space: ClassVar[str] = "FI:"
    _its_files: tuple[object, ...]

    @classmethod
    def of(
        cls, owner: Job, function: "Callback", its_files: tuple[object, ...] = ()
    ) -> "OwnFunctionInvariant":
        """Return the invariant of a job's function, declared where the job is; not admitted to the pipegraph yet.

        Nearly every job has one. Its arguments need no checks, so this takes a third of the time of `__init__`.
        """
        made = object.__new__(cls)
        made._pipegraph = owner._pipegraph
        made._declared_at = owner._declared_at
        made._cores_needed = 1
        made._memory_needed = -1
        made.job_id = cls._name_space + owner.job_id  # type: ignore[assignment]
        made.function = function
        made._its_files = its_files
        made.follow = None
        made.watch_globals = None if owner.execution.watch_globals else False
        return made


def _taking_either_order(declare: Callable[..., None]) -> Callable[..., None]:
    """Let a FunctionInvariant take its arguments in the order of pypipegraph2, too: the function, and a name if any."""

    @functools.wraps(declare)
    def init(self: FunctionInvariant, *given: Any, **options: Any) -> None:
        match given:
            case (function,) if is_function(function) and "function" not in options:
                name = shared_function_name(function)
                if name is None:
                    raise TypeError(
                        f"FunctionInvariant: only functions of modules have a name of their own, not {function!r}; "
                        "pass a name before the function"
                    )
                given = name, function
            case (function, str() as name) if is_function(function):
                given = name, function
        declare(self, *given, **options)

    return init


if not TYPE_CHECKING:  # type checkers must see one order
    FunctionInvariant.__init__ = _taking_either_order(FunctionInvariant.__init__)


def require_following(value: str) -> Following:
    """Return a valid value of `follow`.

    Raises:
        ValueError: it is neither "project" nor "none".
    """
    if value not in {"project", "none"}:
        raise ValueError(f'follow must be "project" or "none", not {value!r}')
    return "project" if value == "project" else "none"


def _name(job_id: PathLike, what: str) -> str:
    """Return the name of an invariant: a text, or the path of the observed file."""
    name = os.fspath(job_id) if isinstance(job_id, os.PathLike) else job_id
    require_id(name, what)
    return name


def name_space_of(job_id: JobId) -> str:
    """The name space of an invariant's id; empty for files, and for kinds that ppg does not know."""
    return next((space for space in READABLE if job_id.startswith(space)), "")


def readable_name(job_id: JobId) -> str:
    """What an invariant is called in messages: `the function of a.txt`; a file is called as it is."""
    space = name_space_of(job_id)
    return READABLE[space].format(job_id.removeprefix(space)) if space else job_id


def shared_function_name(function: object) -> str | None:
    """Return the name of the invariant that users of a module-level function share; None for local functions."""
    if type(function) is not FunctionType or "<" in function.__qualname__:
        return None
    return lasting_name(function.__module__, function.__qualname__)
