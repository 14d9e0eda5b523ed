"""Scripts whose jobs read what they do not declare, and what must come out of them."""

from __future__ import annotations

import enum
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.properties.api.undeclared.work import GONE, NAMES, chosen, content, is_made

__all__ = ["Job", "Kind", "Read", "Right", "Script", "how_right"]


class Kind(enum.Enum):
    """What a job is."""

    FILE = "FileGeneratingJob"
    MULTI = "MultiFileGeneratingJob"
    TEMP = "TempFileGeneratingJob"
    LOAD = "DataLoadingJob"
    CACHED = "CachedDataLoadingJob"
    GENERATOR = "JobGeneratingJob"


OUTPUTS = (Kind.FILE, Kind.MULTI)


@dataclass(frozen=True, slots=True)
class Read:
    """One thing that a job reads.

    Parameters:
        how: file, listing, each (file of a folder), follow (a file that names another one), or data (of a load).
        name: of the file or folder, relative to the project and without links; or of the load.
        spelling: how the callback names it: relative, absolute, dotted, or by a link.
        declared: whether the job depends on it, if it may.
        choices: names of the files that may be followed.
    """

    how: str
    name: str
    spelling: str = "relative"
    declared: bool = False
    choices: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All files that may be read."""
        return (self.name, *self.choices) if self.how in ("file", "follow") else ()


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Parameters:
        version: of its code; what it makes follows from it.
        twist: of its code; nothing follows from it.
        kinds: how many different contents it has.
        folder: of its output.
        makes: what a generator makes, if the value that it calculates says so.
    """

    name: str
    kind: Kind
    reads: tuple[Read, ...] = ()
    version: int = 0
    twist: int = 0
    kinds: int = 100
    folder: str = "out"
    makes: tuple[Job, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """Name of each file by part."""
        match self.kind:
            case Kind.FILE:
                return {"": f"{self.folder}/{self.name}"}
            case Kind.MULTI:
                return {part: f"{self.folder}/{self.name}.{part}" for part in "ab"}
            case Kind.TEMP:
                return {"": f"temporary/{self.name}"}
            case _:
                return {}


@dataclass(frozen=True)
class Script:
    """Jobs in the order of their declarations, which says nothing about what they read."""

    jobs: tuple[Job, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Job]:
        """All jobs, with those that generators may make."""
        return {one.name: one for job in self.jobs for one in (job, *job.makes)}

    @cached_property
    def generator_of(self) -> dict[str, str]:
        """The generator of each job that has one."""
        return {made.name: job.name for job in self.jobs for made in job.makes}

    @cached_property
    def maker_of(self) -> dict[str, Job]:
        """The job that makes a file, or may make it."""
        return {file: job for job in self.by_name.values() for file in job.files.values()}

    def is_declared(self, job: Job, read: Read, name: str, root: Path) -> bool:
        """Whether the script declares that a job depends on a file."""
        maker = self.maker_of.get(name)
        if maker is None:
            return read.declared and (root / name).exists()
        if maker.kind is Kind.TEMP:
            return True
        generator = self.generator_of.get(maker.name)
        if generator is None:
            return read.declared
        # What a generator makes, another script cannot name.
        return False

    def may_read(self, job: Job) -> set[str]:
        """Names of the jobs from which a job may have something."""
        found = {
            self.maker_of[name].name for read in job.reads for name in read.names if name in self.maker_of
        }
        found |= {read.name for read in job.reads if read.how == "data"}
        if job.name in self.generator_of:
            found.add(self.generator_of[job.name])
        return found | {self.generator_of[name] for name in found if name in self.generator_of}

    def in_order(self) -> list[Job] | None:
        """All jobs so that each comes after those that it may read; None if there is a circle."""
        order: list[Job] = []
        state: dict[str, int] = {}

        def visit(name: str) -> bool:
            if name in state:
                return state[name] == 2
            state[name] = 1
            if not all(visit(one) for one in sorted(self.may_read(self.by_name[name]))):
                return False
            state[name] = 2
            order.append(self.by_name[name])
            return True

        return order if all(visit(name) for name in self.by_name) else None


@dataclass(slots=True)
class Right:
    """What is right now: the contents of the files, the jobs that are made, and what they read.

    Attributes:
        texts: of the files that jobs make, by name.
        values: of loads, cached calculations and generators.
        made: names of the jobs that there are.
        reads: names of the files that each job reads.
    """

    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    reads: dict[str, set[str]] = field(default_factory=dict)


def how_right(script: Script, root: Path) -> Right:
    """Say what is right, with the inputs as they are."""
    right = Right()
    order = script.in_order()
    assert order is not None
    for job in order:
        generator = script.generator_of.get(job.name)
        salt = "" if generator is None else right.values[generator]
        if generator is not None and not is_made(salt, job.name):
            continue
        right.made.add(job.name)
        right.reads[job.name] = set()
        values = [salt, *(_value(script, root, right, job, read) for read in job.reads)]
        for part, file in job.files.items():
            right.texts[file] = content(job.name, part, job.version, job.kinds, values)
        if not job.files:
            right.values[job.name] = content(job.name, "", job.version, job.kinds, values)
    return right


def _value(script: Script, root: Path, right: Right, job: Job, read: Read) -> str:
    def text(name: str) -> str:
        right.reads[job.name].add(name)
        if name in right.texts:
            return right.texts[name]
        try:
            return (root / name).read_text()
        except FileNotFoundError:
            return GONE

    match read.how:
        case "file":
            return text(read.name)
        case "listing":
            return " ".join(_names(root / read.name) or [GONE])
        case "each":
            return " ".join(text(f"{read.name}/{name}") for name in _names(root / read.name) or ())
        case "follow":
            first = text(read.name)
            return first + text(read.choices[chosen(first, len(read.choices))])
        case _:
            return right.values[read.name]


def _names(folder: Path) -> list[str] | None:
    if not folder.exists():
        return None
    return sorted(name for name in os.listdir(folder) if name.startswith(NAMES))


def right_at_once(
    script: Script,
    right: Right,
    recorded: Mapping[str, Collection[str]],
    declared: Mapping[str, Collection[str]],
    last_made: Mapping[str, Collection[str]],
) -> set[str]:
    """Names of the jobs whose results the next run must get right: they wait for all that they read.

    Parameters:
        recorded: names of the files that each job read in its last success, and did not depend on then.
        declared: names of the files that each job depends on now.
        last_made: names of the jobs that each generator made in its last success.
    """
    waits = {
        job.name: set(_waits_for(script, job, recorded, declared, last_made))
        for job in script.by_name.values()
    }
    above = {name: _closure(name, waits) for name in waits}
    order = script.in_order()
    assert order is not None
    sure: set[str] = set()
    for job in order:
        if job.name not in right.made or job.name in above[job.name]:
            continue
        needs = {script.maker_of[name].name for name in right.reads[job.name] if name in script.maker_of}
        # What is not made in this run is a file like others.
        needs = {name for name in needs if name in right.made or name in script.generator_of}
        needs |= {read.name for read in job.reads if read.how == "data"}
        needs |= {script.generator_of[name] for name in (*needs, job.name) if name in script.generator_of}
        if all(name in above[job.name] and (name in sure or name not in right.made) for name in needs):
            sure.add(job.name)
    return sure


def _waits_for(
    script: Script,
    job: Job,
    recorded: Mapping[str, Collection[str]],
    declared: Mapping[str, Collection[str]],
    last_made: Mapping[str, Collection[str]],
) -> Iterator[str]:
    if job.name in script.generator_of:
        yield script.generator_of[job.name]
    for read in job.reads:
        if read.how == "data":
            yield read.name
    for name in declared.get(job.name, ()):
        if name in script.maker_of:
            yield script.maker_of[name].name
    for name in recorded.get(job.name, ()):
        if name in script.maker_of:
            maker = script.maker_of[name].name
            generator = script.generator_of.get(maker)
            if generator is None:
                yield maker
            elif maker in last_made.get(generator, ()):
                yield maker
                yield generator


def _closure(name: str, waits: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    stack: list[str] = [name]
    while stack:
        for one in waits.get(stack.pop(), ()):
            if one not in found:
                found.add(one)
                stack.append(one)
    return found
