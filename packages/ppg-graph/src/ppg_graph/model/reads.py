"""Reads: names what a job read without depending on it, as its record and the graph name it.

A job may read a file that it did not declare, look for one that is not there, or list a folder. Its record has each of
these beside its upstreams, under an id of its own. In the next run an invariant with this id stands in the graph, with
an edge to the job. So the job runs again when the file, its absence or the names in the folder have changed.

If a job of the graph makes the file, the invariant depends on that job, and has the fingerprint of the file that was
made. It also depends on the generators that may make such a job. All other invariants depend on nothing.
"""

from __future__ import annotations

from ppg_graph.model.ids import Fingerprint, JobId, NodeKind

__all__ = [
    "ABSENT",
    "UNCERTAIN",
    "circle_id",
    "is_read",
    "link_id",
    "listing_id",
    "may_follow",
    "path_of_read",
    "read_id",
]

# No file has such a name, because names of files have no empty parts.
_FILE = "read://"
_FOLDER = "listed://"
_LINK = "link://"
_CIRCLE = "circle://"
_ALL = (_FILE, _FOLDER, _LINK, _CIRCLE)
_MAKERS = (NodeKind.OUTPUT, NodeKind.GENERATOR)

ABSENT = Fingerprint(b"absent")
"""Fingerprint of a file or folder that was not there when a job looked for it."""
UNCERTAIN = Fingerprint(b"not known as it was read")
"""Fingerprint of a file that may have changed before or after a job read it. No file has it, so the job runs again."""


def read_id(path: str) -> JobId:
    """Id of a file that a job read, or looked for."""
    return JobId(_FILE + path)


def listing_id(path: str) -> JobId:
    """Id of the names in a folder that a job listed."""
    return JobId(_FOLDER + path)


def link_id(path: str) -> JobId:
    """Id of a name by which a job read a file that counts under another name: where the links in it lead to."""
    return JobId(_LINK + path)


def circle_id(path: str) -> JobId:
    """Id of a file that a job read, and that is made from the results of this job now.

    An edge from its maker would close a circle. No record has such an id, so the job runs again.
    """
    return JobId(_CIRCLE + path)


def is_read(job_id: str) -> bool:
    """Whether the id stands for a file that was read, or a folder that was listed, without a dependency on it."""
    return job_id.startswith(_ALL)


def path_of_read(job_id: str) -> str:
    """Path of the file or folder that such an id stands for."""
    return job_id.partition("://")[2]


def may_follow(invariant: str, upstream: NodeKind) -> bool:
    """Whether an invariant with this id may depend on a job of this kind: the file's maker, or the maker's generator."""
    return is_read(invariant) and upstream in _MAKERS
