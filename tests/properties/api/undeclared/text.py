"""These scripts as a user would have written them: compiled afresh for every run, so that edits are edits of code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from tests.properties.api.undeclared.model import Job, Kind, Read, Script

__all__ = ["declared_files", "spelled", "text_of"]

HEAD = """\
import functools
import ppg
from tests.properties.api.undeclared import work

here = work.Here(ACCOUNT, PLAN)
ppg.unwatched('here')
graph = ppg.new_pipegraph(COORDINATOR, root=ROOT, quiet=True)
"""


def text_of(script: Script, root: Path) -> str:
    """The script; it expects ROOT, ACCOUNT, PLAN and COORDINATOR, and leaves the pipegraph as `graph`."""
    everything = script.by_name.values()
    parts = [HEAD, *(_callback(job, root) for job in everything if job.kind is not Kind.GENERATOR)]
    parts += [_declared(script, job, root) for job in script.jobs]
    parts += [line for job in script.jobs for line in _dependencies(script, job, root)]
    return "\n".join(parts) + "\n"


def declared_files(script: Script, job: Job, root: Path) -> list[str]:
    """Names of the files on which the script says that a job depends."""
    return list(
        dict.fromkeys(
            name for read in job.reads for name in read.names if script.is_declared(job, read, name, root)
        )
    )


def spelled(name: str, spelling: str, root: Path) -> str:
    """A file or folder as a callback names it."""
    folder, _, last = name.rpartition("/")
    match spelling:
        case "absolute":
            return f"{root}/{name}"
        case "dotted":
            return f"./in/../{name}"
        case "link":
            return f"links/{folder or name}/{last}" if folder else f"links/{name}"
        case _:
            return name


def _reads(reads: Sequence[Read], root: Path) -> str:
    return repr(
        [
            (
                read.how,
                read.name,
                spelled(read.name, read.spelling, root),
                tuple((name, spelled(name, read.spelling, root)) for name in read.choices),
            )
            for read in reads
        ]
    )


def _callback(job: Job, root: Path) -> str:
    twist = f"    _twist = {job.twist}\n" if job.twist else ""
    does = f"{job.version}, {job.kinds}, {_reads(job.reads, root)}"
    name = repr(job.name)
    match job.kind:
        case Kind.LOAD:
            return (
                f"def do_{job.name}():\n{twist}    here.data[{name}] = work.calculate(here, {name}, {does})\n"
            )
        case Kind.CACHED:
            return (
                f"def do_{job.name}():\n{twist}    return work.calculate(here, {name}, {does})\n\n"
                f"def put_{job.name}(value):\n    work.put(here, {name}, value)\n"
            )
        case _:
            return (
                f"def do_{job.name}(made, salt=''):\n{twist}    work.make(here, {name}, made, {does}, salt)\n"
            )


def _declared(script: Script, job: Job, root: Path) -> str:
    return f"{job.name} = {_constructed(script, job, root)}"


def _constructed(script: Script, job: Job, root: Path) -> str:
    match job.kind:
        case Kind.FILE | Kind.TEMP:
            return f"ppg.{job.kind.value}({job.files['']!r}, do_{job.name})"
        case Kind.MULTI:
            return f"ppg.{job.kind.value}({job.files!r}, do_{job.name})"
        case Kind.LOAD:
            return f"ppg.{job.kind.value}({job.name!r}, do_{job.name})"
        case Kind.CACHED:
            return f"ppg.{job.kind.value}({f'cache/{job.name}'!r}, do_{job.name}, put_{job.name})"
        case Kind.GENERATOR:
            lines = [f"def generate_{job.name}():"]
            lines += [f"    _twist = {job.twist}"] if job.twist else []
            for made in job.makes:
                lines.append(f"    def declare_{made.name}(salt):")
                how = _constructed(script, made, root).replace(
                    f"do_{made.name}", f"functools.partial(do_{made.name}, salt=salt)"
                )
                lines.append(f"        {made.name} = {how}")
                lines.append(indent("\n".join(_dependencies(script, made, root)), "        "))
            makers = ", ".join(f"{made.name!r}: declare_{made.name}" for made in job.makes)
            lines.append(
                f"    work.generate(here, {job.name!r}, {job.version}, {job.kinds}, {_reads(job.reads, root)}, "
                f"{{{makers}}})"
            )
            # The generator is declared after its function, at the same place of the script.
            return f"None\n{chr(10).join(lines)}\n{job.name} = ppg.{job.kind.value}({job.name!r}, generate_{job.name})"


def _dependencies(script: Script, job: Job, root: Path) -> list[str]:
    loads = [read.name for read in job.reads if read.how == "data"]
    lines = [f"{job.name}.depends_on({load})" for load in dict.fromkeys(loads)]
    for name in declared_files(script, job, root):
        lines.append(f"{job.name}.depends_on_file({name!r})")
    return lines
