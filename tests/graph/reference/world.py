"""A world small enough to be enumerated: scripts, their jobs' contents, a disk and a store.

What a job makes is a function of what it reads, so a wrong decision shows up as wrong bytes. Bytes are interned
numbers: two contents are equal exactly if they were made in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ppg_graph import Record
from tests.graph.reference.facts import Past

__all__ = [
    "ABSENT",
    "NOTHING",
    "Entry",
    "Extension",
    "Script",
    "State",
    "junk",
    "make",
    "part_of",
    "parts_of",
]

Content = bytes
ABSENT: Content = b"absent"
Input = tuple[str, str]  # of an upstream job: which part, "" for all of it

_numbers: dict[Hashable, Content] = {}
_parts: dict[Content, Mapping[str, Content]] = {}


def make(*recipe: Hashable) -> Content:
    """The content that this recipe gives: the same for the same recipe, and different for others."""
    content = _numbers.get(recipe)
    if content is None:
        content = _numbers[recipe] = b"%d" % len(_numbers)
    return content


def part_of(content: Content, part: str | None) -> Content:
    """One file of a job that makes several, or all of them."""
    return content if part is None else _parts[content][part]


def parts_of(content: Content) -> Mapping[str, Content]:
    """All files of a job that makes several, by name."""
    return _parts[content]


def junk(job: str) -> Content:
    """What somebody else wrote into the job's file, or what a job that was killed left there."""
    return make("junk", job)


@dataclass(frozen=True, slots=True)
class Extension:
    """What a generator makes."""

    kinds: tuple[tuple[str, str], ...] = ()
    edges: tuple[tuple[str, str, str | None], ...] = ()

    @property
    def fingerprint(self) -> Content:
        content = make("extension", self.kinds, self.edges)
        _parts[content] = {job: content for job, _ in self.kinds}
        return content


NOTHING = Extension()


@dataclass(frozen=True)
class Script:
    """What the user's script says in one run: the jobs in order of declaration, and what they will do.

    The value of an invariant is 0, 1 (another fingerprint, but it makes no difference to what is made from it), 2
    (a difference) or None (it cannot be observed). `restless` jobs make something else than usual without
    anything that ppg could see having changed. `reads` are edges that nobody declared: a job reads what another makes,
    as it is at that moment.
    """

    kinds: Mapping[str, str]
    edges: tuple[tuple[str, str, str | None], ...]
    values: Mapping[str, int | None] = field(default_factory=dict)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    restless: frozenset[str] = frozenset()
    constant: frozenset[str] = frozenset()
    pruned: frozenset[str] = frozenset()
    targets: frozenset[str] | None = None
    until: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()
    reads: tuple[tuple[str, str], ...] = ()

    def fingerprint(self, invariant: str) -> Content | None:
        value = self.values.get(invariant, 0)
        return None if value is None else make("value", invariant, value)

    def effect(self, invariant: str) -> Content:
        value = self.values.get(invariant, 0)
        return make("effect", invariant, (value or 0) // 2)

    def read_by(self, job: str) -> list[str]:
        """What the job reads without depending on it, if all generators have run."""
        declared = {up for up, _ in self.everything[1].get(job, ())}
        return [up for up, down in self.reads if down == job and up not in declared]

    def extension(self, generator: str) -> Extension:
        return self.extensions.get(generator, NOTHING)

    def content(self, job: str, inputs: Mapping[Input, Content]) -> Content:
        """What `job` makes of its inputs. Its part b does not depend on the first of them."""
        restless = job in self.restless
        read = () if job in self.constant else tuple(sorted(inputs.items()))
        a = make(job, "a", restless, read)
        b = make(job, "b", restless, read[1:])
        content = make(job, a, b)
        _parts[content] = {"a": a, "b": b}
        return content

    @cached_property
    def everything(self) -> tuple[dict[str, str], dict[str, list[tuple[str, str | None]]]]:
        """The whole graph after all generators: kinds, and what is directly upstream of each job."""
        kinds = dict(self.kinds)
        edges = list(self.edges)
        for generator in self.kinds:
            if self.kinds[generator] == "GENERATOR":
                kinds.update(self.extension(generator).kinds)
                edges += self.extension(generator).edges
        ups: dict[str, list[tuple[str, str | None]]] = {job: [] for job in kinds}
        for up, down, part in edges:
            ups[down].append((up, part))
        return kinds, ups

    @property
    def has_cycle(self) -> bool:
        """Does anything depend on itself, if reads and what generators make count as edges?"""
        kinds, ups = self.everything
        above = {job: {up for up, _ in ups[job]} | set(self.read_by(job)) for job in kinds}
        for generator in self.kinds:
            for job, _ in self.extension(generator).kinds if kinds[generator] == "GENERATOR" else ():
                above[job].add(generator)
        left = set(kinds)
        while ready := {job for job in left if not above[job] & left}:
            left -= ready
        return bool(left)

    def expected(self, files: Mapping[str, Content], excluded: Collection[str] = ()) -> dict[str, Content]:
        """What a run from an empty directory makes of every job, except for these files that no job makes.

        What excluded generators made is such a file.
        """
        kinds, ups = self.everything
        unmade = {job for generator in excluded for job, _ in self.extension(generator).kinds}
        made: dict[str, Content] = {}

        def build(job: str) -> Content:
            if job not in made:
                if kinds[job] == "INVARIANT":
                    made[job] = self.effect(job)
                elif kinds[job] == "GENERATOR":
                    made[job] = self.extension(job).fingerprint
                else:
                    inputs = {(up, part or ""): part_of(build(up), part) for up, part in ups[job]}
                    inputs |= {(up, ""): read(up) for up in self.read_by(job)}
                    made[job] = self.content(job, inputs)
            return made[job]

        def read(path: str) -> Content:
            if kinds.get(path) == "OUTPUT" and path not in unmade:
                return build(path)
            return self.read_of(path, files)

        for job in kinds:
            build(job)
        return made

    def read_of(self, path: str, files: Mapping[str, Content]) -> Content:
        """What a job finds that reads this, as it is now."""
        if self.kinds.get(path) != "INVARIANT":
            return files.get(path, ABSENT)
        return ABSENT if self.fingerprint(path) is None else self.effect(path)

    def print_of_read(self, path: str, files: Mapping[str, Content]) -> Content:
        """What is recorded of what a job finds that reads this."""
        if self.kinds.get(path) != "INVARIANT":
            return files.get(path, ABSENT)
        return self.fingerprint(path) or ABSENT


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the store: the same success as both sides recorded it, and what the files were like then."""

    record: Record
    past: Past
    file: Content | None
    key: Hashable = field(compare=False, default=None)


@dataclass(frozen=True)
class State:
    """What is left when a run is over: files and records."""

    disk: Mapping[str, Content]
    store: Mapping[str, Entry]
    is_honest: bool = True  # no job has ever made something else of the same inputs

    def key(self) -> Hashable:
        return (
            self.is_honest,
            frozenset(self.disk.items()),
            frozenset((job, entry.file, entry.key) for job, entry in self.store.items()),
        )
