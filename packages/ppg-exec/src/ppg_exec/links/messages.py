"""Messages of links: defines what a controller and the agent of a machine send to each other."""

from __future__ import annotations

from ppg_exec.transport.messages import Message, table_of

__all__ = [
    "FROM_AGENT",
    "PROTOCOL",
    "TO_AGENT",
    "AgentFailed",
    "AgentHello",
    "AgentReady",
    "CancelSubmitted",
    "ConfigureAgent",
    "DefineTracking",
    "ForgetShared",
    "FromAgent",
    "KeepAlive",
    "LeaveMachine",
    "LoadRepeatEnded",
    "NameDiffered",
    "NamesAsked",
    "NamesGiven",
    "NoticeGiven",
    "OutputPart",
    "PauseTasks",
    "PrepareNode",
    "RecallSubmitted",
    "ResumeTasks",
    "SharedLost",
    "SubmitTask",
    "SubmittedEnded",
    "SubmittedRecalled",
    "SubmittedStarted",
    "SubmittedUnread",
    "ToAgent",
    "UnloadData",
    "UnloadEnded",
    "WatchDigests",
]

PROTOCOL = 1
"""Both sides of a link must have the same; a change of any message, or of `ends`, changes it."""


# ---- controller → agent


class ConfigureAgent(Message):
    """ConfigureAgent: says how the agent runs tasks; it is the first message."""

    __slots__ = ()
    settings: str
    """JSON of a `hello.Settings`"""
    environment: dict[str, str]
    """variables of tasks"""


class SubmitTask(Message):
    """SubmitTask: brings a task to the agent; its fields are those of `ppg_exec.Task`."""

    __slots__ = ()
    number: int
    """the task's, until it has ended; every sending has its own"""
    key: str
    place: str
    payload: bytes
    """the pickled callback, arguments and `after`"""
    introduced: list[tuple[int, int]]
    """the identities of objects that the payload has in full, each with its index in the memo"""
    has_after: bool
    cores: int
    memory: int | None
    enforce_memory: bool
    priority: float
    timeout: float | None
    retries: int
    directory: str | None
    returns_plain: bool
    tracking: int
    """the number of a `DefineTracking`; 0: no uses of files are noted"""
    own_files: tuple[str, ...]
    own_temporary_folder: bool
    awaits: tuple[tuple[str, int, int], ...]


class DefineTracking(Message):
    """DefineTracking: says which uses of files are noted of the tasks that name its number."""

    __slots__ = ()
    number: int
    root: str
    unnoted: tuple[str, ...]
    system: tuple[str, ...]
    strace: bool
    exact: bool


class CancelSubmitted(Message):
    """CancelSubmitted: ends a task before its time."""

    __slots__ = ()
    number: int


class RecallSubmitted(Message):
    """RecallSubmitted: asks for those of these tasks back that have not started."""

    __slots__ = ()
    numbers: list[int]


class UnloadData(Message):
    """UnloadData: undoes a load."""

    __slots__ = ()
    number: int
    """as in `SubmitTask`"""
    key: str
    payload: bytes
    """the pickled function"""
    introduced: list[tuple[int, int]]
    """as in `SubmitTask`"""


class PrepareNode(Message):
    """PrepareNode: lets the compute node start and import modules before the first task."""

    __slots__ = ()
    modules: tuple[str, ...]


class WatchDigests(Message):
    """WatchDigests: has digests of what names of modules stand for in the main process, for all nodes of the machine."""

    __slots__ = ()
    digests: dict[str, dict[str, bytes]]
    """by module, and by the path of the name in it"""


class NamesGiven(Message):
    """NamesGiven: answers `NamesAsked`."""

    __slots__ = ()
    payload: bytes
    """the pickled entries: module, path, whether there is such a name, value"""
    introduced: list[tuple[int, int]]
    """as in `SubmitTask`"""
    not_sent: list[tuple[str, str]]
    """names with values that cannot be sent"""


class ForgetShared(Message):
    """ForgetShared: names shared objects that no message will refer to any more."""

    __slots__ = ()
    identities: list[int]


class PauseTasks(Message):
    """PauseTasks: stops all tasks; the agent then waits without limit for the controller, which stops, too."""

    __slots__ = ()


class ResumeTasks(Message):
    """ResumeTasks: lets all tasks go on."""

    __slots__ = ()


class KeepAlive(Message):
    """KeepAlive: shows that the controller is there."""

    __slots__ = ()


class LeaveMachine(Message):
    """LeaveMachine: ends the tasks, and the agent."""

    __slots__ = ()


# ---- agent → controller


class AgentHello(Message):
    """AgentHello: is the first message of an agent, and the same in every version."""

    __slots__ = ()
    about: str
    """JSON: protocol, versions, name of the machine"""


class AgentReady(Message):
    """AgentReady: answers `ConfigureAgent`."""

    __slots__ = ()
    about: str
    """JSON of a `hello.Facts`"""


class SubmittedStarted(Message):
    """SubmittedStarted: says that a task runs."""

    __slots__ = ()
    number: int
    pid: int
    when: float
    """seconds since the epoch"""


class OutputPart(Message):
    """OutputPart: has a part of what a task has printed, before the message of its end."""

    __slots__ = ()
    number: int
    is_stderr: bool
    data: bytes


class SubmittedEnded(Message):
    """SubmittedEnded: says how a task has ended; the fields are those of `ppg_exec.Outcome`."""

    __slots__ = ()
    number: int
    end: tuple[object, ...]
    """as `ends` encodes it"""
    stdout: bytes | None
    """None: it has come in parts"""
    stderr: bytes | None
    """as `stdout`"""
    usage: tuple[float, float, float, int]
    """seconds of wall clock, of processor time, and of the kernel's; bytes of memory at most"""
    warnings: tuple[str, ...]
    attempts: int
    earlier: tuple[tuple[object, ...], ...]
    """the ends of earlier attempts, as `end`"""
    uses: bytes
    """the files that the task has used, as `ppg_exec.tracking.wire` has them"""


class SubmittedRecalled(Message):
    """SubmittedRecalled: gives back what had not started of the tasks of a `RecallSubmitted`."""

    __slots__ = ()
    numbers: list[int]


class SubmittedUnread(Message):
    """SubmittedUnread: gives back a task that refers to lost objects, to be sent again with them."""

    __slots__ = ()
    number: int
    identities: list[int]
    """all that the agent does not have"""


class SharedLost(Message):
    """SharedLost: names the objects that a message had in full which the agent could not read."""

    __slots__ = ()
    identities: list[int]


class LoadRepeatEnded(Message):
    """LoadRepeatEnded: says how a load ended that a new compute node of the machine has repeated."""

    __slots__ = ()
    key: str
    end: tuple[object, ...]
    """as in `SubmittedEnded`"""


class UnloadEnded(Message):
    """UnloadEnded: says that an `UnloadData` was done; a failure is a `NoticeGiven`."""

    __slots__ = ()
    number: int


class NamesAsked(Message):
    """NamesAsked: asks for the values of names that do not stand for the same as in the main process."""

    __slots__ = ()
    names: list[tuple[str, str]]
    """a module, and the path of a name in it"""


class NameDiffered(Message):
    """NameDiffered: has the fields of a `ppg_exec.NameDiffers`."""

    __slots__ = ()
    module: str
    name: str
    problem: str
    is_edited: bool


class NoticeGiven(Message):
    """NoticeGiven: has a fact for the user."""

    __slots__ = ()
    message: str


class AgentFailed(Message):
    """AgentFailed: says why the agent ends; no task is to blame."""

    __slots__ = ()
    message: str


# ---- by direction

ToAgent = (
    ConfigureAgent
    | SubmitTask
    | DefineTracking
    | CancelSubmitted
    | RecallSubmitted
    | UnloadData
    | PrepareNode
    | WatchDigests
    | NamesGiven
    | ForgetShared
    | PauseTasks
    | ResumeTasks
    | KeepAlive
    | LeaveMachine
)
FromAgent = (
    AgentHello
    | AgentReady
    | SubmittedStarted
    | OutputPart
    | SubmittedEnded
    | SubmittedRecalled
    | SubmittedUnread
    | SharedLost
    | LoadRepeatEnded
    | UnloadEnded
    | NamesAsked
    | NameDiffered
    | NoticeGiven
    | AgentFailed
)

TO_AGENT: dict[str, type[ToAgent]] = table_of("controller → agent", ToAgent)
FROM_AGENT: dict[str, type[FromAgent]] = table_of("agent → controller", FromAgent)
