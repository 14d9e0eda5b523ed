"""Tasks: defines what goes into an executor and what comes out of it."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ppg_exec.sent_exceptions import opens_exception
from ppg_exec.tracking.uses import FileUse, Tracking

__all__ = [
    "ALL_CORES",
    "Cancelled",
    "Died",
    "End",
    "ExecutorError",
    "LoadRepeated",
    "NameDiffers",
    "Notice",
    "Outcome",
    "Output",
    "Raised",
    "Refused",
    "RunsIn",
    "Started",
    "Succeeded",
    "Task",
    "TimedOut",
    "Unpicklable",
    "Usage",
]

ALL_CORES = -1
"""As `Task.cores`: every core that the executor has."""


class ExecutorError(RuntimeError):
    """ExecutorError: says that the executor itself cannot work; no task is to blame."""


def working_directory() -> str:
    """The working directory. Raises ExecutorError if it has been removed."""
    try:
        return os.getcwd()  # noqa: PTH109 - jobs import this module, and not pathlib
    except FileNotFoundError:
        raise ExecutorError(
            "the working directory has been removed; change to another one before the run"
        ) from None


class RunsIn(enum.Enum):
    """RunsIn: says where a task runs."""

    FORK = "fork"
    """In a separate process, forked from the compute node: it finds there what was loaded."""
    NODE = "node"
    """In the compute node itself, one after another: what it loads is there for all later forks."""
    FRESH = "fresh"
    """In a separate process, forked from a clean one: nothing is loaded, no library was used before."""


Place = RunsIn
"""The former name of `RunsIn`, which scripts and pickles contain."""


@dataclass(frozen=True, slots=True)
class Task:
    """Task: is one call to make.

    Args:
        key: the caller's name for it; unique among the tasks that have not ended.
        function, arguments: what to call. They are pickled when the task's turn comes, by reference where
            they belong to an importable module and by value otherwise.
        after: called in the same process once `function` has returned, for example to hash what it wrote; its
            result takes the place of the function's.
        place: where it runs.
        cores: how many cores it keeps busy; `ALL_CORES` for all of the executor's.
        memory: how many bytes it needs, if that is known. More than its cores' share of the machine makes it
            take as many cores as that memory belongs to.
        enforce_memory: whether to end it when it uses more than `memory`; see `LocalExecutor` for doing so
            with all tasks. Loads are not watched.
        priority: larger goes first; equal ones in the order of submission.
        timeout: seconds after which it is ended (SIGTERM, then SIGKILL). A load is interrupted by an
            exception, and if that does not help the node is replaced.
        retries: how many more attempts it gets if it raised, died or timed out. If it died of memory, the
            next attempt asks for twice as much.
        working_directory: where it runs; by default where the executor was made.
        returns_plain: whether it returns only None, bool, numbers, str and bytes, in tuples, lists and dicts. Such
            a result is read without pickle, and any other result fails the task.
        tracking: which uses of files by `function` are noted; None: none are. Those by `after` never are.
        own_files: absolute names of the files that it makes, of which uses need not be noted.
        own_temporary_folder: whether TMPDIR, and `TEMPORARY_FOLDER`, name a new folder for its temporary files, which
            is removed when it has ended. Without effect on loads, and on tasks of an `InlineExecutor`.
        needs: keys of the loads that it uses the data of. An executor of several machines loads no more than these for it.
            None: it may use the data of all loads.
        awaits: files that other machines may have made, by absolute name, each with its size and the time of its last
            modification (ns). An executor of several machines lets the task wait until they are there so.

    """

    key: str
    function: Callable[..., object]
    arguments: tuple[object, ...] = ()
    after: Callable[[], object] | None = None
    place: RunsIn = RunsIn.FORK
    cores: int = 1
    memory: int | None = None
    enforce_memory: bool = False
    priority: float = 0.0
    timeout: float | None = None
    retries: int = 0
    working_directory: str | None = None
    returns_plain: bool = False
    tracking: Tracking | None = None
    own_files: tuple[str, ...] = ()
    own_temporary_folder: bool = False
    needs: tuple[str, ...] | None = None
    awaits: tuple[tuple[str, int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.cores != ALL_CORES and self.cores < 1:
            raise ValueError(f"task {self.key!r}: cores must be at least 1, or -1 for all; not {self.cores}")
        if self.memory is not None and self.memory < 0:
            raise ValueError(f"task {self.key!r}: memory is a number of bytes, or None; not {self.memory}")
        if self.timeout is not None and self.timeout <= 0:
            raise ValueError(
                f"task {self.key!r}: timeout is a positive number of seconds; not {self.timeout}"
            )
        if self.retries < 0:
            raise ValueError(f"task {self.key!r}: retries must be 0 or more; not {self.retries}")


class Output:
    """Output: holds what a task wrote to a stream: complete, and never in memory if it is long."""

    __slots__ = ("_data", "_descriptor", "size")

    def __init__(self, data: bytes = b"", descriptor: int | None = None) -> None:
        self._data = data
        self._descriptor = descriptor
        self.size: int = len(data) if descriptor is None else os.fstat(descriptor).st_size
        """bytes"""

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def __bool__(self) -> bool:
        return self.size > 0

    def __repr__(self) -> str:
        return f"<Output of {self.size} bytes>"

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """All of it, in pieces of at most `size` bytes."""
        for start in range(0, self.size, size):
            yield self.read(start, size)

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from offset `start`."""
        if self._descriptor is None:
            return self._data[start : start + size]
        return os.pread(self._descriptor, size, start)

    def text(self, most: int | None = None) -> str:
        """All of it as text, or only its last `most` bytes; what is not UTF-8 is shown as escapes."""
        start = 0 if most is None else max(0, self.size - most)
        return b"".join(self.read(position, 1 << 20) for position in range(start, self.size, 1 << 20)).decode(
            errors="backslashreplace"
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage: says what a task used.

    wall: seconds from its start to the end of its work. user, system: seconds of processor time, with those
    children that it waited for. peak_memory: bytes; the largest resident set of any one of its processes.
    """

    wall: float = 0.0
    user: float = 0.0
    system: float = 0.0
    peak_memory: int = 0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Succeeded: says that the task returned `value` (or that `after` did)."""

    value: object = None


@opens_exception
@dataclass(frozen=True, slots=True)
class Raised:
    """Raised: says what the task raised.

    `exception` is None if the exception itself cannot travel; the texts always can. The exception of another
    process is unpickled when `exception` is read; `unopened_exception` returns it without that.
    """

    exception: BaseException | None
    type_name: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Died:
    """Died: says that the process ended without a result, by an exit code (`sys.exit(0)` too) or a signal."""

    exit_code: int | None
    signal: int | None
    likely_cause: str
    of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Unpicklable:
    """Unpicklable: says that the callback, or what it returned, cannot be sent between processes.

    `path` leads to the culprit.
    """

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused: says that the task never started, and never could: it asks for more than there is."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """TimedOut: says that the task was ended after `seconds`, its timeout."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Cancelled: says that the task was cancelled before it ended; there was a `Started` if it ever ran."""


End = Succeeded | Raised | Died | Unpicklable | Refused | TimedOut | Cancelled


@dataclass(frozen=True, slots=True)
class Started:
    """Started: reports that a task's process runs: its pid, and the time (seconds since the epoch).

    Each attempt has its own. machine: the name of the machine; empty for this one.
    """

    key: str
    pid: int
    when: float
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome: says how a task ended.

    stdout, stderr, usage: of the last attempt. warnings: texts. attempts: how often it was started. earlier:
    how the attempts before the last one ended, the oldest first. It has at most ten of them, and of what they
    raised only the type and the beginning of the message. uses: the files that the last attempt has used, in the order
    of their first uses, if the task has `tracking` and its process has reported. uses_incomplete: why some are missing, or
    empty. machine: the name of the machine of the last attempt; empty for this one. lost: how often it was started
    elsewhere because a machine was lost, which `attempts` does not count.
    """

    key: str
    end: End
    stdout: Output = field(default_factory=Output)
    stderr: Output = field(default_factory=Output)
    usage: Usage = Usage()
    warnings: tuple[str, ...] = ()
    attempts: int = 1
    earlier: tuple[End, ...] = ()
    uses: Sequence[FileUse] = ()
    uses_incomplete: str = ""
    machine: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class LoadRepeated:
    """LoadRepeated: says that a load ran once more, because the node that had its data has died, or another machine needs it.

    It comes before the outcomes of the tasks that use the data. `end` is that of the load in the new node. If that is no
    `Succeeded`, the new node lacks the data, and the tasks run without it.

    `machine` names another machine that needed the data; empty: a node was replaced. Without the data no task runs there:
    the machine gets no more tasks. If there is no other one, those that need the data end as `Died`.
    """

    key: str
    end: End
    machine: str = ""


@dataclass(frozen=True, slots=True)
class NameDiffers:
    """NameDiffers: says that a watched name is not the same for tasks as in the main process, and cannot be made so.

    name: in the module; with that of its class for a member ("Settings.depth"). problem: what keeps it from being sent.
    is_edited: whether it is code that a process has imported in another state, because its file was edited.
    """

    module: str
    name: str
    problem: str
    is_edited: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice: reports, with its remedy, a fact for the user that is no task's outcome."""

    message: str
