"""What the pipelines of this folder import: functions and classes of a user's project, as ppg sees them."""

import functools
import threading
from dataclasses import dataclass, field

import ppg
import ppg_exec
import ppg_graph
import ppg_invariants
from ppg import JobContractError, JobState
from ppg_exec import Usage
from ppg_graph import NodeKind
from ppg_invariants import RunEnd


def clean(text):
    """Called by one job only: the test edits it."""
    return text.strip().lower()


def text_of(name):
    """Called by several jobs."""
    with open(name) as file:
        return file.read()


def lines_of(name):
    """Called by several jobs."""
    return text_of(name).splitlines()


def keeps(value):
    """A callback that has captured a value."""

    def write(path):
        path.write_text(f"{path.stem} was captured: {value is not None}\n")

    return write


def has_as_default(value):
    """A callback with a value as a default."""

    def write(path, value=value, *, other=(value,)):
        path.write_text(f"{path.stem} is a default: {value is other[0]}\n")

    return write


# -- classes of the project that have something of ppg in them ----------------------------------------------


class Report(ppg.FileGeneratingJob):
    """A kind of job of the user's own."""

    title = "report"

    def heading(self):
        """The first line."""
        return f"{self.title} of {self.job_id}"


class MissingSample(ppg.PyPipelineGraphError):
    """An error of the user's own."""

    def __init__(self, sample):
        super().__init__(f"no sample {sample}")
        self.sample = sample

    def __reduce__(self):
        return MissingSample, (self.sample,)


class Outcomes:
    """Members of the class are ppg's."""

    good = JobState.RAN
    bad = (JobState.FAILED, ppg.JobState.BLOCKED)
    error = JobContractError
    settings = ppg.LocalSystem(max_cores_to_use=1)
    reading = ppg.upstream
    job_path = ppg.JobFile.path


@dataclass
class Plan:
    """Defaults of the fields are ppg's."""

    state: ppg.JobState = ppg.JobState.NOT_NEEDED
    settings: ppg.LocalSystem = field(default_factory=ppg.LocalSystem)


class GraphThings:
    """Members of the class are those of ppg_graph."""

    kind = NodeKind.LAZY
    kinds = NodeKind
    reason = ppg_graph.Targeted()


class InvariantThings:
    """Members of the class are those of ppg_invariants."""

    end = RunEnd.DONE
    ends = RunEnd
    change = ppg_invariants.Changed("parameters", "1", "2")


class ExecThings:
    """Members of the class are those of ppg_exec; one has no content that could be compared, and counts by its type."""

    usage = Usage(wall=1.0)
    usages = Usage
    nothing = ppg_exec.Succeeded(threading.Lock())


# -- names that are followed --------------------------------------------------------------------------------

needed_names = functools.partial(ppg.upstream, "inputs/names.txt")
"""A partial of a function of ppg, found by its global name."""


def describe_state(state):
    """Refers to ppg by the module, by names that were imported from it, and by a partial."""
    if state is JobState.FAILED:
        raise JobContractError("failed")
    return f"{state.value} {ppg.JobState.RAN.value} {callable(needed_names)} {Outcomes.good is state} {Plan().state.value}"


def describe_kind(kind):
    """Refers to ppg_graph."""
    return f"{kind.value} {NodeKind.LOAD.value} {ppg_graph.NodeKind.OUTPUT.value} {GraphThings.kind.value}"


def describe_end(end):
    """Refers to ppg_invariants."""
    return (
        f"{end.value} {RunEnd.FAILED.value} {ppg_invariants.RunEnd.STOPPED.value} {InvariantThings.end.value}"
    )


def describe_usage(usage):
    """Refers to ppg_exec."""
    return f"{usage.wall} {Usage().wall} {ppg_exec.Usage().user} {ExecThings.usage.wall}"


# -- values that are kept in cache files --------------------------------------------------------------------


def things_of_ppg():
    """A value whose pickle names classes, functions and members of enumerations of all packages.

    What a function imports by itself does not count, and so no version of a package does.
    """
    from ppg_exec import Died, Place, Usage
    from ppg_graph import FileMissing, Fingerprint, JobId, NodeKind, Record
    from ppg_invariants import CannotFingerprint, FileState, Problem, RunEnd

    return {
        "a job's name": JobId("cleaned.txt"),
        "error": JobContractError("a promise was broken"),
        "command error": ppg.CommandError("no tool", ["tool", "--version"], 127),
        "cycle": ppg.CycleError(["a", "b", "a"]),
        "own error": MissingSample("s1"),
        "state": JobState.UP_TO_DATE,
        "cores": ppg.CORES,
        "settings": ppg.LocalSystem(max_cores_to_use=3),
        "shared cache": ppg.SharedCache("elsewhere"),
        "class": ppg.FileGeneratingJob,
        "own class": Report,
        "function": ppg.upstream,
        "partial": functools.partial(ppg.new_pipegraph, quiet=True),
        "outcome": ppg.JobOutcome("cleaned.txt", JobState.RAN, ("it was there",)),
        "kind": NodeKind.LAZY,
        "reason": FileMissing(("cleaned.txt",)),
        "record": Record(NodeKind.OUTPUT, Fingerprint(b"f"), {}),
        "end": RunEnd.DONE,
        "problem": Problem.EMPTY,
        "cannot": CannotFingerprint("parameters", "no content"),
        "file": FileState(1, 2, 3, 4, 5, b"digest"),
        "usage": Usage(wall=2.0),
        "place": Place.FRESH,
        "died": Died(1, None, "it exited"),
    }


def told(value):
    """What became of `things_of_ppg` on its way through a file: one line for each."""
    fresh = things_of_ppg()
    return "".join(f"{name}: {_same(value[name], fresh[name])}\n" for name in fresh)


def _same(one, other):
    if isinstance(one, BaseException):
        return f"{type(one) is type(other)}, {one}"
    if isinstance(one, functools.partial):
        return f"{one.func is other.func}, {one.keywords}"
    if isinstance(one, ppg.SharedCache):
        return f"{type(one) is type(other)}, {one.folder}"
    return f"{one is other or (type(one) is type(other) and one == other)}"


class Drawing:
    """A plot that needs no library."""

    def __init__(self, numbers):
        self.numbers = numbers

    def savefig(self, path, dpi=None):
        """Write what there is to be seen."""
        with open(path, "w") as file:
            file.writelines("#" * number + "\n" for number in self.numbers)
