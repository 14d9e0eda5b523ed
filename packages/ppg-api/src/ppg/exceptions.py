"""Exceptions: the errors that ppg raises for its users.

Every error that a user can repair is a `PyPipelineGraphError` or a subclass, with a message that names the
job and the remedy. Any other error that ppg raises is a defect of ppg.
"""

import builtins
import contextlib
import signal
from collections.abc import Iterator, KeysView, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from ppg.porting.guards import raise_for_name
from ppg.text import counted, one_line
from ppg_exec import SentException

__all__ = [
    "CacheUnreadableError",
    "CommandError",
    "CycleError",
    "InputChangedError",
    "InternalError",
    "JobContractError",
    "JobDiedException",
    "JobError",
    "PyPipeGraphError",
    "PyPipelineGraphError",
    "RunFailed",
    "RuntimeError",
    "UnknownJobError",
    "ValueUnreadableError",
    "class_and_message",
    "how_it_died",
]


FINGERPRINTED = 2
"""The protocol of pickle by which fingerprints look at captured objects."""


ERRORS_NAMED = 20
"""Number of different errors that the message of a failed run has; its attribute has all."""
JOBS_NAMED = 3
"""Number of jobs with the same error that it names."""

UNREADABLE_REMEDY = ". Let the calculation return something that can be pickled and unpickled"


class PyPipelineGraphError(Exception):
    """The base of all errors that ppg raises for its users.

    They can be pickled, with all their attributes. Pickle calls a class with the message alone, so the other
    parameters have defaults. A fingerprint of an error consists of what `__reduce_ex__(2)` returns, which must stay.

        ppg.run()
        try:
            ppg.run()
        except ppg.PyPipelineGraphError as error:
            assert "runs only once" in str(error)
    """


PyPipeGraphError = PyPipelineGraphError


class JobContractError(PyPipelineGraphError):
    """A job breaks a rule: two jobs make one file, a job makes no output, a definition changed, ...

    For example:

        ppg.FileGeneratingJob("a.txt", lambda path: None)
        try:
            ppg.run()
        except ppg.RunFailed as failed:
            assert isinstance(failed.exceptions["a.txt"], ppg.JobContractError)
    """


class UnknownJobError(PyPipelineGraphError, KeyError):
    """A pipegraph, or the result of a run, has no job of this name, and no job that makes this file.

    The message has names like it.

        import ppg

        graph = ppg.Pipegraph(quiet=True)
        try:
            graph["a.txt"]
        except ppg.UnknownJobError as error:
            assert isinstance(error, KeyError)
    """

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InputChangedError(PyPipelineGraphError):
    """A file that a job reads changed between the time when ppg looked at it and the end of the job.

    For example:

        Path("in.txt").write_text("1")

        @ppg.file("out.txt")
        def out(out: Path, read: Path = ppg.upstream("in.txt")) -> None:
            read.write_text("another content")
            out.write_text("x")

        try:
            ppg.run()
        except ppg.RunFailed as failed:
            assert isinstance(failed.exceptions["out.txt"], (ppg.InputChangedError, ppg.JobContractError))
    """


class CacheUnreadableError(PyPipelineGraphError):
    """The value of a cached job cannot be read back from its cache file, although it was just calculated.

        error = ppg.CacheUnreadableError("cache/numbers", "the disk has an error")
        assert isinstance(error, ppg.PyPipelineGraphError)
        assert "cache/numbers" in str(error)

    Attributes:
        cache: the cache file.
        reason: the exception that was raised while reading it, in words.
    """

    def __init__(self, cache: str, reason: str) -> None:
        self.cache = cache
        self.reason = reason
        super().__init__(cache, reason)

    def __str__(self) -> str:
        return f"The cache file '{self.cache}' cannot be read: {self.reason}{UNREADABLE_REMEDY}"


class ValueUnreadableError(CacheUnreadableError):
    """A stored value cannot be read from its file, although the file is the one that its job has left."""

    def __str__(self) -> str:
        return (
            f"The stored value '{self.cache}' cannot be read: {self.reason}. Remove the file and run again, then the value is "
            "calculated again; keep the classes of stored values in modules that can be imported"
        )


class CycleError(PyPipelineGraphError):
    """Jobs depend on each other in a circle, or a job depends on itself.

        a = ppg.file("a.txt")(lambda out: out.write_text("a"))
        b = ppg.file("b.txt")(lambda out: out.write_text("b")).depends_on(a)
        try:
            a.depends_on(b)
        except ppg.CycleError as error:
            assert "a.txt" in str(error)
        ppg.run()

    Attributes:
        path: the job ids along the cycle, each upstream of the next; the first one is repeated at the end.
        places: where jobs of the path are declared, as "file:line", by job id; for a long path only its ends.
    """

    def __init__(self, path: Sequence[str], places: Mapping[str, str] | None = None) -> None:
        self.path: tuple[str, ...] = tuple(path)
        self.places: dict[str, str] = dict(places or {})
        super().__init__("\n".join(self._lines()))

    def __reduce__(self) -> tuple[object, ...]:
        return CycleError, (self.path, self.places)

    def _lines(self) -> Iterator[str]:
        jobs = self.path[:-1]
        if len(jobs) > 2:
            yield f"{len(jobs):,} jobs depend on each other in a circle; remove one of these dependencies:"
            shown = (*self.path[:10], "...", *self.path[-10:]) if len(self.path) > 24 else self.path
            for position, job_id in enumerate(shown):
                place = self.places.get(job_id) if position < len(shown) - 1 else None
                yield f"  {'→ ' if position else ''}{job_id}" + (f" (declared at {place})" if place else "")
            return
        way = " → ".join(self.path)
        if len(jobs) == 2:
            yield f"Two jobs depend on each other: {way}; remove one of these dependencies"
        else:
            yield f"'{jobs[0]}' cannot depend on itself: {way}; remove that dependency"
        yield from (
            f"  '{job_id}' is declared at {self.places[job_id]}" for job_id in jobs if job_id in self.places
        )


class JobError(PyPipelineGraphError):
    """A callback's exception could not be sent to the main process, or a job could not be observed.

    The message contains the type and text of the exception, or the reason why the job cannot be observed.

        ppg.file("out.txt")(lambda out: out.write_text("x")).depends_on("missing.txt")
        try:
            ppg.run()
        except ppg.RunFailed as failed:
            assert any(isinstance(error, ppg.JobError) for error in failed.exceptions.values())

    Attributes:
        type_name: the qualified name of the exception's class; "Unobservable" for a failed observation.
    """

    def __init__(self, message: str, type_name: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name


class JobDiedException(PyPipelineGraphError):  # noqa: N818 (the name is part of pypipegraph's interface)
    """A job's process ended without reporting a result.

        ppg.FileGeneratingJob("a.txt", lambda path: os.kill(os.getpid(), 9))
        try:
            ppg.run()
        except ppg.RunFailed as failed:
            assert isinstance(failed.exceptions["a.txt"], ppg.JobDiedException)

    Attributes:
        exit_code: the exit code of the process, or None if a signal ended it.
        signal: the number of the signal that ended the process, or None.
        likely_cause: the probable cause, in words.
    """

    def __init__(
        self,
        job_id: str,
        exit_code: int | None = None,
        signal_number: int | None = None,
        likely_cause: str | None = None,
    ) -> None:
        if likely_cause is None:
            super().__init__(job_id)  # pickle passes the message
            return
        self.exit_code = exit_code
        self.signal = signal_number
        self.likely_cause = likely_cause
        how = how_it_died(exit_code, signal_number, likely_cause)
        super().__init__(f"The process of job '{job_id}' {how}")


class CommandError(PyPipelineGraphError):
    """The program of an ExternalJob was not found, could not be started, or ended without success.

        ppg.ExternalJob("out.txt", ["sh", "-c", "exit 3"])
        try:
            ppg.run()
        except ppg.RunFailed as failed:
            assert isinstance(failed.exceptions["out.txt"], ppg.CommandError)

    Attributes:
        command: the program and its arguments.
        exit_code: the program's exit code, or None if a signal ended it or it never ran.
        signal: the number of the signal that ended the program, or None.
    """

    def __init__(
        self,
        message: str,
        command: Sequence[str],
        exit_code: int | None = None,
        signal_number: int | None = None,
    ) -> None:
        super().__init__(message)
        self.command: tuple[str, ...] = tuple(command)
        self.exit_code = exit_code
        self.signal = signal_number

    def __reduce__(self) -> tuple[object, ...]:
        return CommandError, (str(self), self.command, self.exit_code, self.signal)


class RuntimeError(PyPipelineGraphError, builtins.RuntimeError):  # noqa: A001 (the name is part of pypipegraph's interface)
    """At least one job failed; raised at the end of a run, after all jobs that could run.

        ppg.file("a.txt")(lambda out: 1 / 0)
        try:
            ppg.run()
        except ppg.RunFailed as failed:
            assert isinstance(failed.exceptions["a.txt"], ZeroDivisionError)

    Attributes:
        exceptions: the exception of every failed job, by job id, in the order of failure. The main process unpickles
            each of them when it is read first.
        blocked: the ids of the jobs that could not run because of these failures.
    """

    def __init__(
        self, exceptions: Mapping[str, BaseException | SentException] | str, blocked: Sequence[str] = ()
    ) -> None:
        if isinstance(exceptions, str):
            super().__init__(exceptions)  # pickle passes the message
            return
        held = dict(exceptions)
        self.exceptions: Mapping[str, BaseException] = _Exceptions(held)
        self.blocked: tuple[str, ...] = tuple(blocked)
        lines = [f"{counted(len(held), 'job')} failed"]
        if self.blocked:
            lines[0] += f", and {counted(len(self.blocked), 'job')} could not run because of that"
        alike: dict[str, list[str]] = {}
        for job_id, exception in held.items():
            name, message = class_and_message(exception)
            alike.setdefault(f"{name}: {(message.splitlines() or [''])[0]}", []).append(job_id)
        for error, job_ids in list(alike.items())[:ERRORS_NAMED]:
            names = ", ".join(f"'{job_id}'" for job_id in job_ids[:JOBS_NAMED])
            more = f" and {len(job_ids) - JOBS_NAMED:,} more" if len(job_ids) > JOBS_NAMED else ""
            lines.append(one_line(f"  {names}{more}: {error}"))
        others = sum(len(job_ids) for job_ids in list(alike.values())[ERRORS_NAMED:])
        if others:
            lines.append(f"  and {others:,} more (the attribute `exceptions` has them all)")
        lines.append("Fix them and run again: only these jobs and their downstream jobs will run.")
        super().__init__("\n".join(lines))

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if int(protocol) <= FINGERPRINTED:
            return type(self), self.args, {**self.__dict__, "exceptions": dict(self.exceptions)}
        # In a pickle, a `JobError` stands for an exception that cannot be pickled.
        exceptions = {job_id: _portable(exception) for job_id, exception in self.exceptions.items()}
        return type(self), self.args, {**self.__dict__, "exceptions": exceptions}

    def __reduce__(self) -> str | tuple[Any, ...]:
        # Where Dask is imported, exceptions are pickled by way of this.
        return self.__reduce_ex__(FINGERPRINTED + 1)


RunFailed = RuntimeError
"""The same under a name that hides nothing of Python."""


class _Exceptions(Mapping[str, BaseException]):
    """Exceptions: maps job ids to exceptions, and unpickles each of them when it is read first."""

    def __init__(self, held: Mapping[str, BaseException | SentException]) -> None:
        self._held = held

    def __getitem__(self, job_id: object) -> BaseException:
        if not isinstance(job_id, str):  # pypipegraph had a list here
            raise KeyError(f"exceptions are by job id: use list(error.exceptions.values())[{job_id!r}]")
        held = self._held[job_id]
        if not isinstance(held, SentException):
            return held
        return held.open() or JobError(f"{held.type_name}: {held.message}", held.type_name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def keys(self) -> KeysView[str]:
        return self._held.keys()

    def __repr__(self) -> str:
        return repr(dict(self))


def class_and_message(exception: BaseException | SentException) -> tuple[str, str]:
    """Return the name of an exception's class, without its module, and the exception's text; unpickle nothing."""
    if isinstance(exception, SentException):
        return exception.type_name.rpartition(".")[2], exception.message
    return type(exception).__name__, _text_of(exception)


def _portable(exception: BaseException) -> BaseException:
    import pickle  # noqa: PLC0415 (rarely needed)

    with contextlib.suppress(Exception):  # user code runs here; an exception that it spoils goes as text
        if type(pickle.loads(pickle.dumps(exception))) is type(exception):  # noqa: S301 (its own bytes)
            return exception
    name = type(exception).__qualname__
    return JobError(f"{name}: {_text_of(exception)}", name)


def _text_of(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception as second:  # noqa: BLE001 (a __str__ of the user that raises must not hide the error)
        return f"<its __str__ raised {type(second).__name__}>"


class InternalError(Exception):
    """ppg has a defect, not the user's script; please report it with the text of this message.

    For example:

        try:
            ppg.run()
        except ppg.InternalError as error:
            print("please report", error)
    """


def how_it_died(exit_code: int | None, signal_number: int | None, likely_cause: str) -> str:
    """Return how a process ended, for a message after its name; parameters as in `JobDiedException`."""
    if signal_number is not None:
        how = f"was ended by {_signal_name(signal_number)}"
    elif exit_code is not None:
        how = f"exited with code {exit_code}"
    else:
        how = "was ended"
    return f"{how}: {likely_cause}"


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Raise the error for an exception of pypipegraph2."""
        raise_for_name(__name__, name)
