"""Random scripts of the simulated world: jobs, what they make, and what each file must look like.

The content of every job is a function of what it consumes and reads and of nothing else, so what each file must look
like can be computed directly, without any notion of records, staleness or demand (`Script.expected`). Contents are
drawn from very few values, so that it often happens that a job's inputs change and its output does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from ppg_graph import ABSENT, Dag, Fingerprint, JobId, NodeKind
from tests.graph.reading import READERS, find, paths_of

PARTS = ("x", "y")
MAKES_FILES = (NodeKind.OUTPUT, NodeKind.LAZY)


def digest(*things: object) -> bytes:
    return blake2b(repr(things).encode(), digest_size=8).digest()


def small(*things: object) -> int:
    """A content: one of few."""
    return digest(*things)[0] % 3


@dataclass(frozen=True)
class Job:
    name: str
    kind: NodeKind
    upstreams: tuple[tuple[str, str | None], ...] = ()  # (name, part)
    value: int = 0  # of an invariant
    makes: tuple[Job, ...] = ()  # of a generator; their names begin with the generator's
    injects: tuple[tuple[str, str, str | None], ...] = ()  # of a generator: (upstream, downstream, part)

    @property
    def keeps(self) -> bool:
        """Whether the files of this LAZY job stay; some names do."""
        return self.kind is NodeKind.LAZY and digest(self.name)[1] % 4 == 0


@dataclass
class Script:
    """Jobs in an order in which every edge, made by hand or by a generator, points forwards."""

    jobs: list[Job] = field(default_factory=list)

    def names(self) -> list[str]:
        return [job.name for job in self.jobs]

    def declare(self) -> Dag:
        dag = Dag()
        for job in sorted(self.jobs, key=lambda job: digest(job.name)):  # any order will do
            dag.add_node(JobId(job.name), job.kind, keep=job.keeps)
        for job in self.jobs:
            for upstream, part in job.upstreams:
                dag.add_edge(dag.node(JobId(upstream)), dag.node(JobId(job.name)), part=part)
        return dag

    def unfolded(self, without: Iterable[str] = ()) -> list[Job]:
        """All jobs with what generators make of them, except generators that do not get to run."""
        done: list[Job] = []
        stack = list(reversed(self.jobs))
        while stack:
            job = stack.pop()
            done.append(job)
            if job.name in without:
                continue
            stack.extend(reversed(job.makes))
            for upstream, downstream, part in job.injects:
                for position, other in enumerate(stack):
                    if other.name == downstream and other.kind is not NodeKind.INVARIANT:
                        stack[position] = replace(other, upstreams=(*other.upstreams, (upstream, part)))
        return done

    def kinds(self) -> dict[str, NodeKind]:
        """The kinds of all jobs, if all generators run."""
        return {job.name: job.kind for job in self.unfolded()}

    def expected(self, disk: dict[str, Any], without: Iterable[str] = ()) -> dict[str, Any]:
        """What every job makes: fresh, without any history, if what no job makes lies there."""
        contents: dict[str, Any] = {}
        files = dict(disk)
        kinds = self.kinds()
        for job in self.unfolded(without):
            inputs = {edge: pick(contents[edge[0]], edge[1]) for edge in merged(job)}
            files[job.name] = contents[job.name] = content(
                job, {**inputs, **found(job, merged(job), kinds, files)}
            )
        return contents


def merged(job: Job) -> list[tuple[str, str | None]]:
    """The edges of a job as the graph sees them: all of a job swallows its parts."""
    whole = {name for name, part in job.upstreams if part is None}
    return sorted(
        {(name, None if name in whole else part) for name, part in job.upstreams},
        key=lambda edge: (edge[0], edge[1] or ""),
    )


def pick(contents: Any, part: str | None) -> Any:
    return contents if part is None else contents[part]


def found(
    job: Job, edges: list[tuple[str, str | None]], kinds: dict[str, NodeKind], files: dict[str, Any]
) -> dict[tuple[str, str | None], Any]:
    """What a job reads that has these edges, and did not declare."""
    if job.kind not in READERS:
        return {}
    declared = {*edges, *((name, other) for name, part in edges if part is None for other in PARTS)}
    undeclared = [path for path in paths_of(job.name) if (*path.split("/"), None)[:2] not in declared]
    return {(f"read {path}", None): find(path, kinds, files) for path in undeclared}


def content(job: Job, inputs: dict[tuple[str, str | None], Any]) -> Any:
    """What a job makes of its inputs."""
    given = sorted(inputs.items(), key=repr)
    match job.kind:
        case NodeKind.INVARIANT:
            return job.value
        case NodeKind.OUTPUT | NodeKind.LAZY:
            return {part: small(job.name, part, given) for part in PARTS}
        case NodeKind.LOAD:
            return small(job.name, given)
        case NodeKind.GENERATOR:
            return repr((job.makes, job.injects))


def print_of_read(contents: Any) -> Fingerprint:
    return ABSENT if contents is None else fingerprint(contents)


def fingerprint(contents: Any) -> Fingerprint:
    return Fingerprint(digest(contents))
