"""Draw: selects the format of a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from ppg_graph.drawing.dot import as_dot
from ppg_graph.drawing.graphml import as_graphml
from ppg_graph.drawing.jsonform import as_json
from ppg_graph.drawing.mermaid import as_mermaid
from ppg_graph.drawing.picture import Grouping, picture
from ppg_graph.drawing.text import as_text
from ppg_graph.model.dag import Dag
from ppg_graph.model.ids import JobId
from ppg_graph.protocol.states import NodeState

__all__ = ["Format", "draw"]

Format: TypeAlias = Literal["text", "dot", "mermaid", "graphml", "json"]

_RENDERERS = {"text": as_text, "dot": as_dot, "mermaid": as_mermaid, "graphml": as_graphml, "json": as_json}
_LIMITS: Mapping[str, int] = {"dot": 2_000, "mermaid": 300}


def draw(
    dag: Dag,
    format: Format,  # noqa: A002 -- the usual word for it
    *,
    states: Sequence[NodeState] | None = None,
    labels: Mapping[JobId, str] | None = None,
    group: Grouping | None = None,
    limit: int | None = None,
) -> str:
    """Draw a graph as text in one of five formats. To draw a part of a graph, draw its `subgraph`.

    - format: "text", "dot" (Graphviz), "mermaid", "graphml" or "json" (its schema is in `drawing.jsonform`)
    - states: the state of each job, by node, for colours (`Evaluator.states`)
    - labels: texts to show instead of job ids
    - group: collapse jobs into groups: `by_kind`, `by_directory`, `by_prefix()`, or your function
    - limit: how many boxes to draw at most, in order of declaration; the drawing states how many are left
      out. None: the most that such a drawing can usefully show (2,000 for DOT, 300 for Mermaid, else no
      limit)

    Raises ValueError for an unknown format.
    """
    if format not in _RENDERERS:
        raise ValueError(f"unknown format {format!r}; there are {', '.join(_RENDERERS)}")
    if limit is None:
        limit = _LIMITS.get(format)
    return _RENDERERS[format](picture(dag, states=states, labels=labels, group=group, limit=limit))
