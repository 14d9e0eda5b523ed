"""Find: finds jobs by a user's name for them: an id, a file in any spelling, or the name of an invariant."""

from collections.abc import Iterable, Iterator

from ppg.jobs.invariants import FunctionInvariant, ParameterInvariant
from ppg.jobs.job import Job, JobFile
from ppg.kinds.graph_protocol import GraphProtocol
from ppg.text import nearest

__all__ = ["as_invariant", "find_job", "is_no_file", "spellings", "unknown_job"]


def find_job(pipegraph: GraphProtocol, name: str) -> Job | None:
    """Return the job with this id, or the job that makes or observes this file; None if there is none."""
    for job_id in spellings(name, pipegraph):
        if job_id in pipegraph.dag:
            job: Job = pipegraph.job(job_id)
            return job
        maker = None if is_no_file(job_id) else pipegraph._maker_of(job_id)
        if maker is not None:
            return maker.job if isinstance(maker, JobFile) else maker
    return None


def spellings(name: str, pipegraph: GraphProtocol) -> Iterator[str]:
    """Yield the ids that a job with this name may have: the name, a file relative to the root, or an invariant."""
    yield name
    if not is_no_file(name):
        yield pipegraph._file_id(name)
    yield from as_invariant(name)


def as_invariant(name: str) -> Iterator[str]:
    """Yield the ids of invariants to which a user may have given this name."""
    for kind in (ParameterInvariant, FunctionInvariant):
        yield kind._name_space + name


def unknown_job(name: str, names: Iterable[str]) -> str:
    """Return the message for a user that named a job which does not exist."""
    known = list(names)
    if not known:
        return f"there is no job '{name}', nor any other"
    near = nearest(name, known)
    if not near:
        return f"there is no job '{name}' among the {len(known)} jobs"
    return f"there is no job '{name}'; there is {', '.join(repr(other) for other in near)}"


def is_no_file(name: str) -> bool:
    """Whether no file can have this name."""
    return not name or name.endswith("/") or "\0" in name
