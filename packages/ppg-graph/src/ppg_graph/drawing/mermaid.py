"""Mermaid: writes pictures as flowcharts."""

from __future__ import annotations

from ppg_graph.drawing.picture import Picture
from ppg_graph.drawing.style import fill_colour
from ppg_graph.model.ids import NodeKind

__all__ = ["as_mermaid"]

_BRACKETS = {
    NodeKind.INVARIANT: ("([", "])"),
    NodeKind.OUTPUT: ("[", "]"),
    NodeKind.LAZY: ("[/", "/]"),
    NodeKind.LOAD: ("[(", ")]"),
    NodeKind.GENERATOR: ("{{", "}}"),
    None: ("[[", "]]"),
}


def as_mermaid(picture: Picture) -> str:
    """Return the picture as a Mermaid flowchart. Arrows point from upstream to downstream."""
    lines = ["flowchart LR"]
    classes: dict[str, list[str]] = {}
    for position, box in enumerate(picture.boxes):
        left, right = _BRACKETS[box.kind]
        lines.append(f'    n{position}{left}"{_escape(box.label)}"{right}')
        if box.worst is not None:
            classes.setdefault(box.worst.name.lower(), []).append(f"n{position}")
    for arrow in picture.arrows:
        label = ", ".join(arrow.parts) if arrow.parts else str(arrow.edges) if arrow.edges > 1 else ""
        link = f'-->|"{_escape(label)}"|' if label else "-->"
        lines.append(f"    n{arrow.upstream} {link} n{arrow.downstream}")
    if picture.remark:
        lines.append(f'    remark["{_escape(picture.remark)}"]')
    worst = {box.worst for box in picture.boxes if box.worst is not None}
    for state in sorted(worst):
        lines.append(f"    classDef {state.name.lower()} fill:{fill_colour(state)}")
        lines.append(f"    class {','.join(classes[state.name.lower()])} {state.name.lower()}")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace("\n", " ")
