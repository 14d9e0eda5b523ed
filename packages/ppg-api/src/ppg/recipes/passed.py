"""Passed products: what a parameter with jobs as its default gets, in any shape of lists and dictionaries.

    {"reads": [raw["s1"], raw["s2"]], "genome": genome}

becomes the same shape, with the path of a file for a job that makes it, and the value for a load or a stored value.
Where the shape has values, `call_passing` fills them in, in the job process.
"""

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ppg.jobs.file_jobs import FileJob
from ppg.jobs.folder_jobs import JobFiles
from ppg.jobs.job import Job, JobFile, JobPart
from ppg.paths import PathLike, require_path
from ppg.recipes.stored_job import StoredValueJob
from ppg.worker.calls import Late
from ppg.worker.folders import paths_in

if TYPE_CHECKING:
    from ppg.kinds.graph_protocol import GraphProtocol

__all__ = ["has_jobs", "jobs_and_files", "names_of", "product_of", "require_finite"]

_CONTAINERS = (list, tuple, set, frozenset)
_DEEPEST = 100
"""Lists and dictionaries of jobs within each other."""


def has_jobs(default: object, what: str) -> bool:
    """Whether a default that is not marked by `upstream` stands for products of jobs.

    Parameters:
        default: the default.
        what: names the parameter in messages.

    Raises:
        TypeError: it has jobs beside other values, so it is not clear what the function would get.
    """
    if isinstance(default, (Job, JobPart)):
        return True
    if not isinstance(default, (Mapping, *_CONTAINERS)):
        return False
    has_job = has_other = False
    pending: list[object] = [default]
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, (Job, JobPart)):
            has_job = True
        elif not isinstance(value, (Mapping, *_CONTAINERS)):
            has_other = True
        elif id(value) not in seen:
            seen.add(id(value))
            pending += value.values() if isinstance(value, Mapping) else value
    if has_job and has_other:
        raise TypeError(
            f"{what} has jobs and other values in one default: {default!r}; write ppg.upstream(...) around it if its "
            "texts are names of files, or use a parameter of its own for the other values"
        )
    return has_job


def require_finite(needed: object, what: str) -> None:
    """Refuse a list or dictionary that contains itself, or is nested too deeply to be passed.

    Raises:
        TypeError: it is; the message begins with `what`.
    """
    # For each container that is entered and not left, the parts that are still to be looked at.
    entered: dict[int, Iterator[object]] = {-1: iter((needed,))}
    left: set[int] = set()
    while entered:
        number, parts = next(reversed(entered.items()))
        for value in parts:
            if not isinstance(value, (Mapping, *_CONTAINERS)) or id(value) in left:
                continue
            if id(value) in entered:
                raise TypeError(f"{what} contains itself; leave that part out")
            if len(entered) > _DEEPEST:
                raise TypeError(f"{what} is nested more than {_DEEPEST} times; pass it in a flatter shape")
            entered[id(value)] = iter(value.values() if isinstance(value, Mapping) else value)
            break
        else:
            left.add(number)
            del entered[number]


def jobs_and_files(needed: object) -> Iterator[Job | JobPart | PathLike]:
    """Yield the jobs and the names of files in a shape."""
    if isinstance(needed, (Job, JobPart, str, os.PathLike)):
        yield needed
    elif isinstance(needed, (Mapping, Iterable)):
        for one in _parts(needed):
            yield from jobs_and_files(one)


def names_of(needed: object) -> object:
    """Return the names that replace jobs in the function's defaults, and count as part of the function."""
    if isinstance(needed, (Job, JobPart)):
        return needed.job_id if isinstance(needed, Job) else str(needed.path)
    if isinstance(needed, (str, os.PathLike)):
        return os.fspath(needed)
    if isinstance(needed, Mapping):
        return tuple((name, names_of(one)) for name, one in needed.items())
    return tuple(map(names_of, _parts(needed))) if isinstance(needed, Iterable) else needed


def product_of(needed: object, pipegraph: "GraphProtocol", what: str) -> object:
    """Return what a parameter gets: a path, or a shape of paths, in which `Late` stands for a value.

    Parameters:
        needed: a job, a file of a job, the name of a file, or a shape of these.
        pipegraph: the graph of the job.
        what: names the parameter in messages.

    Raises:
        TypeError: a part is none of these, or a job that makes nothing that could be passed.
    """
    if isinstance(needed, FileJob) and not isinstance(needed, StoredValueJob):
        return needed.made
    return _product(needed, pipegraph, what)


def _product(needed: object, pipegraph: "GraphProtocol", what: str) -> object:
    if isinstance(needed, (Job, JobPart, str, bytes, os.PathLike)) or not isinstance(needed, Iterable):
        return _leaf(needed, pipegraph, what)
    if isinstance(needed, Mapping):
        return {name: _product(one, pipegraph, f"{what}[{name!r}]") for name, one in needed.items()}
    return [_product(one, pipegraph, f"{what}[{index}]") for index, one in enumerate(_parts(needed))]


def _leaf(needed: object, pipegraph: "GraphProtocol", what: str) -> object:
    if isinstance(needed, StoredValueJob):
        return Late(needed._reading, loaded=False)
    if isinstance(needed, FileJob):
        if isinstance(needed.made, Path):
            return needed.made
        raise TypeError(f'{what} gets one file, but {needed!r} makes several; name one: job["name"]')
    if isinstance(needed, JobFiles):
        return Late(functools.partial(paths_in, needed.job.job_id, needed.pattern), loaded=False)
    if isinstance(needed, JobFile):
        return needed.path
    if isinstance(needed, Job):
        if needed.whole_folder is not None:
            return Path(needed.whole_folder)
        if needed.observes_file:
            return Path(needed.job_id)
        value = needed.loaded_value()
        if value is None:
            raise TypeError(f"{what}: {needed!r} makes nothing that could be passed; use depends_on for it")
        return Late(value, loaded=True)
    return Path(pipegraph._file_id(require_path(needed, what)))


def _parts(container: Iterable[object]) -> Iterable[object]:
    """The parts of a container in the same order in every run."""
    if isinstance(container, Mapping):
        return container.values()
    if isinstance(container, (set, frozenset)):
        return sorted(container, key=lambda one: str(names_of(one)))
    return container
