"""Conflicts: decides whether two declarations with one id are the same job, and makes the errors if they are not."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from ppg.exceptions import JobContractError
from ppg.jobs.job import Job, JobFile
from ppg.kinds.kind import calling_hook
from ppg.session.namespaces import NameInNamespace
from ppg.source_location import Place
from ppg_graph import NodeKind
from ppg_invariants import fingerprint_function

if TYPE_CHECKING:
    from ppg.kinds.signature import Callback

__all__ = [
    "difference",
    "load_place",
    "refuse_namesakes",
    "refuse_two_meanings",
    "same_job",
    "second_load_error",
    "shown",
]


def same_job(old: Job, new: Job) -> Job:
    """Return the older of two declarations with one id.

    Raises:
        JobContractError: they differ.
    """
    differing = difference(old, new)
    if differing is None:
        return old
    refuse_namesakes(old, new)
    raise JobContractError(
        f"The job '{old.job_id}' is declared twice, with another {differing}: first at {shown(old.declared_at)}, "
        f"then at {shown(new.declared_at)}; {new._if_declared_twice}"
    )


def load_place(job: Job) -> Hashable | None:
    """Return the place that a load fills; None if the job is no load, or ppg does not know the place.

    Raises:
        JobContractError: the hook of a user's kind failed.
    """
    if job.kind is not NodeKind.LOAD:
        return None
    with calling_hook(job, "loads_into"):
        place = job.loads_into()
        hash(place)
    return place


def second_load_error(older: Job, newer: Job) -> JobContractError:
    """Return the error for two loads that fill the same place."""
    what = getattr(older, "attribute_name", None)
    place = f"the attribute '{what}' of one object" if what is not None else "one entry of a dictionary"
    both = [
        f"the {type(job).__name__} '{job.job_id}' (declared at {shown(job.declared_at)})"
        for job in (older, newer)
    ]
    return JobContractError(
        f"Two jobs load {place}: {both[0]} and {both[1]}. Jobs that need one of them could get the value of the other, "
        "or none. Load into two objects (or under two names), or let all of them depend on one job"
    )


def refuse_namesakes(old: Job, new: Job) -> None:
    """Refuse two jobs with ids that are equal only because of how ids are made.

    The id of several files joins their names with ':', and file names may contain ':'. They may also begin like the
    ids of invariants.

    Raises:
        JobContractError: they are two such jobs, rather than two declarations of one job.
    """
    has_several = max(len(old.files), len(new.files)) > 1
    if _name_space(old) == _name_space(new) and not (has_several and set(old.files) != set(new.files)):
        return
    raise JobContractError(
        f"Two jobs would have the id '{old.job_id}': {_describe_job(old)} and {_describe_job(new)}. An id joins by "
        "':' the names of all files of a job, or the kind (FI, PI, function) and the name of an invariant; give one of "
        "these files another name"
    )


def _name_space(job: Job) -> str:
    """Return the beginning of the id, before the name."""
    return getattr(job, "_name_space", "")


def _describe_job(job: Job) -> str:
    """Return the job's kind, the names in its id, and its place, as text."""
    name = job.job_id.removeprefix(_name_space(job))
    names = " and ".join(f"'{path}'" for path in job.files) or f"'{name}'"
    return f"the {type(job).__name__} of {names} (declared at {shown(job.declared_at)})"


def difference(old: Job, new: Job) -> str | None:
    """Return the first difference between the declarations, in words; None if they agree."""
    if type(old) is not type(new):
        return f"kind of job ({type(old).__name__}, {type(new).__name__})"
    before, after = old.definition(), new.definition()
    for name, value in before.items():
        if name == "function":
            if not _same_function(value, after[name]):
                return "function"
        elif value != after[name]:
            return name
    return None


def _same_function(old: object, new: object) -> bool:
    if old is new:
        return True
    if not callable(old) or not callable(new):  # a FunctionInvariant may have None
        return False
    states = [fingerprint_function(_without_instance(function)) for function in (old, new)]
    return states[0].bytecode == states[1].bytecode


def _without_instance(function: "Callback") -> "Callback":
    """Return the function of a bound method: methods are compared without their instance."""
    underlying: Callback = getattr(function, "__func__", function)
    return underlying


def refuse_two_meanings(
    needed: NameInNamespace, user: Job, whole: str, maker_of: Callable[[str], Job | JobFile | None]
) -> None:
    """Refuse a file that a job needs by its name in a namespace, if another job makes the file of that name there.

    Parameters:
        needed: the name.
        user: the job that needs the file.
        whole: the id of the file that the name means.
        maker_of: returns the job that makes a file.

    Raises:
        JobContractError: a job makes the file in the namespace.
    """
    for namespace, other in needed.others():
        made = maker_of(other)
        maker = made.job if isinstance(made, JobFile) else made
        if maker is None or maker.job_id == user.job_id:
            continue
        raise JobContractError(
            f"'{user.job_id}' (declared at {shown(user.declared_at)}) needs the file '{needed.name}' by its name, in the "
            f"namespace '{namespace}', where {maker!r} makes '{other}'. Names of files that jobs need are whole names, so it "
            f"would get '{whole}'. Depend on {maker!r} itself, or on what you mean instead: on the job that makes '{whole}', "
            f"or on ppg.FileChecksumInvariant('{whole}') if it is an input"
        )


def shown(place: Place) -> str:
    """Return a place of declaration, as messages show it."""
    return f"{place[0]}:{place[1]}"
