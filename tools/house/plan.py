"""Plan: reads packages, rooms, layers and exceptions from `pyproject.toml` and the folders."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ROOT_ROOM", "Contract", "Exemption", "Layer", "Package", "Plan", "PlanError", "read_plan"]

ROOT_ROOM = "."
"""The name of the room that holds the modules beside a package's `__init__`."""


class PlanError(Exception):
    """PlanError: reports that `pyproject.toml` or the page is not usable as it stands."""


@dataclass(frozen=True)
class Package:
    """Package: lists the files of one package, with their rooms and modules."""

    name: str
    directory: Path

    @cached_property
    def files(self) -> dict[str, Path]:
        """Return the file of each module."""
        return {self._module(path): path for path in sorted(self.directory.rglob("*.py"))}

    @cached_property
    def rooms(self) -> dict[str, list[Path]]:
        """Return the files of each folder, which is relative to the package. `__init__.py` counts."""
        rooms: dict[str, list[Path]] = {}
        for path in self.files.values():
            rooms.setdefault(path.parent.relative_to(self.directory).as_posix(), []).append(path)
        return dict(sorted(rooms.items()))

    @cached_property
    def places(self) -> dict[str, str]:
        """Return the room of each module; a module beside the package's `__init__` is a place itself.

        Such modules lie in different layers, so the room "." as a whole would always be in a circle.
        """
        return {
            module: module if path.parent == self.directory else self._folder(path)
            for module, path in self.files.items()
        }

    @cached_property
    def children(self) -> dict[str, bool]:
        """Return the modules and rooms right below the package, and for each whether it is a room."""
        prefix = f"{self.name}."
        tails = sorted(module.removeprefix(prefix) for module in self.files if module != self.name)
        return {tail.split(".")[0]: tail.split(".")[0] in self.rooms for tail in tails}

    def _folder(self, path: Path) -> str:
        return ".".join([self.name, *path.parent.relative_to(self.directory).parts])

    def _module(self, path: Path) -> str:
        folder = self._folder(path)
        return folder if path.stem == "__init__" else f"{folder}.{path.stem}"


@dataclass(frozen=True)
class Layer:
    """Layer: holds the modules of one line of a contract."""

    modules: tuple[str, ...]
    optional: frozenset[str]
    independent: bool


@dataclass(frozen=True)
class Contract:
    """Contract: orders modules in layers, the highest first, in every one of its containers."""

    name: str
    layers: tuple[Layer, ...]
    containers: tuple[str, ...]

    def layers_in(self, package: str) -> tuple[Layer, ...] | None:
        """Return the layers, named by the package's children, or None if the contract orders others."""
        if self.containers:
            return self.layers if package in self.containers else None
        prefix = f"{package}."
        if not all(module.startswith(prefix) for layer in self.layers for module in layer.modules):
            return None
        return tuple(
            Layer(
                tuple(module.removeprefix(prefix) for module in layer.modules),
                frozenset(module.removeprefix(prefix) for module in layer.optional),
                layer.independent,
            )
            for layer in self.layers
        )

    def required(self) -> list[str]:
        """Return the full names of all modules that must exist."""
        tails = [tail for layer in self.layers for tail in layer.modules if tail not in layer.optional]
        prefixes = [f"{container}." for container in self.containers] or [""]
        return [prefix + tail for prefix in prefixes for tail in tails]


@dataclass(frozen=True)
class Exemption:
    """Exemption: lets one package import some internals of another, for a stated reason."""

    package: str
    pattern: str
    reason: str

    def covers(self, importer: str, imported: str) -> bool:
        """Return whether an import may stay. `a.b.*` stands for `a.b` and all modules below it."""
        if importer.split(".", maxsplit=1)[0] != self.package:
            return False
        if self.pattern.endswith(".*"):
            return f"{imported}.".startswith(self.pattern.removesuffix("*"))
        return imported == self.pattern


@dataclass(frozen=True)
class Plan:
    """Plan: holds the packages, contracts and exemptions that a check or a picture needs."""

    root: Path
    packages: tuple[Package, ...]
    contracts: tuple[Contract, ...]
    exemptions: tuple[Exemption, ...]
    forbidden: frozenset[tuple[str, str]] = frozenset()
    """Pairs of modules; a contract forbids the first to import the second."""

    def layers_of(self, package: str) -> tuple[Layer, ...] | None:
        """Return the layers of the first contract that orders the package's children, or None."""
        found = (contract.layers_in(package) for contract in self.contracts)
        return next((layers for layers in found if layers is not None), None)

    def layers_between_packages(self) -> tuple[Layer, ...]:
        """Return the layers of the contract that orders the packages themselves."""
        names = {package.name for package in self.packages}
        for contract in self.contracts:
            if not contract.containers and all(names.issuperset(layer.modules) for layer in contract.layers):
                return contract.layers
        return ()


def read_plan(root: Path) -> Plan:
    """Return the plan from `pyproject.toml` in the folder, and from the packages below it."""
    file = root / "pyproject.toml"
    if not file.is_file():
        raise PlanError(f"{file} does not exist")
    tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    linter: dict[str, Any] = tools.get("importlinter", {})
    names = linter.get("root_packages", [linter["root_package"]] if "root_package" in linter else [])
    if not names:
        raise PlanError(f"{file} names no root_packages in [tool.importlinter]")
    packages = tuple(Package(name, _directory(root, name)) for name in names)
    contracts = tuple(
        _contract(table, packages) for table in linter.get("contracts", []) if table.get("type") == "layers"
    )
    forbidden = frozenset(
        pair
        for table in linter.get("contracts", [])
        if table.get("type") == "forbidden"
        for pair in product(table["source_modules"], table["forbidden_modules"])
    )
    return Plan(root, packages, contracts, _exemptions(tools.get("house", {}), names), forbidden)


def _directory(root: Path, name: str) -> Path:
    candidates = [*sorted(root.glob(f"packages/*/src/{name}")), root / "src" / name, root / name]
    for candidate in candidates:
        if (candidate / "__init__.py").is_file():
            return candidate
    raise PlanError(f"the package {name} is neither in packages/*/src, nor in src, nor in {root}")


def _contract(table: dict[str, Any], packages: tuple[Package, ...]) -> Contract:
    layers, containers = tuple(_layer(text) for text in table["layers"]), tuple(table.get("containers", ()))
    contract = Contract(str(table.get("name")), layers, containers)
    known = {package.name for package in packages}.union(*(package.places.values() for package in packages))
    for name in containers or [module.split(".")[0] for module in contract.required()]:
        if name not in known:
            raise PlanError(f"contract {contract.name!r} names {name}, which is no package here")
    return contract


def _layer(text: str) -> Layer:
    """Return a layer, parsed like import-linter: `a | b` independent, `a : b` not, `(a)` may be missing."""
    names = [name.strip() for name in text.replace(":", "|").split("|")]
    return Layer(
        tuple(name.strip("()") for name in names),
        frozenset(name.strip("()") for name in names if name.startswith("(")),
        ":" not in text,
    )


def _exemptions(table: dict[str, Any], packages: list[str]) -> tuple[Exemption, ...]:
    found = []
    for package, patterns in table.get("internals", {}).items():
        if package not in packages:
            raise PlanError(f"[tool.house.internals] names {package}, which is no root package")
        for pattern, reason in patterns.items():
            if not isinstance(reason, str) or not reason.strip():
                raise PlanError(f"[tool.house.internals] gives no reason for {package}: {pattern}")
            found.append(Exemption(package, pattern, reason))
    return tuple(found)
