"""DOT: writes pictures in the language of Graphviz."""

from __future__ import annotations

from ppg_graph.drawing.picture import Picture
from ppg_graph.drawing.style import fill_colour, shape

__all__ = ["as_dot"]


def as_dot(picture: Picture) -> str:
    """Return the picture as a DOT digraph. Arrows point from upstream to downstream."""
    lines = ["digraph jobs {", "    rankdir=LR;", '    node [style=filled, fillcolor="#ffffff"];']
    for position, box in enumerate(picture.boxes):
        lines.append(
            f"    n{position} [label={_quote(box.label)}, shape={shape(box.kind)}, "
            f'fillcolor="{fill_colour(box.worst)}"];'
        )
    for arrow in picture.arrows:
        label = ", ".join(arrow.parts) if arrow.parts else str(arrow.edges) if arrow.edges > 1 else ""
        attributes = f" [label={_quote(label)}]" if label else ""
        lines.append(f"    n{arrow.upstream} -> n{arrow.downstream}{attributes};")
    if picture.remark:
        lines.append(f"    remark [label={_quote(picture.remark)}, shape=plaintext];")
    return "\n".join([*lines, "}"]) + "\n"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
