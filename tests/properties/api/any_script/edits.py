"""Random scripts, and edits of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.properties.api.any_script.model import (
    ALL,
    FOLDERS,
    GENERATORS,
    INVARIANTS,
    MULTI,
    PARTS,
    Code,
    Job,
    Kind,
    Script,
    Style,
    Use,
)

__all__ = ["edited", "random_script", "shaken"]

KINDS = (
    *[Kind.FILE] * 4,
    *[Kind.MULTI] * 4,
    *[Kind.TEMP] * 3,
    *[Kind.MULTI_TEMP] * 2,
    *[Kind.FOLDER] * 3,
    *[Kind.TEMP_FOLDER] * 2,
    Kind.ATTRIBUTE,
    Kind.DATA,
    Kind.ENTRY,
    Kind.CACHED_ATTRIBUTE,
    Kind.CACHED_DATA,
    *[Kind.CHECKSUM] * 3,
    *[Kind.TIME] * 2,
    *[Kind.PARAMETER] * 2,
    Kind.FUNCTION,
    *[Kind.GENERATOR] * 3,
    Kind.INJECTION,
)


def random_script(random: Random, size: int) -> Script:
    """A script with `size` jobs, beside those that generators make."""
    jobs: list[Job] = []
    for number in range(size):
        jobs.append(_random_job(random, f"j{number}", jobs))
    return _with_generators(random, jobs, refill=True)


def edited(random: Random, script: Script, serial: int) -> tuple[Script, str]:
    """The script with one change, and what was done; what the change breaks is dropped.

    Parameters:
        serial: another one for every edit.
    """
    jobs = list(script.jobs)
    position = random.randrange(len(jobs)) if jobs else 0
    what = random.choice(
        [
            "version",
            "value",
            "twist",
            "comment",
            "style",
            "touch",
            "kind",
            "ignore",
            "ignore",
            "parts",
            "parts",
        ]
        + ["remove", "insert", "rename", "uses", "uses", "generators"]
    )
    if what == "insert" or not jobs:
        jobs.insert(position, _random_job(random, f"n{serial}", jobs[:position]))
        return _with_generators(random, jobs, refill=False), "insert"
    job = jobs[position]
    if what in ("version", "twist", "comment", "style", "value", "touch", "ignore"):
        return _edited_in_place(random, script, what, serial)
    match what:
        case "kind":
            kind = random.choice(KINDS)
            uses = () if kind in INVARIANTS else job.uses
            indifferent = _may_ignore(kind) and job.indifferent
            ignores = indifferent and job.ignores
            jobs[position] = replace(job, kind=kind, uses=uses, indifferent=indifferent, ignores=ignores)
        case "remove":
            del jobs[position]
        case "rename":
            jobs = [_renamed(each, job.name, f"r{serial}") for each in jobs]
        case "parts" if job.kind in MULTI:
            # One file more, or one less; most users keep what they use.
            jobs[position] = replace(job, parts=random.choice([PARTS, PARTS[:1], PARTS[1:]]))
        case "uses" if job.kind not in INVARIANTS:
            jobs[position] = replace(job, uses=_random_uses(random, jobs[:position]))
        case _:
            pass
    return _with_generators(random, jobs, refill=what == "generators"), f"{what} {job.name}"


def _edited_in_place(random: Random, script: Script, what: str, serial: int) -> tuple[Script, str]:
    """An edit of what one job is about, be it generated or not; no edge comes or goes."""
    everything = [job for job in script.everything() if _is_about(job, what)]
    if not everything:
        return script, "nothing"
    chosen = random.choice(everything).name

    script = _with(script, {chosen}, lambda job: _changed(random, job, what, serial))
    return script, f"{what} {chosen}"


def shaken(random: Random, script: Script, names: Collection[str], serial: int) -> Script:
    """The script in which these jobs do, or observe, something else."""

    def change(job: Job) -> Job:
        what = next((what for what in ("version", "value") if _is_about(job, what)), None)
        return job if what is None else _changed(random, job, what, serial)

    return _with(script, names, change)


def _with(script: Script, names: Collection[str], change: Callable[[Job], Job]) -> Script:
    """The script in which these jobs, be they generated or not, are changed."""

    def edit(job: Job) -> Job:
        job = replace(job, makes=tuple(edit(new) for new in job.makes))
        return change(job) if job.name in names else job

    return Script(tuple(edit(job) for job in script.jobs))


def _changed(random: Random, job: Job, what: str, serial: int) -> Job:
    code = job.code
    match what:
        case "version":
            return replace(job, code=replace(code, version=_other(random, code.version)))
        case "twist":
            return replace(job, code=replace(code, twist=random.randrange(3)))
        case "comment":
            return replace(job, code=replace(code, comment=random.randrange(3)))
        case "style":
            return replace(job, code=replace(code, style=random.choice(list(Style))))
        case "value":
            # An input file is sometimes edited so that its time and its size stay what they were.
            stealthy = job.kind is Kind.CHECKSUM and random.random() < 0.5
            return replace(job, value=_other(random, job.value), stamp=job.stamp if stealthy else serial)
        case "touch":
            return replace(job, stamp=serial)
        case "ignore":
            return replace(job, ignores=not job.ignores)
        case _:
            raise AssertionError(what)


def _other(random: Random, number: int) -> int:
    return (number + random.randrange(1, 4)) % 4


def _is_about(job: Job, what: str) -> bool:
    match what:
        case "value":
            return job.kind in (Kind.PARAMETER, Kind.CHECKSUM, Kind.TIME)
        case "touch":
            return job.kind in (Kind.CHECKSUM, Kind.TIME)
        case "ignore":
            return job.indifferent
        case _:
            return job.kind not in INVARIANTS | GENERATORS or job.kind is Kind.FUNCTION


def _may_ignore(kind: Kind) -> bool:
    # Which files a folder has is in the code, so a change of it always makes a difference.
    return kind not in INVARIANTS | GENERATORS | FOLDERS


def _renamed(job: Job, old: str, new: str) -> Job:
    """The job as it is when `old` is called `new`; what `old` generates is renamed with it."""

    def name(was: str) -> str:
        return new + was[len(old) :] if was == old or was.startswith(old + ".") else was

    return replace(
        job,
        name=name(job.name),
        uses=tuple(Use(name(use.name), use.part) for use in job.uses),
        makes=tuple(_renamed(each, old, new) for each in job.makes),
        injects=tuple((name(down), Use(name(use.name), use.part)) for down, use in job.injects),
    )


def _random_job(random: Random, name: str, before: Sequence[Job]) -> Job:
    kind = random.choice(KINDS)
    indifferent = _may_ignore(kind) and random.random() < 0.2
    return Job(
        name,
        kind,
        () if kind in INVARIANTS else _random_uses(random, before),
        Code(random.choice(list(Style)), random.randrange(4)),
        value=random.randrange(4),
        parts=random.choice([PARTS, PARTS, PARTS[:1], PARTS[1:]]),
        indifferent=indifferent,
        ignores=indifferent and random.random() < 0.5,
    )


def _random_uses(random: Random, before: Sequence[Job]) -> tuple[Use, ...]:
    observed = [job for job in before if job.kind in INVARIANTS]
    working = [job for job in before if job.kind not in INVARIANTS]
    chosen = random.sample(working, min(len(working), random.choice([0, 1, 1, 2, 2, 3])))
    chosen += random.sample(observed, min(len(observed), random.choice([0, 1, 1, 2])))
    return tuple(_random_use(random, job) for job in chosen)


def _random_use(random: Random, job: Job) -> Use:
    if job.kind not in MULTI:
        return Use(job.name)
    patterns = [ALL] if job.kind in FOLDERS else []
    return Use(job.name, random.choice([None, *job.parts, job.parts[-1], *patterns]))


# --- generators -------------------------------------------------------------------------------------------------


def _with_generators(random: Random, jobs: Sequence[Job], *, refill: bool) -> Script:
    """The script of these jobs: uses of what is not there are dropped, and generators filled or mended."""
    known: dict[str, Job] = {}
    done: list[Job] = []
    for job in jobs:
        job = replace(job, uses=_mended_uses(job.uses, known))
        known[job.name] = job
        done.append(job)
    for position, job in enumerate(done):
        if job.kind not in GENERATORS:
            done[position] = replace(job, makes=(), injects=())
            continue
        before = done[:position]
        below = _below(done, job.name)
        if refill or not (job.makes or job.injects):
            done[position] = _filled(random, job, before, below, depth=0)
        else:
            done[position] = _mended(job, {each.name: each for each in before}, below)
    return Script(tuple(done))


def _mended_uses(uses: Sequence[Use], known: Mapping[str, Job]) -> tuple[Use, ...]:
    return tuple(
        Use(
            use.name,
            use.part if use.part in _known_parts(known[use.name]) else None,
        )
        for use in uses
        if use.name in known
    )


def _known_parts(job: Job) -> tuple[str, ...]:
    if job.kind in FOLDERS:
        return (*job.parts, ALL)
    return job.parts if job.kind in MULTI else ()


def _below(jobs: Sequence[Job], generator: str) -> set[str]:
    below = {generator}
    for job in jobs:
        if any(use.name in below for use in job.uses):
            below.add(job.name)
    return below - {generator}


def _filled(random: Random, generator: Job, before: Sequence[Job], below: set[str], *, depth: int) -> Job:
    made: list[Job] = []
    count = 0 if generator.kind is Kind.INJECTION else random.choice([0, 1, 1, 2])
    for number in range(count):
        new = _random_job(random, f"{generator.name}.{number}", [*before, generator, *made])
        if new.kind in GENERATORS:
            if depth:
                new = replace(new, kind=Kind.FILE)
            else:
                new = _filled(random, new, [*before, generator, *made], set(), depth=depth + 1)
        made.append(new)
    injects = []
    for name in sorted(below):
        if (before or made) and random.random() < 0.4:
            injects.append((name, _random_use(random, random.choice([*before, *made]))))
    return replace(generator, makes=tuple(made), injects=tuple(injects))


def _mended(generator: Job, known: dict[str, Job], below: set[str]) -> Job:
    """What the generator makes, as far as it refers to what is there."""
    known = {**known, generator.name: generator}
    made = []
    for new in generator.makes:
        new = replace(new, uses=_mended_uses(new.uses, known))
        if new.kind in GENERATORS:
            new = _mended(new, known, set())
        known[new.name] = new
        made.append(new)
    injects = tuple(
        (name, use) for name, old in generator.injects if name in below for use in _mended_uses([old], known)
    )
    return replace(generator, makes=tuple(made), injects=injects)
