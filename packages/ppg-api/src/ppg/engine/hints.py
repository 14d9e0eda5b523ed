"""Hints: what a job's failure means that its traceback cannot tell.

Data may not be loaded where the job ran, memory may be limited, and there is the loop-variable gotcha: functions that
were made in a loop all see the variable's last value.

    for name in ["a", "b"]:
        ppg.FileGeneratingJob(f"{name}.txt", lambda: Path(f"{name}.txt").write_text("x"))

Both functions look `name` up when they run, and both find "b": the job of `a.txt` writes `b.txt`. What is seen of it is
a job that returns without having made its file, while another job with the very same code and the same variable
is named after the variable's value. That is how it is told from a function that merely forgot its file.
"""

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from ppg.jobs.job import Job
from ppg_graph import NodeKind

__all__ = ["LateVariable", "late_variable", "with_hint"]

MOST_NAMES = 5

LOOKS_NOT_LOADED = (AttributeError, LookupError, NameError, TypeError)
"""What comes of using data that is not there: no attribute, entry or name, or None in its place."""

NEARBY = 500
"""How many jobs before and after it are looked at: those of one loop are declared close to each other."""


@dataclass(frozen=True, slots=True)
class LateVariable:
    """A variable that a job's function found changed.

    Attributes:
        name: of the variable.
        value: what the function finds.
        rival: the id of the job that the value belongs to.
        function: how the function is to be written instead.
    """

    name: str
    value: object
    rival: str
    function: str

    def __str__(self) -> str:
        shown = repr(self.value)
        return (
            f"its function, like that of '{self.rival}', finds the last value of the variable '{self.name}' "
            f"({shown if len(shown) <= 60 else shown[:57] + '...'}), and so makes the other job's files: a loop variable "
            f"is looked up when the function runs. Keep its value with a default: {self.function}"
        )


def late_variable(job: Job) -> LateVariable | None:
    """The variable that made the function of `job` do another job's work, if that is what happened."""
    function = job.callback
    if type(function) is not types.FunctionType:
        return None
    for rival in _jobs_nearby(job):
        other = rival.callback
        if type(other) is types.FunctionType and other.__code__ is function.__code__:
            for name, value in _shared_variables(function, other):
                if any(_belongs_to(text, rival.job_id, job.job_id) for text in _texts(value)):
                    return LateVariable(name, value, rival.job_id, _idiom(function, name))
    return None


def _jobs_nearby(job: Job) -> Iterator[Job]:
    first = max(0, job.node - NEARBY)
    for rival in islice(job.pipegraph, first, job.node + NEARBY):
        if rival is not job:
            yield rival


def _shared_variables(
    function: types.FunctionType, other: types.FunctionType
) -> Iterator[tuple[str, object]]:
    """What both functions find the same of, by name."""
    for name, cell, other_cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), other.__closure__ or (), strict=True
    ):
        try:
            value, other_value = cell.cell_contents, other_cell.cell_contents
        except ValueError:
            # The variable was deleted; the function fails for itself.
            continue
        # Functions that a generator made come back with a copy of the variable each.
        if cell is other_cell or list(_texts(value)) == list(_texts(other_value)):
            yield name, value
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _global_names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _texts(value: object) -> Iterator[str]:
    """How a value may appear in the name of a file: as it is, or by one of its parts."""
    if callable(value) or isinstance(value, types.ModuleType):
        return
    parts: list[object] = [value]
    if isinstance(value, Mapping):
        parts += value.values()
    elif isinstance(value, (list, tuple)):
        parts += value
    else:
        parts += getattr(value, "__dict__", {}).values()
    for part in parts:
        if isinstance(part, (str, int, float, PurePath)) and str(part):
            yield str(part)


def _belongs_to(text: str, rival: str, own: str) -> bool:
    """Whether the one job's id is made with this text, as a word of its own or as part of one, and the other's not."""
    words = re.findall(r"\w+", text)
    if words and set(re.findall(r"\w+", rival)).issuperset(words):
        return not set(re.findall(r"\w+", own)).issuperset(words)
    return text in rival and text not in own


def _idiom(function: types.FunctionType, name: str) -> str:
    code = function.__code__
    given = code.co_varnames[: code.co_argcount - len(function.__defaults__ or ())]
    parameters = ", ".join([*given, f"{name}={name}"])
    return (
        f"lambda {parameters}: ..."
        if code.co_name == "<lambda>"
        else f"def {code.co_name}({parameters}): ..."
    )


def with_hint(job: Job, exception: BaseException, traceback: str) -> str:
    """The traceback of a job that raised, with a line for the user at its end if there is something to say."""
    hint = _not_loaded(job, exception) or _no_memory(job, exception)
    return traceback if hint is None else f"{traceback.rstrip()}\n{hint}"


def _not_loaded(job: Job, exception: BaseException) -> str | None:
    if job.execution.isolation != "fresh":
        return None
    loads = [upstream.job_id for upstream in job.upstreams if upstream.kind is NodeKind.LOAD]
    if not loads or not isinstance(exception, LOOKS_NOT_LOADED):
        return None
    names = ", ".join(f"'{name}'" for name in loads[:MOST_NAMES]) + (
        ", ..." if len(loads) > MOST_NAMES else ""
    )
    return (
        f"'{job.job_id}' has isolation=\"fresh\", so nothing is in its process that was loaded by {names}: "
        "read the data in the job itself, or leave the option out"
    )


def _no_memory(job: Job, exception: BaseException) -> str | None:
    if not isinstance(exception, MemoryError):
        return None
    return (
        f"'{job.job_id}' got no more memory: there may be a limit (ulimit -v, a batch system). If it is others that "
        "leave too little, state what it needs (memory_needed, in bytes), so that fewer run beside it"
    )
