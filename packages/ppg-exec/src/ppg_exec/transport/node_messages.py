"""Node messages: defines what the controller, a node and its job processes send to each other."""

from __future__ import annotations

import marshal

from ppg_exec.transport.messages import Descriptor, Message, table_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "FROM_JOB",
    "FROM_NODE",
    "REPORTS",
    "TO_NODE",
    "EndTask",
    "ExceptionRaised",
    "ForgetIdentities",
    "FromJob",
    "FromNode",
    "Go",
    "IdentitiesLost",
    "ImportModules",
    "JobReport",
    "NamesDiffer",
    "NamesUnset",
    "PickleReturned",
    "RecallTasks",
    "Report",
    "ResultUnpicklable",
    "RunTask",
    "SetNames",
    "TaskEnded",
    "TaskStarted",
    "TaskUnread",
    "TasksRecalled",
    "ToNode",
    "TrackFiles",
    "ValueReturned",
    "WatchNames",
    "encoded_job_report",
    "encoded_value",
]


# ---- controller → node


class RunTask(Message):
    """RunTask: brings a task to the node."""

    __slots__ = ()
    number: int
    """the task's, until it has ended; every sending has its own"""
    go: bool
    """whether the task may start; otherwise it waits for `Go`, or follows a job of one core that ends"""
    place: str
    """"fork", "node", "fresh" or "unload\""""
    payload: bytes
    """the pickled callback, arguments and `after`"""
    introduced: list[tuple[int, int]]
    """the identities of objects that the payload has in full, each with its index in the memo"""
    cores: int
    timeout: float | None
    """seconds"""
    directory: str | None
    """where the task runs; None: where the node does"""
    environment: tuple[tuple[str, str], ...]
    """variables with their values"""
    tracking: int
    """the number of the `TrackFiles` by which the files are noted that the task uses; 0: none are"""
    own_files: tuple[str, ...]
    """absolute names of the files of which uses need not be noted"""
    own_temporary_folder: bool
    """whether the task gets a folder for temporary files"""


class Go(Message):
    """Go: lets a task start that was sent ahead."""

    __slots__ = ()
    number: int


class RecallTasks(Message):
    """RecallTasks: asks for those of these tasks back that have not started."""

    __slots__ = ()
    numbers: list[int]


class EndTask(Message):
    """EndTask: ends a task before its time, by SIGTERM and then SIGKILL."""

    __slots__ = ()
    number: int
    grace: float
    """seconds between the two signals"""
    why: str
    """"cancelled" or "over memory\""""


class ForgetIdentities(Message):
    """ForgetIdentities: names shared objects that no task will refer to any more."""

    __slots__ = ()
    identities: list[int]


class ImportModules(Message):
    """ImportModules: makes the node import modules before the first task needs them."""

    __slots__ = ()
    names: tuple[str, ...]


class WatchNames(Message):
    """WatchNames: has digests of what names of modules stand for in the main process."""

    __slots__ = ()
    digests: dict[str, dict[str, bytes]]
    """by module, and by the path of the name in it"""


class SetNames(Message):
    """SetNames: has the values of names that differ in the node, or in a job."""

    __slots__ = ()
    names: list[tuple[str, str]]
    """a module, and the path of a name in it"""
    payload: bytes
    """the pickled entries: module, path, whether there is such a name, value"""
    introduced: list[tuple[int, int]]
    """as in `RunTask`"""
    not_sent: list[tuple[str, str]]
    """names with values that cannot be sent, so that tasks run without them"""
    use: str
    """"answer" to a `NamesDiffer`, "ahead" of tasks, or "late", if only jobs get values, with their tasks"""


class TrackFiles(Message):
    """TrackFiles: says which uses of files are noted of the tasks that name its number."""

    __slots__ = ()
    number: int
    prefixes: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    """where all uses are noted, where none are, and what belongs to the system; each with a slash at its end"""
    strace: bool
    """whether strace sees what native code and other programs use"""
    exact: bool
    """whether the stat of each file is taken before it is opened"""


# ---- node → controller


class TaskStarted(Message):
    """TaskStarted: says that a task runs."""

    __slots__ = ()
    number: int
    pid: int
    """the job's; a load has the node's"""
    when: float
    """seconds since the epoch"""


class TaskEnded(Message):
    """TaskEnded: says how a task has ended, and which one has taken its place."""

    __slots__ = ()
    number: int
    successor: int
    """number of the task that was sent ahead and starts now; 0: none"""
    status: int
    """wait status; 0 if there was no process"""
    usage: tuple[float, float, float, int]
    """seconds of wall clock, of processor time, and of the kernel's; bytes of memory at most"""
    report: bytes | Descriptor | None
    """an encoded report; None: the process has sent none"""
    uses: bytes | Descriptor
    """the files that the task has used, as `ppg_exec.tracking.wire` has them"""
    refusal: str
    """why the task got no process, or no files; empty if it got them"""
    stdout: bytes | Descriptor
    stderr: bytes | Descriptor
    expected: str
    """"timed out", or the reason of `EndTask`, if the node was ending the task; otherwise empty"""
    cause: str | None
    """why the task has ended without a report, if the node can say"""
    warnings: tuple[str, ...]
    differing: tuple[tuple[str, str], ...]
    """names that its process has found to differ from those of the main process, as in `NamesDiffer`"""


class TasksRecalled(Message):
    """TasksRecalled: gives back what had not started of the tasks of a `RecallTasks`."""

    __slots__ = ()
    numbers: list[int]


class IdentitiesLost(Message):
    """IdentitiesLost: names the objects that a task had in full which the node could not read."""

    __slots__ = ()
    identities: list[int]


class TaskUnread(Message):
    """TaskUnread: gives back a task that refers to lost objects, to be sent again with them."""

    __slots__ = ()
    number: int
    identities: list[int]
    """all that the node does not have"""


class NamesDiffer(Message):
    """NamesDiffer: asks for the values of names that do not stand for the same as in the main process."""

    __slots__ = ()
    names: list[tuple[str, str]]
    """a module, and the path of a name in it"""


class NamesUnset(Message):
    """NamesUnset: names those of a `SetNames` that the node could not set."""

    __slots__ = ()
    names: list[tuple[str, str, str]]
    """a module, the path of a name in it, and why"""


# ---- job process → node


class JobReport(Message):
    """JobReport: carries the report of a job, which the node passes on unread."""

    __slots__ = ()
    when: float
    """seconds of the monotonic clock at the end of the work"""
    report: bytes | Descriptor
    """an encoded report; a long one is in an unlinked file"""
    uses: bytes | Descriptor
    """as in `TaskEnded`"""
    differing: tuple[tuple[str, str], ...]
    """as in `TaskEnded`"""


# ---- job process → controller, within `JobReport` and `TaskEnded`


class ValueReturned(Message):
    """ValueReturned: has what the task returned, in which everything is plain."""

    __slots__ = ()
    value: object


class PickleReturned(Message):
    """PickleReturned: has what the task returned, pickled."""

    __slots__ = ()
    pickle: bytes


class ExceptionRaised(Message):
    """ExceptionRaised: has what the task raised."""

    __slots__ = ()
    pickle: bytes | None
    """None: the exception cannot be pickled and read again"""
    type_name: str
    message: str
    traceback: str


class ResultUnpicklable(Message):
    """ResultUnpicklable: says that the task returned something that cannot be sent."""

    __slots__ = ()
    path: str
    """from the callback to the culprit"""
    message: str


# ---- by direction

ToNode = (
    RunTask
    | Go
    | RecallTasks
    | EndTask
    | ForgetIdentities
    | ImportModules
    | WatchNames
    | SetNames
    | TrackFiles
)
FromNode = TaskStarted | TaskEnded | TasksRecalled | IdentitiesLost | TaskUnread | NamesDiffer | NamesUnset
FromJob = JobReport
Report = ValueReturned | PickleReturned | ExceptionRaised | ResultUnpicklable

TO_NODE: dict[str, type[ToNode]] = table_of("controller → node", ToNode)
FROM_NODE: dict[str, type[FromNode]] = table_of("node → controller", FromNode)
FROM_JOB: dict[str, type[FromJob]] = table_of("job process → node", FromJob)
REPORTS: dict[str, type[Report]] = table_of("job process → controller", Report)


def encoded_value(value: Any) -> bytes:
    """The bytes of a `ValueReturned`, as `encode` makes them.

    Nearly every job sends one in a `JobReport`. A fork copies the page of each object that it touches, and
    classes have many such objects. So these two messages are written without their classes.
    """
    return marshal.dumps(("ValueReturned", value))


def encoded_job_report(
    when: float, report: bytes, uses: bytes, differing: tuple[tuple[str, str], ...]
) -> bytes:
    """The bytes of a `JobReport`, as `encode` makes them; see `encoded_value`."""
    return marshal.dumps(("JobReport", when, report, uses, differing))
