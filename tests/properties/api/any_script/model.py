"""Random scripts as data: their jobs, what each makes, and what they are in terms of the decision model.

A `Job` is one statement of the script. In the decision model it can be several nodes: callbacks have their implicit
FunctionInvariant, a cached job is a calculation and a load. `Script.graph` translates.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.properties.api.any_script.work import content

__all__ = [
    "ALL",
    "CACHED",
    "FILES",
    "FOLDERS",
    "GENERATORS",
    "INPUT_FILES",
    "INVARIANTS",
    "LOADS",
    "MULTI",
    "PARTS",
    "Code",
    "Graph",
    "Job",
    "Kind",
    "Script",
    "Style",
    "Use",
]


class Kind(enum.Enum):
    """The kinds of job that users know."""

    FILE = "FileGeneratingJob"
    MULTI = "MultiFileGeneratingJob"
    TEMP = "TempFileGeneratingJob"
    MULTI_TEMP = "MultiTempFileGeneratingJob"
    FOLDER = "DirectoryGeneratingJob"
    TEMP_FOLDER = "TempDirectoryGeneratingJob"
    ATTRIBUTE = "AttributeLoadingJob"
    DATA = "DataLoadingJob"
    ENTRY = "DictEntryLoadingJob"
    CACHED_ATTRIBUTE = "CachedAttributeLoadingJob"
    CACHED_DATA = "CachedDataLoadingJob"
    PARAMETER = "ParameterInvariant"
    FUNCTION = "FunctionInvariant"
    CHECKSUM = "FileChecksumInvariant"
    TIME = "FileTimeInvariant"
    GENERATOR = "JobGeneratingJob"
    INJECTION = "DependencyInjectionJob"


FOLDERS = frozenset({Kind.FOLDER, Kind.TEMP_FOLDER})
MULTI = frozenset({Kind.MULTI, Kind.MULTI_TEMP}) | FOLDERS
FILES = frozenset({Kind.FILE, Kind.TEMP}) | MULTI
LOADS = frozenset({Kind.ATTRIBUTE, Kind.DATA, Kind.ENTRY})
CACHED = frozenset({Kind.CACHED_ATTRIBUTE, Kind.CACHED_DATA})
INPUT_FILES = frozenset({Kind.CHECKSUM, Kind.TIME})
INVARIANTS = frozenset({Kind.PARAMETER, Kind.FUNCTION}) | INPUT_FILES
GENERATORS = frozenset({Kind.GENERATOR, Kind.INJECTION})

PARTS = ("a", "b")
ALL = "*"
"""The part of a folder that is all of its files."""


class Style(enum.Enum):
    """Where the version is in a callback's code."""

    DIRECT = "a constant in the code"
    DEFAULT = "the default of an argument"
    HELPER = "what a function returns that the code calls by name"
    CONSTANT = "a constant of the script that the code names"
    CLOSURE = "a captured variable"
    PARTIAL = "an argument of functools.partial"
    METHOD = "a constant in the code of a bound method"


@dataclass(frozen=True, slots=True)
class Code:
    """A callback's code: what it does (`version`), what does not matter but counts (`twist`), and what does not count."""

    style: Style = Style.DIRECT
    version: int = 0
    twist: int = 0
    comment: int = 0

    @property
    def print(self) -> object:
        """What its FunctionInvariant observes."""
        return ("code", self.style, self.version, self.twist)


NAME_SPACES = {Kind.PARAMETER: "PI:", Kind.FUNCTION: "function:"}


@dataclass(frozen=True, slots=True)
class Use:
    """A dependency: on a job, or on one file of it."""

    name: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A statement of the script.

    Attributes:
        value: what an invariant observes: the parameter, or the text of an input file.
        stamp: the modification time of an input file.
        parts: of a job with several files: those that it makes.
        indifferent: its version makes no difference to what it makes. Only such a job may ignore changes of its code.
        ignores: `ignore_code_changes()` was called.
        makes: of a generator: the jobs that it declares.
        injects: of a generator: the jobs downstream of it that it lets depend on more.
    """

    name: str
    kind: Kind
    uses: tuple[Use, ...] = ()
    code: Code = Code()
    value: int = 0
    stamp: int = 0
    parts: tuple[str, ...] = PARTS
    indifferent: bool = False
    ignores: bool = False
    makes: tuple[Job, ...] = ()
    injects: tuple[tuple[str, Use], ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """The files that it makes, by part."""
        if self.kind in FOLDERS:
            return {part: f"{self.node}/{part}" for part in self.parts}
        if self.kind in MULTI:
            return {part: f"out/{self.name}.{part}" for part in self.parts}
        if self.kind in FILES:
            return {"": f"out/{self.name}"}
        return {"": f"cache/{self.name}"} if self.kind in CACHED else {}

    @property
    def node(self) -> str:
        """The job id of what others depend on."""
        if self.kind in CACHED:
            return f"cache/{self.name}_load"
        if self.kind in INPUT_FILES:
            return f"in/{self.name}"
        if self.kind in FOLDERS:
            return f"out/{self.name}.d"
        if self.kind in NAME_SPACES:
            return NAME_SPACES[self.kind] + self.name
        return ":".join(sorted(self.files.values())) or self.name

    @property
    def entry(self) -> str:
        """The job id of what depends on others."""
        return f"cache/{self.name}" if self.kind in CACHED else self.node

    @property
    def print(self) -> object:
        """What the FunctionInvariant of its callback observes. Which files a folder has is in the code."""
        return (self.code.print, self.parts) if self.kind in FOLDERS else self.code.print

    @property
    def inputs(self) -> list[Use]:
        """What it depends on, as the graph sees it: all of a job swallows its parts."""
        whole = {use.name for use in self.uses if use.part is None}
        parts = {Use(use.name, None if use.name in whole else use.part) for use in self.uses}
        return sorted(parts, key=lambda use: (use.name, use.part or ""))


Edges = dict[tuple[str, str], frozenset[str] | None]


@dataclass(slots=True)
class Graph:
    """Jobs in terms of the decision model: nodes with their kinds, edges with the parts that they are about."""

    kinds: dict[str, str] = field(default_factory=dict)
    edges: Edges = field(default_factory=dict)
    makers: dict[str, Job] = field(default_factory=dict)  # of every node
    called: dict[str, str] = field(default_factory=dict)  # by node: the name of its callback in the account
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    caches: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)  # nodes with a callback whose changes are ignored

    def connect(self, up: str, down: str, part: str | None = None) -> None:
        """Add an edge, or widen the one that is there."""
        before = self.edges.get((up, down), frozenset())
        self.edges[up, down] = None if part is None or before is None else before | {part}

    def add(self, job: Job, kind: str, node: str, called: str | None = None) -> None:
        self.kinds[node] = kind
        self.makers[node] = job
        if called is not None:
            self.called[node] = called

    def add_callback(self, job: Job, node: str) -> None:
        """The FunctionInvariant of a node's callback; a job that ignores it records its fingerprint nevertheless."""
        if job.ignores:
            self.ignored.add(node)
        else:
            self.add(job, "INVARIANT", f"FI:{node}")
            self.connect(f"FI:{node}", node)


NODE_KINDS = {
    Kind.FILE: "OUTPUT",
    Kind.MULTI: "OUTPUT",
    Kind.TEMP: "LAZY",
    Kind.MULTI_TEMP: "LAZY",
    Kind.FOLDER: "OUTPUT",
    Kind.TEMP_FOLDER: "LAZY",
    Kind.GENERATOR: "GENERATOR",
    Kind.INJECTION: "GENERATOR",
    **dict.fromkeys(LOADS, "LOAD"),
    **dict.fromkeys(INVARIANTS, "INVARIANT"),
}


@dataclass(frozen=True, slots=True)
class Script:
    """Jobs in an order in which every edge, made by hand or by a generator, points forwards."""

    jobs: tuple[Job, ...] = ()

    @property
    def names(self) -> list[str]:
        return [job.name for job in self.jobs]

    def everything(self) -> list[Job]:
        """All jobs, with what generators make of them, upstreams first."""
        done: list[Job] = []
        stack = list(reversed(self.jobs))
        while stack:
            job = stack.pop()
            done.append(job)
            stack.extend(reversed(job.makes))
            for downstream, use in job.injects:
                stack = [
                    replace(other, uses=(*other.uses, use)) if other.name == downstream else other
                    for other in stack
                ]
        return done

    def below(self, names: Collection[str]) -> set[str]:
        """These jobs, and what is downstream of them."""
        found = set(names)
        for job in self.everything():
            if any(use.name in found for use in job.uses):
                found.add(job.name)
        return found

    def expected(self) -> dict[str, dict[str, str]]:
        """What every job makes, by part: from nothing, and without any notion of what changed."""
        made: dict[str, dict[str, str]] = {}
        known: dict[str, Job] = {}
        for job in self.everything():
            known[job.name] = job
            reads = [text for use in job.inputs for text in _texts(known[use.name], made, use.part)]
            version = None if job.indifferent else job.code.version
            if job.kind in INVARIANTS:
                made[job.name] = {"": str(job.code.version if job.kind is Kind.FUNCTION else job.value)}
            else:
                made[job.name] = {
                    part: content(job.name, part, version, reads) for part in job.files or ("",)
                }
        return made

    def reads(self) -> dict[str, list[tuple[str, str]]]:
        """For every job how and what it reads, as the plan of a run has it."""
        known = {job.name: job for job in self.everything()}
        return {
            name: [way for use in job.inputs for way in _ways(known[use.name], use.part)]
            for name, job in known.items()
        }

    def graph(self) -> Graph:
        """What the script itself declares."""
        return _graph(self.jobs, {job.name: job for job in self.jobs})

    def extension(self, generator: Job) -> Graph:
        """What a generator declares."""
        known = {job.name: job for job in self.everything()}
        graph = _graph(generator.makes, known)
        for name, use in generator.injects:
            up = known[use.name]
            graph.connect(up.node, known[name].entry, _part(up, use.part))
        return graph


def _graph(jobs: Iterable[Job], known: Mapping[str, Job]) -> Graph:
    graph = Graph()
    for job in jobs:
        if job.kind in CACHED:
            cache, load = job.entry, job.node
            graph.add(job, "LAZY", cache, job.name)
            graph.add(job, "LOAD", load, f"{job.name}:load" if job.kind is Kind.CACHED_DATA else None)
            graph.caches.add(cache)
            graph.add_callback(job, cache)
            graph.connect(cache, load)
            if job.kind is Kind.CACHED_DATA:
                graph.add_callback(job, load)
        else:
            graph.add(job, NODE_KINDS[job.kind], job.node, None if job.kind in INVARIANTS else job.name)
            if job.kind not in INVARIANTS:
                graph.add_callback(job, job.node)
        if job.files:
            graph.files[job.entry] = tuple(job.files.values())
        for use in job.uses:
            up = known[use.name]
            graph.connect(up.node, job.entry, _part(up, use.part))
    return graph


def _part(up: Job, part: str | None) -> str | None:
    if part == ALL:
        return f"{up.node}//{ALL}"
    return None if part is None or (len(up.files) == 1 and up.kind not in FOLDERS) else up.files[part]


def _parts(job: Job, part: str | None) -> Collection[str]:
    return (part,) if part is not None and part != ALL else job.files or ("",)


def _texts(up: Job, made: Mapping[str, Mapping[str, str]], part: str | None) -> list[str]:
    return [] if up.kind in GENERATORS else [made[up.name][each] for each in _parts(up, part)]


def _ways(up: Job, part: str | None) -> list[tuple[str, str]]:
    match up.kind:
        case Kind.GENERATOR | Kind.INJECTION:
            return []
        case Kind.ATTRIBUTE | Kind.CACHED_ATTRIBUTE:
            return [("attribute", up.name)]
        case Kind.DATA | Kind.CACHED_DATA:
            return [("data", up.name)]
        case Kind.ENTRY:
            return [("entry", up.name)]
        case Kind.PARAMETER:
            return [("value", str(up.value))]
        case Kind.FUNCTION:
            return [("value", str(up.code.version))]
        case Kind.CHECKSUM | Kind.TIME:
            return [("file", up.node)]
        case _:
            return [("file", up.files[each]) for each in _parts(up, part)]
