"""Messages: defines what the processes of an executor send to each other, a class for each message.

`marshal`, which every interpreter has already, writes a message as a tuple of plain values. The first value
is the tag, the name of its class; the fields follow in their order. Values that are more than plain travel as
bytes that the sender has pickled. A field with `Descriptor` in its type travels, where it is an int, beside
the bytes. The receiver finds its own descriptor of the same file in it.

Each direction has a union of its classes, over which a `match` is complete, and a table of them by their
tags, which `decode` needs. `docs/executor.md` shows all of them in one table, and a test compares the two.

The classes are tuples that this module builds itself. The compute node has no `typing` and no `dataclasses`,
as every fork pays for what is loaded, and `collections.namedtuple` takes several times as long to make a
class:

    python -m timeit -s "from collections import namedtuple" "namedtuple('Go', 'number grace why')"
    python -m timeit -s "from ppg_exec.transport.messages import Message" "type('Go', (Message,), {
        '__slots__': (), '__annotations__': {'number': 'int', 'grace': 'float', 'why': 'str'}})"
"""

from __future__ import annotations

import marshal
from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping
    from typing import Any, ClassVar, Never, TypeVar, dataclass_transform

    Kind = TypeVar("Kind", bound="Message")
else:

    def dataclass_transform(**_):
        return lambda kind: kind


__all__ = [
    "DIRECTIONS",
    "FROM_FORKSERVER",
    "FROM_JOB",
    "FROM_NODE",
    "REPORTS",
    "TO_FORKSERVER",
    "TO_NODE",
    "Close",
    "Descriptor",
    "EndTask",
    "ExceptionRaised",
    "ForgetIdentities",
    "FromForkserver",
    "FromJob",
    "FromNode",
    "Go",
    "IdentitiesLost",
    "ImportModules",
    "InterruptNode",
    "JobReport",
    "KillNode",
    "MemoryGrown",
    "Message",
    "NamesDiffer",
    "NamesUnset",
    "NodeDied",
    "Pause",
    "PickleReturned",
    "RecallTasks",
    "Report",
    "ResultUnpicklable",
    "Resume",
    "RunTask",
    "SetNames",
    "SignalJob",
    "StartNode",
    "TaskEnded",
    "TaskStarted",
    "TaskUnread",
    "TasksRecalled",
    "ToForkserver",
    "ToNode",
    "UnexpectedMessage",
    "ValueReturned",
    "WatchNames",
    "decode",
    "encode",
    "encoded_job_report",
    "encoded_value",
    "unhandled",
]

_make = tuple.__new__

Descriptor = int
"""An open file, by its number in the process that has the message."""


class UnexpectedMessage(AssertionError):  # noqa: N818 - reads as what happened
    """UnexpectedMessage: says that a process got a message that no process sends to it."""


@dataclass_transform(frozen_default=True)
class Message(tuple):  # type: ignore[type-arg]  # its fields are what it holds
    """Message: holds the values of its fields, and its class says how they travel.

    Subclasses only name their fields, with types and no defaults, in the order in which they travel.
    """

    __slots__ = ()

    fields: ClassVar[tuple[str, ...]] = ()
    descriptors: ClassVar[tuple[int, ...]] = ()
    """the places of the fields that can travel as descriptors"""
    direction: ClassVar[str] = ""
    """from which process to which"""

    if not TYPE_CHECKING:

        def __init_subclass__(cls):
            cls.fields = cls.__match_args__ = tuple(cls.__annotations__)
            for place, name in enumerate(cls.fields):
                setattr(cls, name, property(itemgetter(place)))
            types = enumerate(cls.__annotations__.values())
            cls.descriptors = tuple(place for place, kind in types if "Descriptor" in kind)

        def __new__(cls, *values, **named):  # noqa: D102
            if named:
                if (*cls.fields[: len(values)], *named) != cls.fields:
                    raise TypeError(f"{cls.__name__} has the fields {cls.fields}, in this order")
                return _make(cls, (*values, *named.values()))
            return _make(cls, values)

        def __repr__(self):
            pairs = zip(self.fields, self, strict=True)
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


# ---- controller → forkserver


class StartNode(Message):
    """StartNode: makes the forkserver fork a compute node."""

    __slots__ = ()
    node: int
    """its number, which no other node of the executor gets"""
    directory: str
    """where unlinked files go"""
    huge_pages: bool
    """whether the node puts huge pages under what was loaded"""
    connection: Descriptor
    """the node's end of its socket to the controller"""
    logbook: Descriptor
    """where the node writes what it does"""


class KillNode(Message):
    """KillNode: ends a node and everything beneath it."""

    __slots__ = ()
    node: int


class InterruptNode(Message):
    """InterruptNode: raises an exception in the load that a node runs."""

    __slots__ = ()
    node: int


class SignalJob(Message):
    """SignalJob: signals the process group of a job that has not ended, past its node."""

    __slots__ = ()
    node: int
    pid: int
    signal: int


class Pause(Message):
    """Pause: stops the nodes and all beneath them."""

    __slots__ = ()


class Resume(Message):
    """Resume: lets the nodes and all beneath them go on."""

    __slots__ = ()


class Close(Message):
    """Close: ends everything, the forkserver at last."""

    __slots__ = ()


# ---- forkserver → controller


class NodeDied(Message):
    """NodeDied: says that a node has ended, and that everything beneath it is gone, too."""

    __slots__ = ()
    node: int
    status: int
    """wait status"""


class MemoryGrown(Message):
    """MemoryGrown: names the jobs that have clearly more memory than ever before."""

    __slots__ = ()
    sizes: dict[int, int]
    """bytes of all processes of a job together, by the job's pid"""


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
    """"answer" to a `NamesDiffer`, "ahead" of tasks, or "late", if only job processes read the payload"""


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

ToForkserver = StartNode | KillNode | InterruptNode | SignalJob | Pause | Resume | Close
FromForkserver = NodeDied | MemoryGrown
ToNode = RunTask | Go | RecallTasks | EndTask | ForgetIdentities | ImportModules | WatchNames | SetNames
FromNode = TaskStarted | TaskEnded | TasksRecalled | IdentitiesLost | TaskUnread | NamesDiffer | NamesUnset
FromJob = JobReport
Report = ValueReturned | PickleReturned | ExceptionRaised | ResultUnpicklable


def _table(direction: str, union: Any) -> dict[str, Any]:
    kinds: tuple[type[Message], ...] = getattr(union, "__args__", (union,))
    for kind in kinds:
        kind.direction = direction
    return {kind.__name__: kind for kind in kinds}


TO_FORKSERVER: dict[str, type[ToForkserver]] = _table("controller → forkserver", ToForkserver)
FROM_FORKSERVER: dict[str, type[FromForkserver]] = _table("forkserver → controller", FromForkserver)
TO_NODE: dict[str, type[ToNode]] = _table("controller → node", ToNode)
FROM_NODE: dict[str, type[FromNode]] = _table("node → controller", FromNode)
FROM_JOB: dict[str, type[FromJob]] = _table("job process → node", FromJob)
REPORTS: dict[str, type[Report]] = _table("job process → controller", Report)

DIRECTIONS = (TO_FORKSERVER, FROM_FORKSERVER, TO_NODE, FROM_NODE, FROM_JOB, REPORTS)
"""The classes of each direction, by their tags."""


def encode(message: Message) -> tuple[bytes, tuple[int, ...]]:
    """The bytes of a message, and the descriptors to go with them.

    Raises ValueError if it is too long for `marshal`.
    """
    kind = type(message)
    descriptors: tuple[int, ...] = ()
    for place in kind.descriptors:
        if type(message[place]) is int:
            descriptors += (message[place],)
    return marshal.dumps((kind.__name__, *message)), descriptors


def encoded_value(value: Any) -> bytes:
    """The bytes of a `ValueReturned`, as `encode` makes them.

    Nearly every job sends one in a `JobReport`. A fork copies the page of each object that it touches, and
    classes have many such objects. So these two messages are written without their classes.
    """
    return marshal.dumps(("ValueReturned", value))


def encoded_job_report(when: float, report: bytes, differing: tuple[tuple[str, str], ...]) -> bytes:
    """The bytes of a `JobReport`, as `encode` makes them; see `encoded_value`."""
    return marshal.dumps(("JobReport", when, report, differing))


def decode(
    data: bytes | memoryview, table: Mapping[str, type[Kind]], arrived: deque[int] | None = None
) -> Kind:
    """The message of these bytes; takes its descriptors from those that have arrived.

    Raises UnexpectedMessage if the table has no such message, or a message of this tag with other fields.
    """
    values = marshal.loads(data)  # noqa: S302 - our own peer
    kind = table.get(values[0])
    if kind is None or len(values) != len(kind.fields) + 1:
        raise _unexpected(values, table)
    for place in kind.descriptors:
        if type(values[place + 1]) is int:
            assert arrived is not None
            values = (*values[: place + 1], arrived.popleft(), *values[place + 2 :])
    return _make(kind, values[1:])


def _unexpected(values: tuple[Any, ...], table: Mapping[str, type[Message]]) -> UnexpectedMessage:
    tag = values[0]
    if tag in table:
        fields = table[tag].fields
        return UnexpectedMessage(
            f"the message {tag!r} has arrived with {len(values) - 1} fields, not {fields}"
        )
    expected = ", ".join(table)
    return UnexpectedMessage(f"the message {tag!r} has arrived where only these are expected: {expected}")


def unhandled(message: Never) -> Never:
    """The end of every `match` over a direction; a type checker proves that no message gets here."""
    raise UnexpectedMessage(f"nothing handles the message {message!r}")
