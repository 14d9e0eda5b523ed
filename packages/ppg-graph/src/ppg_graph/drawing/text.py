"""Text: writes each box on a line, and below it the boxes that it depends on."""

from __future__ import annotations

from ppg_graph.drawing.picture import Box, Picture
from ppg_graph.drawing.style import state_text

__all__ = ["as_text"]


def as_text(picture: Picture) -> str:
    """Return the picture as indented lines."""
    upstreams: dict[int, list[str]] = {}
    for arrow in picture.arrows:
        what = picture.boxes[arrow.upstream].label
        if arrow.parts:
            what += f" [{', '.join(arrow.parts)}]"
        elif arrow.edges > 1:
            what += f" [{arrow.edges} edges]"
        upstreams.setdefault(arrow.downstream, []).append(what)
    lines: list[str] = []
    for position, box in enumerate(picture.boxes):
        lines.append(_line(box))
        lines += [f"    <- {what}" for what in upstreams.get(position, ())]
    if picture.remark:
        lines.append(f"({picture.remark})")
    return "".join(f"{_printable(line)}\n" for line in lines)


def _line(box: Box) -> str:
    facts = [box.kind.value if box.kind else "mixed"]
    if box.jobs == 1:
        facts += [state_text(state) for state in box.states]
    else:
        facts += [f"{count} {state_text(state)}" for state, count in sorted(box.states.items())]
    return f"{box.label} ({', '.join(facts)})"


def _printable(line: str) -> str:
    """Escape characters that would begin another line or control a terminal."""
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
