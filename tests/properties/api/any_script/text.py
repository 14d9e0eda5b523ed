"""Random scripts as a user would have written them.

The text is compiled afresh for every run, so that an edit of a callback is an edit of real code. It expects `ROOT`
and `COORDINATOR` among its globals, and leaves the pipegraph as `graph` and the targets of its run as `targets`.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from textwrap import indent

from tests.properties.api.any_script.model import (
    FILES,
    FOLDERS,
    GENERATORS,
    INVARIANTS,
    Job,
    Kind,
    Script,
    Style,
    Use,
)

__all__ = ["text_of"]

HEAD = """\
import functools
import ppg
from tests.properties.api.any_script import work
"""


def text_of(script: Script, *, pruned: Collection[str] = (), targets: Collection[str] | None = None) -> str:
    """The script; `pruned` and `targets` are names of jobs that it declares itself."""
    everything = {job.name: job for job in script.everything()}
    attributes = [
        name for name, job in everything.items() if job.kind in (Kind.ATTRIBUTE, Kind.CACHED_ATTRIBUTE)
    ]
    # Loads put their values there, and what it has from the start depends on other jobs.
    parts = [HEAD, f"here = work.Here({attributes!r})\nppg.unwatched('here')\n"]
    parts += [_callbacks(job) for job in everything.values() if job.kind not in GENERATORS]
    parts.append("graph = ppg.new_pipegraph(COORDINATOR, root=ROOT, quiet=True)")
    parts += [_declared(job, everything) for job in script.jobs]
    parts += [f"{_variable(name)}.prune()" for name in sorted(pruned)]
    chosen = (
        "None" if targets is None else f"[{', '.join(_target(everything[name]) for name in sorted(targets))}]"
    )
    parts.append(f"targets = {chosen}\n")
    return "\n".join(parts)


# --- callbacks --------------------------------------------------------------------------------------------------


def _callbacks(job: Job) -> str:
    me = repr(job.name)
    match job.kind:
        case Kind.CACHED_DATA:
            calculation = _function(job, "", "", f"return work.load(here, {me}, VERSION)")
            return calculation + _function(job, "value", "put_", f"work.put(here, {me}, value, VERSION)")
        case Kind.DATA:
            return _function(job, "", "", f"here.data[{me}] = work.load(here, {me}, VERSION)")
        case Kind.FUNCTION:
            return _function(job, "", "", "return VERSION")
        case kind if kind in INVARIANTS:
            return ""
        case kind if kind in FOLDERS:
            return _function(job, "made", "", f"work.fill(here, {me}, made, {job.parts!r}, VERSION)")
        case kind if kind in FILES:
            return _function(job, "made", "", f"work.make(here, {me}, made, VERSION)")
        case _:
            return _function(job, "", "", f"return work.load(here, {me}, VERSION)")


def _function(job: Job, parameter: str, prefix: str, body: str) -> str:
    """A function in the style of the job's code, under the name that `_callback` gives."""
    name, code = _callback(job, prefix), job.code
    version = str(code.version)
    lines = [f"# comment {code.comment}"] if code.comment else []
    if code.comment > 1:
        lines = ['"""Edited again."""', "", *lines, ""]
    if code.twist:
        lines.append(f"_twist = {code.twist}")
    arguments = [parameter] if parameter else []
    before = after = ""
    match code.style:
        case Style.DIRECT | Style.METHOD:
            pass
        case Style.DEFAULT:
            arguments.append(f"version={version}")
            version = "version"
        case Style.HELPER:
            before = f"def version_of_{name}():\n    return {version}\n\n"
            version = f"version_of_{name}()"
        case Style.CONSTANT:
            before = f"VERSION_OF_{name} = {version}\n\n"
            version = f"VERSION_OF_{name}"
        case Style.CLOSURE:
            after = f"\n{name} = making_{name}({version})\n"
            version = "version"
        case Style.PARTIAL:
            arguments.append("version")
            after = f"\n{name} = functools.partial({name}, version={version})\n"
            version = "version"
    lines.append(body.replace("VERSION", version))
    text = "\n".join(lines)
    if code.style is Style.METHOD:
        head = f"def call({', '.join(['self', *arguments])}):\n{indent(text, '    ')}\n"
        text = f"class Caller_{name}:\n{indent(head, '    ')}\n{name} = Caller_{name}().call\n"
    elif code.style is Style.CLOSURE:
        head = f"def call({', '.join(arguments)}):\n{indent(text, '    ')}\n"
        text = f"def making_{name}(version):\n{indent(head, '    ')}    return call\n{after}"
    else:
        text = f"def {name}({', '.join(arguments)}):\n{indent(text, '    ')}\n{after}"
    return f"{before}{text}\n"


# --- declarations -----------------------------------------------------------------------------------------------


def _declared(job: Job, everything: dict[str, Job]) -> str:
    """The statements that declare a job, with its dependencies."""
    variable, function = _variable(job.name), _callback(job, "")
    head = ""
    match job.kind:
        case Kind.PARAMETER:
            arguments = f"{job.name!r}, {{'value': {job.value}}}"
        case Kind.FUNCTION:
            arguments = f"{job.name!r}, {function}"
        case Kind.CHECKSUM | Kind.TIME:
            arguments = repr(job.node)
        case Kind.FILE | Kind.TEMP | Kind.FOLDER | Kind.TEMP_FOLDER:
            arguments = f"{job.node!r}, {function}"
        case Kind.MULTI | Kind.MULTI_TEMP:
            arguments = f"{job.files!r}, {function}"
        case Kind.ATTRIBUTE:
            arguments = f"{job.name!r}, here.attributes[{job.name!r}], 'value', {function}"
        case Kind.DATA:
            arguments = f"{job.name!r}, {function}"
        case Kind.ENTRY:
            arguments = f"{job.name!r}, here.entries, {job.name!r}, {function}"
        case Kind.CACHED_ATTRIBUTE:
            arguments = f"{job.entry!r}, here.attributes[{job.name!r}], 'value', {function}"
        case Kind.CACHED_DATA:
            arguments = f"{job.entry!r}, {function}, {_callback(job, 'put_')}"
        case Kind.GENERATOR | Kind.INJECTION:
            head = _generator(job, everything)
            arguments = f"{job.name!r}, {function}"
    lines = [f"{variable} = ppg.{job.kind.value}({arguments})"]
    if job.ignores:
        lines.append(f"{variable}.ignore_code_changes()")
    lines += _dependencies(job.name, job.uses, everything)
    return head + "\n".join(lines)


def _generator(job: Job, everything: dict[str, Job]) -> str:
    lines = [f"work.begin({job.name!r})"]
    lines += [_declared(new, everything) for new in job.makes]
    for name, use in job.injects:
        lines += _dependencies(name, [use], everything)
    lines.append(f"work.generated({job.name!r})")
    return f"def {_callback(job, '')}():\n{indent(chr(10).join(lines), '    ')}\n"


def _dependencies(name: str, uses: Iterable[Use], everything: dict[str, Job]) -> list[str]:
    """One statement for all of them, or one each, or by the names of files: all spellings mean the same."""
    variable = _variable(name)
    spelled = []
    lines = []
    for use in uses:
        up = everything[use.name]
        whim = _whim(name, use)
        if use.part is not None:
            is_named = whim == 0 and use.part in up.files
            spelled.append(repr(up.files[use.part]) if is_named else f"{_variable(up.name)}[{use.part!r}]")
        elif up.kind in (Kind.CHECKSUM, Kind.TIME) and whim == 0:
            lines.append(f"{variable}.depends_on_file({up.node!r})")
        elif up.kind in (Kind.FILE, Kind.TEMP) and whim == 0:
            spelled.append(repr(up.node))
        else:
            spelled.append(_variable(up.name))
    if spelled:
        together = ", ".join(spelled) if len(spelled) % 2 else f"[{', '.join(spelled)}], None"
        lines.insert(0, f"{variable}.depends_on({together})")
    return lines


def _target(job: Job) -> str:
    return _variable(job.name) if _whim(job.name, Use(job.name)) else repr(job.node)


def _whim(name: str, use: Use) -> int:
    return zlib.crc32(f"{name} {use}".encode()) % 3


def _variable(name: str) -> str:
    return name.replace(".", "_")


def _callback(job: Job, prefix: str) -> str:
    verb = prefix or {Kind.GENERATOR: "generate_", Kind.INJECTION: "inject_"}.get(job.kind, "do_")
    return f"{verb}{_variable(job.name)}"
