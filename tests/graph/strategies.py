"""Random scripts, and edits of them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ppg_graph import NodeKind
from tests.graph.scripts import MAKES_FILES, PARTS, Job, Script

KINDS = [
    *[NodeKind.OUTPUT] * 4,
    *[NodeKind.LAZY] * 4,
    *[NodeKind.LOAD] * 2,
    *[NodeKind.INVARIANT] * 3,
    NodeKind.GENERATOR,
]


def random_script(random: Random, size: int) -> Script:
    script = Script()
    for number in range(size):
        script.jobs.append(_random_job(random, script, f"j{number}", number))
    _fill_generators(random, script)
    return script


def edited(random: Random, script: Script, serial: int) -> Script:
    """The script with one change; whatever the change breaks is dropped."""
    jobs = list(script.jobs)
    changed = Script(jobs)
    position = random.randrange(len(jobs)) if jobs else 0
    match random.choice(["value", "value", "kind", "remove", "insert", "edges", "edges", "generators"]):
        case "value":
            jobs[:] = [
                replace(job, value=random.randrange(3))
                if job.kind is NodeKind.INVARIANT and random.random() < 0.3
                else job
                for job in jobs
            ]
        case "kind" if jobs:
            job = replace(jobs[position], kind=random.choice(KINDS), makes=(), injects=())
            jobs[position] = replace(job, upstreams=() if job.kind is NodeKind.INVARIANT else job.upstreams)
        case "remove" if jobs:
            del jobs[position]
        case "insert":
            jobs.insert(position, _random_job(random, script, f"n{serial}", position))
        case "edges" if jobs and jobs[position].kind is not NodeKind.INVARIANT:
            jobs[position] = replace(jobs[position], upstreams=_random_upstreams(random, jobs[:position]))
        case _:
            pass
    known: dict[str, Job] = {}
    for index, job in enumerate(jobs):
        jobs[index] = known[job.name] = replace(
            job,
            upstreams=tuple(
                (name, _part(known[name], part)) for name, part in job.upstreams if name in known
            ),
        )
    if random.random() < 0.6:
        _fill_generators(random, changed)
    else:
        _mend_generators(changed)
    return changed


def _part(upstream: Job, part: str | None) -> str | None:
    return part if upstream.kind in MAKES_FILES else None


def _random_upstreams(random: Random, candidates: list[Job]) -> tuple[tuple[str, str | None], ...]:
    wanted = min(len(candidates), random.choice([0, 1, 1, 2, 2, 3, 4]))
    near = candidates[-8:] if random.random() < 0.7 else candidates
    chosen = random.sample(near, min(wanted, len(near)))
    return tuple((job.name, _part(job, random.choice([None, None, None, *PARTS]))) for job in chosen)


def _random_job(random: Random, script: Script, name: str, position: int) -> Job:
    kind = random.choice(KINDS)
    upstreams = () if kind is NodeKind.INVARIANT else _random_upstreams(random, script.jobs[:position])
    return Job(name, kind, upstreams, random.randrange(3))


def _below(script: Script, generator: str) -> set[str]:
    below = {generator}
    for job in script.jobs:
        if any(upstream in below for upstream, _ in job.upstreams):
            below.add(job.name)
    return below - {generator}


def _fill_generators(random: Random, script: Script) -> None:
    for position, job in enumerate(script.jobs):
        if job.kind is NodeKind.GENERATOR:
            script.jobs[position] = _filled(
                random, script, job, script.jobs[:position], _below(script, job.name), depth=0
            )


def _filled(
    random: Random, script: Script, generator: Job, before: list[Job], below: set[str], *, depth: int
) -> Job:
    made: list[Job] = []
    for number in range(random.choice([0, 1, 1, 2, 3])):
        kind = random.choice(KINDS)
        if kind is NodeKind.GENERATOR and depth:
            kind = NodeKind.OUTPUT
        upstreams = (
            () if kind is NodeKind.INVARIANT else _random_upstreams(random, [*before, generator, *made])
        )
        new = Job(f"{generator.name}.{number}", kind, upstreams, random.randrange(3))
        if kind is NodeKind.GENERATOR:
            new = _filled(random, script, new, [*before, generator, *made], set(), depth=depth + 1)
        made.append(new)
    injects = []
    for name in sorted(below):
        if random.random() < 0.3:
            upstream = random.choice([*before, *made]) if before or made else generator
            injects.append((upstream.name, name, _part(upstream, random.choice([None, None, *PARTS]))))
    return replace(generator, makes=tuple(made), injects=tuple(injects))


def _mend_generators(script: Script) -> None:
    """Keep what generators make, as far as it still refers to what is there."""
    before: dict[str, Job] = {}
    for position, job in enumerate(script.jobs):
        if job.kind is NodeKind.GENERATOR:
            script.jobs[position] = job = _mended(script, job, dict(before), _below(script, job.name))
        before[job.name] = job


def _mended(script: Script, generator: Job, known: dict[str, Job], below: set[str]) -> Job:
    known[generator.name] = generator
    made = []
    for new in generator.makes:
        new = replace(
            new,
            upstreams=tuple(
                (name, _part(known[name], part)) for name, part in new.upstreams if name in known
            ),
        )
        if new.kind is NodeKind.GENERATOR:
            new = _mended(script, new, dict(known), set())
        known[new.name] = new
        made.append(new)
    injects = [
        (upstream, downstream, _part(known[upstream], part))
        for upstream, downstream, part in generator.injects
        if upstream in known and downstream in below
    ]
    return replace(generator, makes=tuple(made), injects=tuple(injects))
