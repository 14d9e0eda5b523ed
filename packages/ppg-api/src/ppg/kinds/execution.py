"""Execution: how a job's callback is executed: for how long, how often, where, with which cores and memory.

These options do not count as a change of the job, because its outputs do not depend on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from ppg.arguments import require_flag
from ppg.kinds.confining import require_confinable
from ppg.kinds.resources import NOT_STATED, Cores, cores_of, memory_of, seconds_of
from ppg.kinds.track import Track, require_track
from ppg.kinds.undeclared import Undeclared, require_undeclared

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = [
    "AS_USUAL",
    "Execution",
    "ExecutionOptions",
    "Isolation",
    "JobDefaults",
    "LoadOptions",
    "execution_of",
]

Isolation = Literal["fork", "fresh"]
"""The origin of the fork: the compute node with all loaded data, or a clean process."""


class LoadOptions(TypedDict, total=False):
    """LoadOptions: the keyword options of jobs that load; see `Execution`."""

    timeout: "float | str | timedelta | None"
    retries: int
    cores: Cores
    memory: int | str | None
    undeclared: Undeclared | None
    watch_globals: bool


class ExecutionOptions(LoadOptions, total=False):
    """ExecutionOptions: the keyword options of jobs that run in job processes; see `Execution`."""

    enforce_memory: bool
    isolation: Isolation
    track: Track | None
    confine: bool | None


@dataclass(frozen=True, slots=True)
class Execution:
    """Execution: how a callback is executed.

    These are the keywords of all jobs that have a function or a program, and of the decorators:

        ppg.FileGeneratingJob(
            "out.txt", lambda path: path.write_text("x"), timeout="10m", cores=2, memory="1 GB", retries=2
        )

    Attributes:
        timeout: seconds after which the job is ended (SIGTERM, 5 seconds later SIGKILL) and has failed; a load is
            interrupted by an exception. None for no limit. As a keyword also a text, "90s", "10m", "1.5h" or
            "1h 30m", or a `timedelta`.
        retries: how often the job is started again if it raised, died or timed out. If it died of memory, the next
            attempt asks for twice as much.
        cores: the number of cores that the job occupies, 1 or more, or -1 for all of the machine; as a keyword also
            "all". It is the job's `cores_needed`, which can be set later.
        memory: the number of bytes that the job needs, so that fewer jobs run beside it; None if it is not stated. As a
            keyword also a text: "8 GB" (8e9 bytes), "512MiB" (512 * 2**20 bytes). It is the job's `memory_needed`.
        enforce_memory: end the job when it uses more memory than it states, instead of warning
            afterwards; without effect on a job that states none.
        isolation: "fork" gives the job a process forked from the compute node, with all loaded data. "fresh" gives it
            one forked from a process in which nothing was ever loaded. Use that for libraries that do not survive a
            fork once their threads run, such as polars. The objects that the callback refers to are copied for a
            fresh job, and data of loads is not there.
        watch_globals: whether the values of global names that the callback reads count as part of its code.
        undeclared: what happens if the callback reads a file of another job without depending on it: "warn", "fail"
            (the job fails), or "ignore" (no read is noted); None for the pipegraph's setting.
        track: which reads are noted: "python" for those of Python code, "strace" also for those of native code and
            programs; None for the pipegraph's setting. Loads have "python" only.
        confine: let the job read only what it depends on, the system and the project's modules, and write only its
            outputs and its folder for temporary files. The kernel's Landlock enforces that for the job and whatever it
            starts. None for what the pipegraph says.
    """

    timeout: float | None = None
    retries: int = 0
    enforce_memory: bool = False
    isolation: Isolation = "fork"
    watch_globals: bool = True
    undeclared: Undeclared | None = None
    track: Track | None = None
    confine: bool | None = None
    cores: int = 1
    memory: int | None = None


AS_USUAL = Execution()


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """Job defaults: what holds in a run for jobs that do not say it themselves; see `Execution`.

    Attributes:
        timeout: seconds; for jobs without a timeout.
        retries: for jobs without retries.
        memory: bytes; for jobs that do not state their memory.
    """

    timeout: float | None = None
    retries: int = 0
    memory: int | None = None


NO_DEFAULTS = JobDefaults()


def execution_of(options: Mapping[str, object], allowed: type, job: str) -> Execution:
    """Return the `Execution` of keyword options.

    Parameters:
        options: the given options.
        allowed: the TypedDict that lists the options.
        job: the name of the job in messages.

    Raises:
        TypeError: there is no such option, or it has the wrong type.
        ValueError: an option has an impossible value.
        PyPipelineGraphError: the job is to be confined, and this machine cannot do that.
    """
    if not options:
        return AS_USUAL
    known = list(allowed.__annotations__)
    for name in options:
        if name == "track" and name not in known:
            raise TypeError(
                f"{job} has no option 'track', as a load runs in the compute node, which is not traced; read what "
                "strace must see in a job of its own"
            )
        if name not in known:
            raise TypeError(f"{job} has no option '{name}'; its options for execution are {', '.join(known)}")
    return Execution(
        timeout=_timeout(options.get("timeout"), job),
        retries=_retries(options.get("retries", 0), job),
        enforce_memory=require_flag(options.get("enforce_memory", False), f"{job}: enforce_memory"),
        isolation=_isolation(options.get("isolation", "fork"), job),
        watch_globals=require_flag(options.get("watch_globals", True), f"{job}: watch_globals"),
        undeclared=_undeclared(options.get("undeclared"), job),
        track=_track(options.get("track"), job),
        confine=_confine(options.get("confine"), job),
        cores=cores_of(options.get("cores", 1), f"{job}: cores"),
        memory=_memory(options.get("memory"), job),
    )


def _confine(value: object, job: str) -> bool | None:
    if value is None:
        return None
    wanted = require_flag(value, f"{job}: confine")
    if wanted:
        require_confinable(job)
    return wanted


def _timeout(value: object, job: str) -> float | None:
    return None if value is None else seconds_of(value, f"{job}: timeout")


def _memory(value: object, job: str) -> int | None:
    memory = NOT_STATED if value is None else memory_of(value, f"{job}: memory")
    return None if memory == NOT_STATED else memory


def _retries(value: object, job: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{job}: retries must be an int, not {value!r}")
    if value < 0:
        raise ValueError(f"{job}: retries must be 0 or more, not {value}")
    return value


def _undeclared(value: object, job: str) -> Undeclared | None:
    return None if value is None else require_undeclared(value, f"{job}: undeclared")


def _track(value: object, job: str) -> Track | None:
    return None if value is None else require_track(value, f"{job}: track")


def _isolation(value: object, job: str) -> Isolation:
    for known in get_args(Isolation):
        if value == known:
            isolation: Isolation = known
            return isolation
    raise ValueError(f"{job}: isolation must be 'fork' or 'fresh', not {value!r}")
