"""Draws the state diagram in decisions.md anew from the table in ppg_graph: run it after changing the table."""

from __future__ import annotations

import re
from pathlib import Path

from ppg_graph import state_diagram

__all__ = ["update"]

PAGE = Path(__file__).with_name("decisions.md")


def update() -> bool:
    """Rewrite the page if its diagram is not that of the table. Returns whether it was."""
    old = PAGE.read_text(encoding="utf-8")
    new = re.sub(
        r"```mermaid\nstateDiagram.*?```", lambda _: f"```mermaid\n{state_diagram()}```", old, flags=re.DOTALL
    )
    PAGE.write_text(new, encoding="utf-8")
    return new != old


if __name__ == "__main__":
    update()
