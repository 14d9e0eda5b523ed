"""Rules: finds the breaches of the plan in the packages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import grimp

from house.imports import Import, circles, shortest_circle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from house.imports import Imports
    from house.plan import Contract, Package, Plan

__all__ = ["FEW", "LIMIT", "Finding", "findings", "unused_exemptions"]

LIMIT = 12
"""More files than this in one room are against the rules."""

FEW = 3
"""A room with fewer files gets a remark, but is not against the rules."""

SHOWN = 5
"""The number of statements of one arrow between rooms that a finding shows at first."""


@dataclass(frozen=True)
class Finding:
    """Finding: names the broken rule, describes the breach, and lists the statements that cause it."""

    package: str
    rule: str
    message: str
    imports: tuple[Import, ...] = ()
    further: tuple[Import, ...] = ()
    """Statements that only a full report shows."""


def findings(plan: Plan, imports: Imports) -> list[Finding]:
    """Return all breaches of the rules, package by package."""
    found = [*_circles_of_modules(imports), *_internals(plan, imports)]
    for package in plan.packages:
        found += [*_rooms(package), *_unseen(package, imports), *_circles_of_rooms(package, imports)]
        if package.children and plan.layers_of(package.name) is None:
            found.append(
                Finding(
                    package.name, "layers", f"no contract of type layers orders the rooms of {package.name}"
                )
            )
    for contract in plan.contracts:
        found += [*_missing(contract, imports), *_against(contract, imports)]
    order = {package.name: place for place, package in enumerate(plan.packages)}
    return sorted(found, key=lambda finding: order[finding.package])


def unused_exemptions(plan: Plan, imports: Imports) -> list[str]:
    """Return the exemptions that no import needs."""
    return [
        f"{exemption.package}: {exemption.pattern}"
        for exemption in plan.exemptions
        if not any(exemption.covers(importer, imported) for importer, imported in imports.statements)
    ]


def _rooms(package: Package) -> Iterator[Finding]:
    for room, files in package.rooms.items():
        if len(files) > LIMIT:
            yield Finding(
                package.name, "files", f"room {room} has {len(files)} files; more than {LIMIT} are too many"
            )


def _unseen(package: Package, imports: Imports) -> Iterator[Finding]:
    for module, path in package.files.items():
        if module not in imports.graph.modules:
            yield Finding(
                package.name,
                "files",
                f"{module} is out of sight: give {path.parent.name}/ an __init__.py, and the file a module's name",
            )


def _circles_of_modules(imports: Imports) -> Iterator[Finding]:
    arrows = imports.arrows()
    for group in circles(arrows):
        way = shortest_circle(group, arrows)
        shown = tuple(statement for arrow in way for statement in imports.behind(*arrow))
        further = _rest(shown, group, imports)
        yield Finding(
            group[0].split(".")[0],
            "circle",
            f"{len(group)} modules import each other; a shortest circle is {_drawn(way)}",
            shown,
            further,
        )


def _circles_of_rooms(package: Package, imports: Imports) -> Iterator[Finding]:
    arrows = imports.arrows(package.places)
    folders = {
        place for module, place in package.places.items() if package.files[module].parent != package.directory
    }
    for group in circles(arrows):
        if folders.isdisjoint(group):
            continue  # The rule for modules reports this circle.
        way = shortest_circle(group, arrows)
        shown = tuple(
            statement for arrow in way for statement in imports.behind(*arrow, package.places)[:SHOWN]
        )
        further = _rest(shown, group, imports, package.places)
        yield Finding(
            package.name,
            "circle of rooms",
            f"{len(group)} rooms or root modules import each other; a shortest circle is {_drawn(way)}",
            shown,
            further,
        )


def _missing(contract: Contract, imports: Imports) -> Iterator[Finding]:
    for module in contract.required():
        if module not in imports.graph.modules:
            yield Finding(
                module.split(".")[0],
                "layers",
                f"contract {contract.name!r} names {module}, which does not exist",
            )


def _against(contract: Contract, imports: Imports) -> Iterator[Finding]:
    """Yield direct imports against the layers, and chains through modules that no layer holds.

    The contract's `ignore_imports` do not count: an arrow that import-linter overlooks is still an arrow.
    """
    layers = [grimp.Layer(*layer.modules, independent=layer.independent) for layer in contract.layers]
    illegal = imports.graph.find_illegal_dependencies_for_layers(layers, set(contract.containers) or None)
    for dependency in sorted(illegal):
        chains = {
            way: statements
            for route in dependency.routes
            for head, tail in product(route.heads, route.tails)
            for way in [(head, *route.middle, tail)]
            for statements in [_along(way, imports)]
            if statements
        }
        for way, statements in sorted(chains.items()):
            middle = f", through {', '.join(way[1:-1])}" if way[1:-1] else ""
            yield Finding(
                way[0].split(".")[0],
                "layers",
                f"{way[0]} → {way[-1]}{middle}, is against contract {contract.name!r}",
                statements,
            )


def _internals(plan: Plan, imports: Imports) -> Iterator[Finding]:
    statements: dict[tuple[str, str], list[Import]] = {}
    for (importer, imported), some in imports.statements.items():
        source, target = importer.split(".")[0], imported.split(".")[0]
        exempt = any(exemption.covers(importer, imported) for exemption in plan.exemptions)
        if target not in (source, imported) and not exempt:
            statements.setdefault((source, imported), []).extend(some)
    for (source, imported), some in sorted(statements.items()):
        target = imported.split(".")[0]
        message = f"{imported} is internal to {target}; import it from {target} itself"
        yield Finding(source, "internals", message, tuple(sorted(some)))


def _along(way: tuple[str, ...], imports: Imports) -> tuple[Import, ...]:
    """Return the statements behind each step, or none if a step has none."""
    steps = [imports.behind(*step) for step in pairwise(way)]
    return tuple(statement for step in steps for statement in step) if all(steps) else ()


def _rest(
    shown: tuple[Import, ...], group: list[str], imports: Imports, places: Mapping[str, str] | None = None
) -> tuple[Import, ...]:
    """Return the statements between different members of a group that are not shown."""
    pairs = [(start, end) for start, end in product(group, group) if start != end]
    every = {statement for start, end in pairs for statement in imports.behind(start, end, places)}
    return tuple(sorted(every.difference(shown)))


def _drawn(way: list[tuple[str, str]]) -> str:
    return " → ".join([way[0][0], *(end for _, end in way)])
