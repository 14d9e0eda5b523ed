"""Picture: draws layers and rooms for the page of the architecture, from the contracts and the folders."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

from house.plan import PlanError

if TYPE_CHECKING:
    from pathlib import Path

    from house.plan import Layer, Package, Plan

__all__ = ["PAGE", "drawn", "page_with_picture"]

PAGE = "docs/architecture.md"

BEGIN, END = "<!-- house -->", "<!-- /house -->"


def drawn(plan: Plan) -> str:
    """Return a mermaid flow chart with one box per package and one node per layer."""
    lines = ["flowchart TD"]
    for package in plan.packages:
        lines += _package(package, plan.layers_of(package.name) or ())
    for upper, lower in pairwise(plan.layers_between_packages()):
        lines += [
            f"    {start} --> {end}"
            for start, end in product(upper.modules, lower.modules)
            if (start, end) not in plan.forbidden
        ]
    return "\n".join(lines)


def page_with_picture(page: Path, picture: str) -> tuple[str, str]:
    """Return the page as it stands, and the page with this picture between its markers."""
    old = page.read_text(encoding="utf-8") if page.is_file() else ""
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise PlanError(f"{page} needs the markers {BEGIN} and {END}, in this order")
    return old, f"{before}{BEGIN}\n```mermaid\n{picture}\n```\n{END}{after}"


def _package(package: Package, layers: tuple[Layer, ...]) -> list[str]:
    nodes = [
        f'{package.name}_{number}["{_label(package, layer)}"]' for number, layer in enumerate(layers, start=1)
    ]
    lines = [f'    subgraph {package.name}["{package.name}"]']
    lines += [f"        {node}" for node in nodes]
    lines += [
        f"        {package.name}_{number} --> {package.name}_{number + 1}" for number in range(1, len(nodes))
    ]
    ordered = {name.split(".")[0] for layer in layers for name in layer.modules}
    others = [name for name in package.children if name not in ordered]
    if not layers:
        # Without layers the label would name every module; the rooms suffice.
        others = [name for name in others if package.children[name]]
        others += ["modules"] * (len(others) < len(package.children))
    if others:
        label = ", ".join(_shown(package, name) for name in others)
        lines.append(f'        {package.name}_0["in no layer: {label}"]')
    return [*lines, "    end"]


def _label(package: Package, layer: Layer) -> str:
    mark = " | " if layer.independent else " : "
    return mark.join(_shown(package, name) for name in layer.modules)


def _shown(package: Package, name: str) -> str:
    return f"{name}/" if package.children.get(name) else name
