"""Random scripts whose jobs read what they do not declare, and edits of them and of their inputs."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.properties.api.undeclared.model import OUTPUTS, Job, Kind, Read, Script

__all__ = ["edited", "random_inputs", "random_script"]

INPUTS = tuple(f"in/i{number}" for number in range(4))
NAMED = tuple(f"data/n{number}" for number in range(4))
KINDS = (*[Kind.FILE] * 5, *[Kind.MULTI] * 2, Kind.TEMP, Kind.LOAD, Kind.CACHED, *[Kind.GENERATOR] * 2)
SPELLINGS = (*["relative"] * 4, "absolute", "dotted", "link")
EDITS = (
    *["input"] * 6,
    *["name"] * 3,
    "folder",
    "touch",
    *["version"] * 4,
    "twist",
    "kinds",
    *["declare"] * 3,
    *["reads"] * 3,
    *["turn"] * 2,
    "spelling",
    *["delete"] * 2,
    *["add"] * 2,
    "remove",
    "move",
)


def random_inputs(random: Random, root: Path) -> None:
    """Make some of the inputs."""
    for name in (*INPUTS, *NAMED):
        if random.random() < 0.7:
            (root / name).write_text(_random_text(random))


def random_script(random: Random, size: int) -> Script:
    """A script with so many jobs, whose order says nothing."""
    script = Script()
    for number in range(size):
        script = _with_one_more(random, script, f"j{number}")
    return script


def edited(random: Random, script: Script, root: Path, serial: int) -> tuple[Script, str]:
    """The script, or an input, with one change, and what was done.

    Parameters:
        serial: another one for every edit.
    """
    what = random.choice(EDITS)
    if what in ("input", "name", "folder", "touch", "delete"):
        return script, f"{what} {_edit_files(random, script, root, what)}"
    names = sorted(script.by_name)
    if what == "add" or not names:
        after = _with_one_more(random, script, f"k{serial}")
        return after, f"add k{serial}"
    name = random.choice(names)
    if what == "remove":
        return _without(script, name), f"remove {name}"
    if what == "move":
        jobs = list(script.jobs)
        random.shuffle(jobs)
        return Script(tuple(jobs)), what
    if what == "turn":
        return _turned(random, script), what
    job = _edited_job(random, script, script.by_name[name], what, serial)
    after = _with(script, job)
    if after.in_order() is None:
        return script, "nothing"
    return after, f"{what} {name}"


def _edit_files(random: Random, script: Script, root: Path, what: str) -> str:
    match what:
        case "input":
            name = random.choice((*INPUTS, *NAMED))
            _write(random, root / name)
        case "name":
            name = random.choice(NAMED)
            _write(random, root / name)
        case "touch":
            name = random.choice((*INPUTS, *NAMED))
            if (root / name).exists():
                os.utime(root / name, ns=(random.randrange(10**18), random.randrange(10**18)))
        case "folder":
            name = "data"
            if any(job.folder == "data" for job in script.by_name.values()):
                return "nothing"
            if (root / name).exists():
                shutil.rmtree(root / name)
            else:
                (root / name).mkdir()
        case _:
            made = sorted(name for name in script.maker_of if (root / name).exists())
            name = random.choice(made) if made else "nothing"
            (root / name).unlink(missing_ok=True)
    return name


def _write(random: Random, path: Path) -> None:
    if path.exists() and random.random() < 0.3:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(_random_text(random))


def _edited_job(random: Random, script: Script, job: Job, what: str, serial: int) -> Job:
    reads = list(job.reads)
    place = random.randrange(len(reads)) if reads else 0
    match what:
        case "version":
            return replace(job, version=serial)
        case "twist":
            return replace(job, twist=serial)
        case "kinds":
            return replace(job, kinds=random.choice((2, 100)))
        case "declare" if reads:
            reads[place] = replace(reads[place], declared=not reads[place].declared)
        case "spelling" if reads:
            reads[place] = replace(reads[place], spelling=random.choice(SPELLINGS))
        case "reads":
            if reads and random.random() < 0.6:
                del reads[place]
            if random.random() < 0.7:
                reads.insert(place, _random_read(random, script))
        case _:
            pass
    return replace(job, reads=tuple(reads))


def _turned(random: Random, script: Script) -> Script:
    """The script in which the maker of a file reads a file of the job that read it until now."""
    pairs = [
        (reader, read, script.maker_of[read.name])
        for reader in script.by_name.values()
        for read in reader.reads
        if read.name in script.maker_of and reader.kind in OUTPUTS
    ]
    if not pairs:
        return script
    reader, read, maker = random.choice(pairs)
    left = tuple(one for one in reader.reads if one.name != read.name)
    file = random.choice(sorted(reader.files.values()))
    after = _with(script, replace(reader, reads=left))
    after = _with(after, replace(maker, reads=(*maker.reads, replace(read, name=file))))
    return script if after.in_order() is None else after


def _with_one_more(random: Random, script: Script, name: str) -> Script:
    job = _random_job(random, script, name)
    jobs = list(script.jobs)
    jobs.insert(random.randint(0, len(jobs)), job)
    script = Script(tuple(jobs))
    # An older job reads the new one, too.
    others = sorted(set(script.by_name) - {name, *(made.name for made in job.makes)})
    if others and random.random() < 0.5:
        reader = script.by_name[random.choice(others)]
        read = _random_read(random, Script((job,)))
        after = _with(script, replace(reader, reads=(*reader.reads, read)))
        if after.in_order() is not None:
            return after
    return script


def _random_job(random: Random, script: Script, name: str, *, generated: bool = False) -> Job:
    kind = random.choice([kind for kind in KINDS if not generated or kind in OUTPUTS])
    makes: tuple[Job, ...] = ()
    if kind is Kind.GENERATOR:
        number = random.randint(1, 3)
        makes = tuple(_random_job(random, script, f"{name}_{one}", generated=True) for one in range(number))
    reads = tuple(_random_read(random, script) for _ in range(random.randint(0, 3)))
    folder = "data" if random.random() < 0.2 else "out"
    return Job(name, kind, reads, kinds=random.choice((2, 100)), folder=folder, makes=makes)


def _random_read(random: Random, script: Script) -> Read:
    how = random.choice(("file",) * 6 + ("listing", "each", "follow", "data"))
    loads = [job.name for job in script.jobs if job.kind in (Kind.LOAD, Kind.CACHED)]
    if how == "data" and loads:
        return Read("data", random.choice(loads))
    spelling = random.choice(SPELLINGS)
    if how in ("listing", "each"):
        return Read(how, random.choice(("data", "data", "in")), spelling)
    declared = random.random() < 0.3
    choices = tuple(_random_file(random, script) for _ in range(2 if how == "follow" else 0))
    return Read("follow" if choices else "file", _random_file(random, script), spelling, declared, choices)


def _random_file(random: Random, script: Script) -> str:
    outputs = sorted(script.maker_of)
    return random.choice(outputs) if outputs and random.random() < 0.6 else random.choice((*INPUTS, *NAMED))


def _random_text(random: Random) -> str:
    return random.choice("abc")


def _with(script: Script, job: Job) -> Script:
    """The script with another job of this name."""
    return Script(
        tuple(
            job
            if one.name == job.name
            else replace(one, makes=tuple(job if made.name == job.name else made for made in one.makes))
            for one in script.jobs
        )
    )


def _without(script: Script, name: str) -> Script:
    """The script without a job; its files may stay, and be read, but its data are not there."""

    def left(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        return tuple(
            replace(
                job,
                reads=tuple(read for read in job.reads if (read.how, read.name) != ("data", name)),
                makes=left(job.makes),
            )
            for job in jobs
            if job.name != name
        )

    return Script(left(script.jobs))
