"""Style: defines the colours and shapes that the graphical formats share."""

from __future__ import annotations

from ppg_graph.model.ids import NodeKind
from ppg_graph.protocol.states import NodeState

__all__ = ["fill_colour", "shape", "state_text"]

_COLOURS = {
    NodeState.EXCLUDED: "#eeeeee",
    NodeState.WAITING: "#ffffff",
    NodeState.DUE: "#fff2b2",
    NodeState.STARTED: "#9ecae1",
    NodeState.OBSERVED: "#e5f5e0",
    NodeState.CLEAN: "#c7e9c0",
    NodeState.DONE: "#74c476",
    NodeState.CLEANED_UP: "#d9f0d3",
    NodeState.NOT_NEEDED: "#f7f7f7",
    NodeState.FAILED: "#fb6a4a",
    NodeState.BLOCKED: "#fdae6b",
    NodeState.ABORTED: "#dadaeb",
}
_SHAPES = {
    NodeKind.INVARIANT: "ellipse",
    NodeKind.OUTPUT: "box",
    NodeKind.LAZY: "note",
    NodeKind.LOAD: "cylinder",
    NodeKind.GENERATOR: "component",
    None: "folder",
}


def fill_colour(state: NodeState | None) -> str:
    """Colour of a box in this state."""
    return "#ffffff" if state is None else _COLOURS[state]


def shape(kind: NodeKind | None) -> str:
    """Graphviz shape of a box; None: a group of several kinds."""
    return _SHAPES[kind]


def state_text(state: NodeState) -> str:
    """Name of a state in words."""
    return state.name.lower().replace("_", " ")
