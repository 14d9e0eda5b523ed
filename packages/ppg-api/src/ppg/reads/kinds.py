"""Kinds of reads: invariants that stand for what jobs read without depending on it.

The script never declares them. `ppg.reads.recorded` puts them into the graph of a run.
"""

import os
from collections.abc import Sequence
from typing import ClassVar

from ppg.jobs.job import Job
from ppg.kinds.graph_protocol import GraphProtocol
from ppg.kinds.kind import Observing
from ppg.paths import absolute
from ppg.reads.links import WithoutLinks
from ppg.reads.names_of_outputs import NamesOfOutputs, fingerprint_of_names
from ppg.session.namespaces import WholeName
from ppg_graph import ABSENT, Fingerprint, NodeKind, Observation, circle_id, link_id, listing_id, read_id
from ppg_invariants import (
    FileState,
    FileUnobservable,
    StoredObservation,
    content_fingerprint,
    observe_files,
)

__all__ = [
    "CircularRead",
    "Listing",
    "ReadFile",
    "TargetOfLink",
    "fingerprint_of_listing",
    "fingerprint_of_target",
]

OUTPUT_HASH = "xxh3_128"
"""The hash of outputs, so that a file has the same fingerprint when a job makes it."""


class ReadFile(Job):
    """ReadFile: observes a file that jobs read, or looked for, without depending on it.

    A file that is not there, or that cannot be read, is an observation like any other.

    Parameters:
        path: the file, as the job used it, relative to the pipegraph's root or absolute.
    """

    __slots__ = ("path",)
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    path: str

    def __init__(self, path: str, *, pipegraph: GraphProtocol | None = None) -> None:
        super().__init__(WholeName(read_id(path)), pipegraph)
        self.path = path

    @staticmethod
    def observe_together(jobs: Sequence["ReadFile"], observing: Observing) -> Sequence[Observation]:
        """Return the fingerprint of each file's content; changed files are hashed on all cores."""
        observations: list[Observation] = [ABSENT] * len(jobs)
        by_algorithm: dict[str, list[tuple[int, str, FileState | None]]] = {}
        for index, job in enumerate(jobs):
            path = absolute(job.path, observing.root)
            if os.path.exists(path):  # noqa: PTH110 (paths are texts here)
                before = observing.history.input_file(job.job_id)
                algorithm = OUTPUT_HASH if before is None else before.algorithm
                by_algorithm.setdefault(algorithm, []).append((index, path, before))
        for algorithm, alike in by_algorithm.items():
            states = observe_files(
                [(path, before) for _, path, before in alike],
                algorithm=algorithm,
                should_stop=observing.should_stop,
            )
            for (index, _, before), state in zip(alike, states, strict=True):
                observations[index] = _seen(jobs[index], before, state, observing)
        return observations


def _seen(
    job: ReadFile, before: FileState | None, state: FileState | FileUnobservable, observing: Observing
) -> Fingerprint:
    if isinstance(state, FileUnobservable):
        # The job gets to see the problem itself: it runs, because this is no fingerprint of content.
        return Fingerprint(b"unreadable: " + state.reason.encode("utf-8", "surrogateescape"))
    fingerprint = Fingerprint(content_fingerprint(state))
    if state is not before:
        observing.history.saw(job.job_id, StoredObservation(fingerprint, file=state))
    return fingerprint


class Listing(Job):
    """Listing: observes the names in a folder that jobs listed, without those of outputs.

    Parameters:
        path: the folder, as the job used it, relative to the pipegraph's root or absolute.
        names_of_outputs: knows the names that do not count.
    """

    __slots__ = ("names_of_outputs", "path")
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    path: str
    names_of_outputs: NamesOfOutputs

    def __init__(
        self, path: str, names_of_outputs: NamesOfOutputs, *, pipegraph: GraphProtocol | None = None
    ) -> None:
        super().__init__(WholeName(listing_id(path)), pipegraph)
        self.path = path
        self.names_of_outputs = names_of_outputs

    def observe(self, observing: Observing) -> Observation:
        """Return the fingerprint of the names in the folder."""
        return fingerprint_of_listing(absolute(self.path, observing.root), self.names_of_outputs)


def fingerprint_of_listing(folder: str, names_of_outputs: NamesOfOutputs) -> Fingerprint:
    """Return the fingerprint of the names in a folder now; `folder` is absolute."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 (paths are texts here)
    except FileNotFoundError:
        return ABSENT
    except OSError as error:
        return Fingerprint(b"unreadable: " + str(error.strerror).encode())
    return fingerprint_of_names(names_of_outputs.others(folder, names))


class TargetOfLink(Job):
    """TargetOfLink: observes where the links lead to in a name by which jobs read a file of another name.

    Parameters:
        path: the name that the job used, relative to the pipegraph's root or absolute.
    """

    __slots__ = ("path",)
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT
    path: str

    def __init__(self, path: str, *, pipegraph: GraphProtocol | None = None) -> None:
        super().__init__(WholeName(link_id(path)), pipegraph)
        self.path = path

    @staticmethod
    def observe_together(jobs: Sequence["TargetOfLink"], observing: Observing) -> Sequence[Observation]:
        """Return the fingerprint of each target's name."""
        without_links = WithoutLinks(observing.root)
        return [fingerprint_of_target(without_links.name(job.path)) for job in jobs]


def fingerprint_of_target(name: str) -> Fingerprint:
    """Return the fingerprint of the name to which a link leads."""
    return Fingerprint(b"target: " + name.encode("utf-8", "surrogateescape"))


class CircularRead(Job):
    """CircularRead: stands for a file that a job read, and that is made from the results of this job now.

    Parameters:
        path: the file, as the job used it.
    """

    __slots__ = ()
    kind: ClassVar[NodeKind] = NodeKind.INVARIANT

    def __init__(self, path: str, *, pipegraph: GraphProtocol | None = None) -> None:
        super().__init__(WholeName(circle_id(path)), pipegraph)

    def observe(self, observing: Observing) -> Observation:  # noqa: ARG002 (of the base class)
        """Return a fingerprint that no record has."""
        return Fingerprint(b"circle")
