"""Hints: explains failures with causes that the traceback does not show.

There are four causes: data is not loaded in the job's process, memory is limited, a confined job uses what it does not
declare, or a loop variable is captured late. In the last case all functions that were made in a loop see the variable's last value.

    for name in ["a", "b"]:
        ppg.FileGeneratingJob(f"{name}.txt", lambda: Path(f"{name}.txt").write_text("x"))

Both functions look `name` up when they run, and both find "b": the job of `a.txt` writes `b.txt`. The visible
effect is a job that returns without its file. The hint is given only if another job has the same code and the
same variable, and its id contains the variable's value. That distinguishes the case from a function that just
does not write its file.
"""

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from ppg.jobs.job import Job
from ppg.kinds.signature import is_function
from ppg.outcomes.tasks import runs_confined
from ppg_exec import Output
from ppg_graph import NodeKind

__all__ = ["LateVariable", "late_variable", "not_allowed", "with_hint"]

MOST_NAMES = 5

LOOKS_NOT_LOADED = frozenset(
    {
        "AttributeError",
        "IndexError",
        "KeyError",
        "LookupError",
        "NameError",
        "TypeError",
        "UnboundLocalError",
    }
)
"""Exceptions of code that uses data that is not loaded: no attribute, entry or name, or None in its place."""

NEARBY = 500
"""Number of jobs before and after a job that are compared; jobs of one loop are declared close together."""


@dataclass(frozen=True, slots=True)
class LateVariable:
    """Late variable: a loop variable that a job's function captured late.

    Attributes:
        name: the variable's name.
        value: the value that the function finds.
        rival: the id of the job that the value belongs to.
        function: the corrected beginning of the function.
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
    """Return the variable that made the function of `job` write another job's files, or None."""
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
    first = max(0, job._node - NEARBY)
    for rival in islice(job.pipegraph, first, job._node + NEARBY):
        if rival is not job:
            yield rival


def _shared_variables(
    function: types.FunctionType, other: types.FunctionType
) -> Iterator[tuple[str, object]]:
    """Yield name and value of each variable that has the same value in both functions."""
    for name, cell, other_cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), other.__closure__ or (), strict=True
    ):
        try:
            value, other_value = cell.cell_contents, other_cell.cell_contents
        except ValueError:
            # The variable was deleted, which is another failure of the function.
            continue
        # Functions from a generator's process each have a copy of the variable, so their values are compared.
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
    """Yield the texts with which a value can appear in a file's name: the value itself and its parts."""
    if is_function(value) or isinstance(value, types.ModuleType):
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
    """Whether the rival's id contains the text, as words or within a word, and the job's own id does not."""
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


def with_hint(job: Job, type_name: str, traceback: str, stderr: Output) -> str:
    """Return the traceback of a job that raised, followed by a hint if there is one.

    Parameters:
        job: the job.
        type_name: the qualified name of the exception's class.
        traceback: as text.
        stderr: what the job has printed there.
    """
    hint = _not_loaded(job, type_name) or _no_memory(job, type_name) or not_allowed(job, traceback, stderr)
    return traceback if hint is None else f"{traceback.rstrip()}\n{hint}"


def not_allowed(job: Job, text: str, stderr: Output) -> str | None:
    """Return what a confined job was denied, as far as a text about its failure or its output shows it."""
    if not runs_confined(job):
        return None
    from ppg.outcomes.confined_hints import hint_of_confined  # noqa: PLC0415 (only confined jobs that fail need it)

    return hint_of_confined(job, text, stderr)


def _not_loaded(job: Job, type_name: str) -> str | None:
    if job.execution.isolation != "fresh":
        return None
    graph = job.pipegraph
    above = map(graph._job_at, graph.dag.upstreams(job._node))
    loads = [upstream.job_id for upstream in above if upstream.kind is NodeKind.LOAD]
    if not loads or type_name not in LOOKS_NOT_LOADED:
        return None
    names = ", ".join(f"'{name}'" for name in loads[:MOST_NAMES]) + (
        ", ..." if len(loads) > MOST_NAMES else ""
    )
    return (
        f"'{job.job_id}' has isolation=\"fresh\", so its process has no data that was loaded by {names}: "
        "read the data in the job itself, or leave the option out"
    )


def _no_memory(job: Job, type_name: str) -> str | None:
    if not type_name.endswith(
        "MemoryError"
    ):  # libraries have subclasses of it, such as numpy's _ArrayMemoryError
        return None
    return (
        f"'{job.job_id}' got no more memory: there may be a limit (ulimit -v, a batch system). If other jobs use too "
        "much, state how much this job needs (memory_needed, in bytes), so that fewer jobs run beside it"
    )
