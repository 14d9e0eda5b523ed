"""Missing input: says why an input file cannot be observed, with the names that the user may have meant."""

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from ppg.paths import absolute
from ppg.text import nearest
from ppg_graph import NodeKind, Unobservable
from ppg_invariants import FileUnobservable

if TYPE_CHECKING:
    from ppg.kinds.kind import JobKind

__all__ = ["MOST_SUGGESTIONS", "missing_input"]

MOST_SUGGESTIONS = 5
"""Missing inputs of one look for which names are suggested: to find these takes long in a large graph."""
NAMED = 3


def missing_input(job: "JobKind", error: FileUnobservable, *, suggests: bool = True) -> Unobservable:
    """Return why an input file cannot be observed.

    Parameters:
        job: its invariant.
        error: what is wrong.
        suggests: whether the message has the nearest names.
    """
    place = absolute(job.job_id, job.pipegraph.root)
    near = _likely_names(job, place) if suggests and not os.path.lexists(place) else []
    meant = f"; there is {', '.join(map(repr, near))}" if near else ""
    return Unobservable(
        f"the input file '{job.job_id}' {error.reason}{meant}; put it right, or correct its name in the script"
    )


def _likely_names(job: "JobKind", place: str) -> list[str]:
    """Return the names like that of an input file: of files that jobs make, and of files beside it that are no inputs."""
    dag = job.pipegraph.dag
    made = [
        name
        for job_id, kind in zip(dag.job_ids, dag.kinds, strict=True)
        if kind in (NodeKind.OUTPUT, NodeKind.LAZY)
        for name in job_id.split(":")
    ]
    folder = posixpath.dirname(job.job_id)
    try:
        beside = [posixpath.join(folder, path.name) for path in Path(place).parent.iterdir()]
    except OSError:
        beside = []
    # An input of another job is right where it is: `in/4.fq` is not what is meant by `in/5.fq`.
    beside = [name for name in beside if name not in dag]
    return nearest(job.job_id, dict.fromkeys([*made, *sorted(beside)]))[:NAMED]
