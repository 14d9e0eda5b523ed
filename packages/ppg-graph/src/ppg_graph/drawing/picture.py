"""Picture: selects the boxes and arrows of a drawing. It groups jobs, and leaves out those over the limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import JobId, NodeId, NodeKind
from ppg_graph.model.parts import shown_part
from ppg_graph.protocol.states import NodeState

__all__ = ["Arrow", "Box", "Grouping", "Picture", "by_directory", "by_kind", "by_prefix", "picture"]

Grouping: TypeAlias = Callable[[JobId, NodeKind], str | None]
"""The name of the group that a job is collapsed into. None: the job has its own box."""


def by_kind(_job_id: JobId, kind: NodeKind) -> str:
    """One box per kind of job."""
    return kind.value


def by_directory(job_id: JobId, _kind: NodeKind) -> str | None:
    """One box per directory. Each job without a slash in its id keeps its own box."""
    directory, slash, _ = job_id.rpartition("/")
    return f"{directory}/" if slash else None


def by_prefix(separators: str = "_:.-/") -> Grouping:
    """One box per text before the first of these separators. Each job without a separator keeps its own box."""

    def prefix(job_id: JobId, _kind: NodeKind) -> str | None:
        ends = [position for position in map(job_id.find, separators) if position > 0]
        return f"{job_id[: min(ends) + 1]}…" if ends else None

    return prefix


@dataclass(frozen=True, slots=True)
class Box:
    """Box: shows one job, or a group of several."""

    name: str
    label: str
    kind: NodeKind | None
    """None: a group of several kinds."""
    states: Mapping[NodeState, int]
    """How many jobs are in which state; empty if states are not shown."""
    jobs: int = 1

    @property
    def worst(self) -> NodeState | None:
        """State that matters most among those of the group."""
        return max(self.states, key=_URGENCY.index, default=None)


@dataclass(frozen=True, slots=True)
class Arrow:
    """Arrow: shows that the box `downstream` depends on the box `upstream`, both as positions in the picture's boxes."""

    upstream: int
    downstream: int
    edges: int = 1
    parts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Picture: holds boxes and arrows, and how many were left out."""

    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    boxes_left_out: int = 0
    arrows_left_out: int = 0

    @property
    def remark(self) -> str | None:
        """Text about boxes and arrows that were left out; None if there are none."""
        if not self.boxes_left_out:
            return None
        return (
            f"{self.boxes_left_out} more boxes and {self.arrows_left_out} more arrows are left out; "
            "group jobs, choose fewer, or raise the limit to see them"
        )


_URGENCY = (
    NodeState.EXCLUDED,
    NodeState.NOT_NEEDED,
    NodeState.OBSERVED,
    NodeState.CLEAN,
    NodeState.CLEANED_UP,
    NodeState.DONE,
    NodeState.WAITING,
    NodeState.DUE,
    NodeState.STARTED,
    NodeState.ABORTED,
    NodeState.BLOCKED,
    NodeState.FAILED,
)


def picture(
    dag: Dag,
    *,
    states: Sequence[NodeState] | None,
    labels: Mapping[JobId, str] | None,
    group: Grouping | None,
    limit: int | None,
) -> Picture:
    """Group the jobs, and leave out boxes over the limit. The first boxes in order of declaration are kept."""
    members: dict[tuple[bool, str], list[NodeId]] = {}
    for index in range(len(dag)):
        node = NodeId(index)
        name = group(dag.job_id(node), dag.kind(node)) if group else None
        key = (False, dag.job_id(node)) if name is None else (True, name)
        members.setdefault(key, []).append(node)
    kept = list(members.items())[:limit]
    boxes: list[Box] = []
    box_of: dict[NodeId, int] = {}
    for (_, name), nodes in kept:
        box_of.update(dict.fromkeys(nodes, len(boxes)))
        boxes.append(_box(dag, name, nodes, states, labels))
    edges: Counter[tuple[int, int]] = Counter()
    parts: dict[tuple[int, int], tuple[str, ...]] = {}
    lost: set[tuple[NodeId, NodeId]] = set()
    for upstream, downstream in dag.edges():
        if upstream not in box_of or downstream not in box_of:
            lost.add((upstream, downstream))
            continue
        ends = (box_of[upstream], box_of[downstream])
        if ends[0] == ends[1] and boxes[ends[0]].jobs > 1:
            continue
        edges[ends] += 1
        names = dag.parts(upstream, downstream)
        if names is not None:
            parts[ends] = tuple(sorted(map(shown_part, names)))
    arrows = [
        Arrow(*ends, count, parts.get(ends) if count == 1 else None) for ends, count in sorted(edges.items())
    ]
    return Picture(boxes, arrows, len(members) - len(kept), len(lost))


def _box(
    dag: Dag,
    name: str,
    nodes: Sequence[NodeId],
    states: Sequence[NodeState] | None,
    labels: Mapping[JobId, str] | None,
) -> Box:
    counted = Counter(states[node] for node in nodes) if states is not None else Counter[NodeState]()
    kinds = {dag.kind(node) for node in nodes}
    kind = kinds.pop() if len(kinds) == 1 else None
    if len(nodes) == 1:
        job_id = dag.job_id(nodes[0])
        return Box(job_id, (labels or {}).get(job_id, job_id), kind, counted)
    return Box(name, f"{name} ({len(nodes)} jobs)", kind, counted, len(nodes))
