"""Tool version: observes the version of an installed tool."""

import os
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from ppg.jobs.job import Job, unadmitted
from ppg.kinds.kind import HistoryProtocol, Observing
from ppg.paths import refuse_job
from ppg.session.namespaces import WholeName
from ppg.worker.command import find_program
from ppg_graph import Fingerprint, JobId, NodeKind, Observation, Unobservable
from ppg_invariants import (
    FileStat,
    FileWatch,
    ObservationInterrupted,
    StoredObservation,
    encode_parameters,
    fingerprint_encoding,
)

if TYPE_CHECKING:
    import subprocess

    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["ToolVersionInvariant", "checked_environment", "checked_exit_codes"]

PATIENCE = 120.0
"""Seconds after which a tool that does not answer becomes unobservable."""
BETWEEN_LOOKS = 0.1
"""Seconds between two checks whether the user wants to stop."""


class ToolVersionInvariant(Job):
    """ToolVersionInvariant: observes the text that a tool's version command prints, to stdout and stderr.

    The command runs once in each run of the pipegraph, at its start, in the pipegraph's root, however many jobs
    depend on it. Its text must be the same from one run to the next.

        job = ppg.ExternalJob("n.txt", ["echo", "1"], stdout="n.txt")
        job.depends_on(ppg.ToolVersionInvariant(["sh", "-c", "echo 1.0"]))
        ppg.run()

    Parameters:
        command: the tool and its arguments: `["samtools", "--version"]`.
        environment: variables to set for it, besides the inherited ones.
        success: the exit codes with which the tool answers; some tools have no option for their version, but print it
            in an error message.

    Raises:
        TypeError, ValueError: an argument has the wrong type or value.

    Attributes:
        asked: the program that the last observation asked, and its stat just before; None if there was none.
    """

    __slots__ = ("asked", "command", "environment", "success")
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    asked: tuple[str, FileStat] | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    success: frozenset[int]

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        environment: Mapping[str, str | os.PathLike[str]] | None = None,
        success: Iterable[int] = (0,),
        pipegraph: "GraphProtocol | None" = None,
    ) -> None:
        what = "ToolVersionInvariant"
        if isinstance(command, str) or not isinstance(command, Sequence):
            raise TypeError(
                f'{what}: command must be a list like ["samtools", "--version"], not {command!r}; '
                "no shell takes it apart"
            )
        if not command or not all(isinstance(word, (str, os.PathLike)) for word in command):
            raise TypeError(f"{what}: command must be a tool and its arguments as texts, not {command!r}")
        for word in command:
            refuse_job(word, f"{what}: command")
        self.command = tuple(os.fspath(word) for word in command)
        self.asked = None
        self.environment = checked_environment(environment, what)
        self.success = checked_exit_codes(success, what)
        settings = "".join(f"{name}={shlex.quote(value)} " for name, value in self.environment.items())
        super().__init__(WholeName(f"version:{settings}{shlex.join(self.command)}"), pipegraph)

    def definition(self) -> dict[str, object]:
        """Return the exit codes; the id contains the other arguments."""
        return {"success": self.success}

    @staticmethod
    def observe_together(
        jobs: Sequence["ToolVersionInvariant"], observing: Observing
    ) -> Iterable[Observation]:
        """Yield the fingerprint of each tool's text; all tools run at the same time."""
        for job, answer in zip(jobs, _ask(jobs, observing.root, observing.should_stop), strict=True):
            if isinstance(answer, Unobservable):
                yield answer
                continue
            encoding = encode_parameters(answer)
            fingerprint = Fingerprint(fingerprint_encoding(encoding))
            observing.history.saw(job.job_id, StoredObservation(fingerprint, parameters=encoding))
            yield fingerprint

    def stand_in_notes(self) -> object:
        """Return command, variables and exit codes."""
        return [list(self.command), dict(self.environment), sorted(self.success)]

    @classmethod
    def stand_in(
        cls, job_id: JobId, notes: Any, history: HistoryProtocol, pipegraph: "GraphProtocol"
    ) -> "ToolVersionInvariant | None":
        """Return an invariant that observes the same tool."""
        if notes is None:
            return None
        command, environment, success = notes
        return unadmitted(cls, command, environment=environment, success=success, pipegraph=pipegraph)


def checked_environment(
    environment: Mapping[str, str | os.PathLike[str]] | None, what: str
) -> dict[str, str]:
    """Return the variables as texts, sorted by name.

    Raises:
        TypeError, ValueError: a name or value cannot be a variable; the message begins with `what`.
    """
    if environment is None:
        return {}
    if not isinstance(environment, Mapping):
        raise TypeError(f"{what}: environment must be a dictionary of texts, not {environment!r}")
    for name, value in cast("Mapping[object, object]", environment).items():
        if not isinstance(name, str) or not isinstance(value, (str, os.PathLike)):
            raise TypeError(f"{what}: environment must be a dictionary of texts, but has {name!r}: {value!r}")
        refuse_job(value, f"{what}: environment: {name}")
        if not name or "=" in name or "\0" in name or "\0" in os.fspath(value):
            raise ValueError(
                f"{what}: environment cannot have {name!r}: {value!r}; a name has no '=', and no text has a NUL"
            )
    return {name: os.fspath(environment[name]) for name in sorted(environment)}


def checked_exit_codes(success: Iterable[object], what: str) -> frozenset[int]:
    """Return the exit codes that mean success.

    Raises:
        TypeError, ValueError: a value is no exit code; the message begins with `what`.
    """
    try:
        codes = frozenset(success)
    except TypeError:
        raise TypeError(f"{what}: success must be a list of exit codes, not {success!r}") from None
    numbers = frozenset(code for code in codes if isinstance(code, int) and 0 <= code <= 255)
    if not codes or numbers != codes:
        raise ValueError(f"{what}: success must be exit codes from 0 to 255, not {success!r}")
    return numbers


def _ask(
    jobs: Sequence[ToolVersionInvariant], root: str, should_stop: Callable[[], bool] | None
) -> list[str | Unobservable]:
    """Return the text that each command prints, in order.

    Raises:
        ObservationInterrupted: `should_stop` returned True.
    """
    started: list[subprocess.Popen[bytes] | Unobservable] = []
    deadline = time.monotonic() + PATIENCE
    try:
        for job in jobs:
            started.append(_start(job, root))  # noqa: PERF401 (the started ones are ended if the next one fails)
        return [
            process if isinstance(process, Unobservable) else _answer(job, process, deadline, should_stop)
            for job, process in zip(jobs, started, strict=True)
        ]
    finally:
        for process in started:
            if not isinstance(process, Unobservable):
                _end(process)


def _start(job: ToolVersionInvariant, root: str) -> "subprocess.Popen[bytes] | Unobservable":
    import subprocess  # noqa: PLC0415 (a graph that only declares starts no programs)

    variables = {**os.environ, **job.environment}
    tool = job.command[0]
    program = find_program(tool if "/" not in tool else str(Path(root, tool)), variables)
    if program is None:
        where = f"in '{root}'" if "/" in tool else f"in PATH ({':'.join(os.get_exec_path(variables))})"
        return Unobservable(
            f"the tool '{tool}' was not found {where}; {_needed_by(job)}; install it, or give its path"
        )
    program_stat = FileWatch().look(program)
    job.asked = None if program_stat is None else (program, program_stat)
    try:
        return subprocess.Popen(
            job.command,
            executable=program,
            cwd=root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C goes to the main process, which ends the tool.
            start_new_session=True,
        )
    except OSError as error:
        return Unobservable(
            f"the tool '{tool}' cannot be started: {error.strerror}; {_needed_by(job)}; see that it may be executed"
        )


def _answer(
    job: ToolVersionInvariant,
    process: "subprocess.Popen[bytes]",
    deadline: float,
    should_stop: Callable[[], bool] | None,
) -> str | Unobservable:
    import subprocess  # noqa: PLC0415 (imported already)

    while True:
        try:
            output, _ = process.communicate(timeout=BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if should_stop is not None and should_stop():
                raise ObservationInterrupted from None
            if time.monotonic() > deadline:
                return Unobservable(
                    f"the tool did not answer within {PATIENCE:g} seconds; {_needed_by(job)}; give a command that ends sooner"
                )
            continue
        break
    text = output.decode(errors="backslashreplace")
    if process.returncode not in job.success:
        end = (
            f"ended with exit code {process.returncode}"
            if process.returncode >= 0
            else f"was ended by signal {-process.returncode}"
        )
        return Unobservable(
            f"the tool {end}; {_needed_by(job)}. If that is how it answers, say "
            f"success=[{process.returncode}]. It said: {text.strip()[:1000] or 'nothing'}"
        )
    if not text.strip():
        return Unobservable(
            f"the tool said nothing; {_needed_by(job)}; give a command that prints the version"
        )
    return text


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, 9)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _needed_by(job: ToolVersionInvariant) -> str:
    if job.job_id not in job.pipegraph.dag:
        return "needed by what a generator makes"
    names = [f"'{downstream.job_id}'" for downstream in job.downstreams]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"needed by {', '.join(names[:3])}{more}"
