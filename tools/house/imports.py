"""Imports: gathers every import of the packages, and finds the circles that they form.

Imports inside functions and under TYPE_CHECKING count like all others. Imports by `importlib.import_module`
do not count, as only a running program has their names.
"""

from __future__ import annotations

import importlib
import sys
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grimp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grimp import ImportGraph

    from house.plan import Plan

__all__ = ["Import", "Imports", "circles", "gather", "shortest_circle"]


@dataclass(frozen=True, order=True)
class Import:
    """Import: holds one statement of one module that names another module."""

    path: str
    line: int
    importer: str
    imported: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.importer} imports {self.imported}"


@dataclass(frozen=True)
class Imports:
    """Imports: holds the graph, and the statements behind each of its arrows."""

    graph: ImportGraph
    statements: Mapping[tuple[str, str], list[Import]]

    def arrows(self, places: Mapping[str, str] | None = None) -> dict[str, set[str]]:
        """Return the modules that each module imports; with places, the places that each place imports."""
        if places is None:
            arrows: dict[str, set[str]] = {module: set() for module in self.graph.modules}
            for importer, imported in self.statements:
                arrows[importer].add(imported)
            return arrows
        arrows = {place: set() for place in places.values()}
        for importer, imported in self.statements:
            if importer in places and imported in places and places[importer] != places[imported]:
                arrows[places[importer]].add(places[imported])
        return arrows

    def behind(self, start: str, end: str, places: Mapping[str, str] | None = None) -> list[Import]:
        """Return the statements behind one arrow between two modules, or between two places."""
        if places is None:
            return self.statements.get((start, end), [])
        return sorted(
            statement
            for (importer, imported), statements in self.statements.items()
            if places.get(importer) == start and places.get(imported) == end
            for statement in statements
        )


def gather(plan: Plan) -> Imports:
    """Return the imports in the sources of all packages, without executing them."""
    files = {module: path for package in plan.packages for module, path in package.files.items()}
    first, *others = [package.name for package in plan.packages]
    with _importable([str(package.directory.parent) for package in plan.packages]):
        graph = grimp.build_graph(first, *others, cache_dir=None)
    statements: dict[tuple[str, str], list[Import]] = {}
    for importer in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            path = files[importer].relative_to(plan.root).as_posix()
            statements[importer, imported] = [
                Import(path, detail["line_number"], importer, imported)
                for detail in graph.get_import_details(importer=importer, imported=imported)
            ]
    return Imports(graph, statements)


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of names that reach each other, the largest first (Kosaraju's algorithm)."""
    backwards: dict[str, set[str]] = {name: set() for name in arrows}
    for name, targets in arrows.items():
        for target in targets:
            backwards[target].add(name)
    finished: list[str] = []
    seen: set[str] = set()
    for name in sorted(arrows):
        finished += _finishing_order(name, arrows, seen)
    groups = []
    seen = set()
    for name in reversed(finished):
        group = sorted(_finishing_order(name, backwards, seen))
        if len(group) > 1 or name in arrows[name]:
            groups.append(group)
    return sorted((group for group in groups if group), key=lambda group: (-len(group), group))


def shortest_circle(group: list[str], arrows: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the arrows of a shortest circle in the group."""
    candidates = (_way_back(name, group, arrows) for name in group)
    return min(candidates, key=len)


def _finishing_order(start: str, arrows: Mapping[str, set[str]], seen: set[str]) -> list[str]:
    """Return the unseen names that the start reaches, each after all names that it leads to."""
    if start in seen:
        return []
    seen.add(start)
    finished = []
    stack = [(start, iter(sorted(arrows[start])))]
    while stack:
        name, targets = stack[-1]
        target = next((target for target in targets if target not in seen), None)
        if target is None:
            finished.append(name)
            stack.pop()
        else:
            seen.add(target)
            stack.append((target, iter(sorted(arrows[target]))))
    return finished


def _way_back(start: str, group: list[str], arrows: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the arrows of a shortest circle through the start, by breadth-first search."""
    members = set(group)
    came_from: dict[str, str] = {}
    queue = deque([start])
    while start not in came_from:
        name = queue.popleft()
        for target in sorted(arrows[name] & members):
            if target not in came_from:
                came_from[target] = name
                queue.append(target)
    way = [(came_from[start], start)]
    while way[0][0] != start:
        way.insert(0, (came_from[way[0][0]], way[0][0]))
    return way


@contextmanager
def _importable(folders: list[str]) -> Iterator[None]:
    """Put the folders first on the path for imports while grimp looks for the packages."""
    old = sys.path[:]
    sys.path[:0] = folders
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = old
