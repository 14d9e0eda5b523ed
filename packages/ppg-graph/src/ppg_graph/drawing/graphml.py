"""GraphML: writes pictures for graph editors and network libraries."""

from __future__ import annotations

import re
from html import escape

from ppg_graph.drawing.picture import Picture

__all__ = ["as_graphml"]

_KEYS = (
    ("label", "node", "string"),
    ("kind", "node", "string"),
    ("state", "node", "string"),
    ("jobs", "node", "int"),
    ("parts", "edge", "string"),
    ("edges", "edge", "int"),
)
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_graphml(picture: Picture) -> str:
    """Return the picture as GraphML. The node ids are n0, n1, …; the data key `label` has the text of the box."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ]
    lines += [
        f'  <key id="{name}" for="{what}" attr.name="{name}" attr.type="{kind}"/>'
        for name, what, kind in _KEYS
    ]
    if picture.remark:
        lines.append(f"  <!-- {picture.remark} -->")
    lines.append('  <graph edgedefault="directed">')
    for position, box in enumerate(picture.boxes):
        lines.append(f'    <node id="n{position}">')
        lines.append(_data("label", box.label))
        if box.kind is not None:
            lines.append(_data("kind", box.kind.value))
        if box.worst is not None:
            lines.append(_data("state", box.worst.name))
        lines += [_data("jobs", str(box.jobs)), "    </node>"]
    for arrow in picture.arrows:
        lines.append(f'    <edge source="n{arrow.upstream}" target="n{arrow.downstream}">')
        if arrow.parts is not None:
            lines.append(_data("parts", ", ".join(arrow.parts)))
        lines += [_data("edges", str(arrow.edges)), "    </edge>"]
    return "\n".join([*lines, "  </graph>", "</graphml>"]) + "\n"


def _data(key: str, value: str) -> str:
    text = escape(_NOT_IN_XML.sub("�", value), quote=False)
    return f'      <data key="{escape(key)}">{text}</data>'
