"""Moves: what one run of a history is given. As ever, or with one thing changed in the script or on the disk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from tests.graph.reference.front import READERS
from tests.graph.reference.graphs import KINDS
from tests.graph.reference.world import Extension, Script, State, junk

__all__ = ["ALWAYS", "ANYTHING", "ANYTHING_READ", "EDITS", "Menu", "Move"]


@dataclass(frozen=True, slots=True)
class Move:
    """What one run is given. `before` is done to the files first."""

    label: str
    script: Script
    before: Callable[[State], State] | None = None


def as_ever(script: Script) -> Iterator[Move]:
    yield Move("as ever", script)


def other_values(script: Script) -> Iterator[Move]:
    """An invariant changes: to no effect, to some, or it cannot be observed."""
    for job, kind in script.kinds.items():
        if kind == "INVARIANT":
            for value in (1, 2, None):
                yield Move(f"{job}={value}", replace(script, values={job: value}))


def other_jobs(script: Script) -> Iterator[Move]:
    """A job vanishes, or becomes one of another kind. (The next move brings it back, or turns it back.)"""
    for job in script.kinds:
        kinds = {other: kind for other, kind in script.kinds.items() if other != job}
        edges = tuple(edge for edge in script.edges if job not in edge[:2])
        yield Move(f"without {job}", replace(script, kinds=kinds, edges=edges))
    for job, old in script.kinds.items():
        for kind in KINDS:
            if kind != old and not (kind == "INVARIANT" and any(down == job for _, down, _ in script.edges)):
                edges = tuple(
                    (up, down, None if up == job and kind not in ("OUTPUT", "LAZY") else part)
                    for up, down, part in script.edges
                )
                kinds = {**script.kinds, job: kind}
                yield Move(f"{job} as {kind}", replace(script, kinds=kinds, edges=edges))


def other_edges(script: Script) -> Iterator[Move]:
    """An edge vanishes or comes."""
    for edge in script.edges:
        rest = tuple(other for other in script.edges if other != edge)
        yield Move(f"without {edge}", replace(script, edges=rest))
    there = {edge[:2] for edge in script.edges}
    for up, down in itertools.combinations(sorted(script.kinds), 2):
        if (up, down) not in there and script.kinds[down] != "INVARIANT":
            yield Move(f"with {up}>{down}", replace(script, edges=(*script.edges, (up, down, None))))


def restless_jobs(script: Script) -> Iterator[Move]:
    """A job makes something else this time, and nobody can know."""
    for job, kind in script.kinds.items():
        if kind in ("OUTPUT", "LAZY"):
            yield Move(f"restless {job}", replace(script, restless=frozenset({job})))


def other_files(script: Script) -> Iterator[Move]:
    """Somebody removes or overwrites a file, or puts back one that had been cleaned up."""
    for job, kind in script.kinds.items():
        if kind in ("OUTPUT", "LAZY"):
            yield Move(f"rm {job}", script, lambda state, job=job: _without_file(state, job))
            yield Move(f"overwrite {job}", script, lambda state, job=job: _with_file(state, job, junk(job)))
        if kind == "LAZY":
            yield Move(f"restore {job}", script, lambda state, job=job: _restored(state, job))


def _without_file(state: State, job: str) -> State:
    return replace(state, disk={other: content for other, content in state.disk.items() if other != job})


def _with_file(state: State, job: str, content: bytes) -> State:
    return replace(state, disk={**state.disk, job: content})


def _restored(state: State, job: str) -> State:
    entry = state.store.get(job)
    return state if entry is None or entry.file is None else _with_file(state, job, entry.file)


def parts_of_the_graph(script: Script) -> Iterator[Move]:
    """Some jobs do not take part."""
    for job in script.kinds:
        yield Move(f"prune {job}", replace(script, pruned=frozenset({job})))
        yield Move(f"target {job}", replace(script, targets=frozenset({job})))
        yield Move(f"until {job}", replace(script, until=frozenset({job})))


def jobs_by_force(script: Script) -> Iterator[Move]:
    """A job is forced; of several jobs also together with a target, and with an end of the run."""
    for job in script.kinds:
        yield Move(f"force {job}", replace(script, forced=frozenset({job})))
        for other in script.kinds:
            if other != job:
                both = replace(script, forced=frozenset({job}), targets=frozenset({other}))
                yield Move(f"force {job}, target {other}", both)
                both = replace(script, forced=frozenset({job}), until=frozenset({other}))
                yield Move(f"force {job} until {other}", both)


def extensions(script: Script) -> Iterator[Move]:
    """A generator makes something: below anything, above anything that waits for it, allowed or not."""
    for job, kind in script.kinds.items():
        if kind == "GENERATOR":
            for extension in _extensions(script, job):
                label = f"{job} makes {extension.kinds} {extension.edges}"
                yield Move(label, replace(script, extensions={job: extension}))


def _extensions(script: Script, generator: str) -> Iterator[Extension]:
    for up in script.kinds:
        yield Extension((("x", "OUTPUT"),), ((up, "x", None),))
    for up in script.kinds:
        yield Extension((("z", "LAZY"), ("x", "OUTPUT")), ((up, "z", None), ("z", "x", None)))
    yield Extension((("z", "LAZY"),))
    yield Extension((("x", "OUTPUT"),), (("x", generator, None),))
    for down, kind in script.kinds.items():
        if kind == "INVARIANT" or down == generator:
            continue
        yield Extension((("y", "INVARIANT"),), (("y", down, None),))
        yield Extension((("z", "LAZY"),), (("z", down, None),))
        yield Extension((("x", "OUTPUT"),), ((generator, "x", None), ("x", down, None)))
        for up in script.kinds:
            if up != down and (up, down, None) not in script.edges:
                yield Extension((), ((up, down, None),))


def undeclared(script: Script) -> Iterator[Move]:
    """An edge is not declared any more, and the job still reads. (`other_edges` declares what was read.)"""
    for edge in script.edges:
        up, down, part = edge
        kinds = script.kinds.get(up), script.kinds.get(down)
        if part is None and kinds[0] in ("OUTPUT", "INVARIANT") and kinds[1] in READERS:
            rest = tuple(other for other in script.edges if other != edge)
            reads = (*script.reads, (up, down))
            yield Move(f"undeclared {edge}", replace(script, edges=rest, reads=reads))


def anything_read(script: Script) -> Iterator[Move]:
    """Anything, except that a job reads what is there for a while only, or reads in a circle."""
    for moves in (*ANYTHING, undeclared):
        for move in moves(script):
            kinds, _ = move.script.everything
            ends = [(kinds.get(up, "OUTPUT"), kinds.get(down, "OUTPUT")) for up, down in move.script.reads]
            is_sound = all(up in ("OUTPUT", "INVARIANT") and down in READERS for up, down in ends)
            if is_sound and not move.script.has_cycle:
                yield move


Menu = tuple[Callable[[Script], Iterable[Move]], ...]

ALWAYS: Menu = (as_ever,)
EDITS: Menu = (as_ever, other_values, other_files)
ANYTHING: Menu = (
    *EDITS,
    other_jobs,
    other_edges,
    restless_jobs,
    extensions,
    parts_of_the_graph,
    jobs_by_force,
)
ANYTHING_READ: Menu = (anything_read,)
