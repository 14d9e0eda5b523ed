"""Origin: finds the origin of code: Python itself, an installed distribution, or the user's project."""

# ruff: noqa: PTH120
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import functools
import os
import sys
import sysconfig
from enum import Enum
from types import ModuleType

from ppg_invariants.engine_names import ENGINE, engine_version

__all__ = ["Origin", "distribution_version", "note_project", "origin_of_file", "origin_of_module"]


_INSTALLED = ("site-packages", "dist-packages")
_projects: set[str] = set()


class Origin(Enum):
    """Origin: names the origin of a piece of code, which decides how the code counts."""

    PYTHON = "python"
    """The interpreter and its standard library: counts by name."""
    INSTALLED = "installed"
    """What an installer has put into site-packages, or outside of projects: counts by name and version."""
    PROJECT = "project"
    """All other code: counts by its content."""


@functools.lru_cache(maxsize=4096)
def origin_of_file(filename: str, *, former: bool = False) -> Origin:
    """Return the origin of the code in a source file. Code without a file (``<string>``) is the project's.

    With `former`, the answer is that of a ppg which took every folder called ``site-packages`` for installed code.
    """
    if filename.startswith("<frozen "):
        return Origin.PYTHON
    if filename.startswith("<"):
        return Origin.PROJECT
    path = os.path.realpath(filename)
    for name in _INSTALLED:
        folder, found, _ = path.partition(f"{os.sep}{name}{os.sep}")
        if found and (former or not _is_of_project(f"{folder}{os.sep}{name}")):
            return Origin.INSTALLED
    if any(path.startswith(folder + os.sep) for folder in _engine_folders()):
        return Origin.INSTALLED
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    if any(path.startswith(os.path.realpath(folder) + os.sep) for folder in standard):
        return Origin.PYTHON
    return Origin.INSTALLED if not former and _is_installed_elsewhere(path) else Origin.PROJECT


def origin_of_module(module: str | ModuleType, *, former: bool = False) -> Origin:
    """Return the origin of an imported module, by its file; a module that is not imported counts as the project's.

    Modules without a file, and names of Python that are not imported, count by their name. With `former`, the answer is
    that of a ppg which took every module called like one of the standard library for that one.
    """
    name = module if isinstance(module, str) else module.__name__
    top = name.partition(".")[0]
    is_named_like_python = top in sys.builtin_module_names or top in sys.stdlib_module_names
    if former and is_named_like_python:
        return Origin.PYTHON
    if top in ENGINE:
        return Origin.INSTALLED
    found = sys.modules.get(module) if isinstance(module, str) else module
    # A module may make its attributes on demand, which no look at it should cause.
    filename = (
        vars(found).get("__file__") if isinstance(found, ModuleType) else getattr(found, "__file__", None)
    )
    if isinstance(filename, str):
        return origin_of_file(filename, former=former)
    return Origin.PYTHON if is_named_like_python else Origin.PROJECT


def note_project(root: str) -> None:
    """Note the folder of a project: a folder called ``site-packages`` in it has its code, unless it is installed."""
    root = os.path.realpath(root)
    if root not in _projects:
        _projects.add(root)
        origin_of_file.cache_clear()


def _is_of_project(packages: str) -> bool:
    """Whether a folder called ``site-packages`` belongs to a project, and no installer has written to it."""
    if not _is_in_project(packages) or packages in _site_folders():
        return False
    try:
        with os.scandir(packages) as entries:
            return not any(entry.name.endswith((".dist-info", ".egg-info")) for entry in entries)
    except OSError:
        return False


def _is_in_project(path: str) -> bool:
    return any(path.startswith(root + os.sep) for root in _projects)


def _is_installed_elsewhere(path: str) -> bool:
    """Whether an installer has put a file into a folder of another name, as ``pip install --target`` does.

    The installer lists what it writes (https://packaging.python.org/en/latest/specifications/recording-installed-packages/),
    so that other modules in the same folder still count by their content. In a project, all do.
    """
    if _is_in_project(path):
        return False
    folder, _, name = path.rpartition(os.sep)
    while folder:
        if name in _recorded(folder):
            return True
        folder, _, name = folder.rpartition(os.sep)
    return False


@functools.lru_cache(maxsize=4096)
def _recorded(folder: str) -> frozenset[str]:
    """Return the modules and packages in a folder that installers have recorded there."""
    try:
        with os.scandir(folder) as entries:
            records = [f"{one.path}/RECORD" for one in entries if one.name.endswith(".dist-info")]
    except OSError:
        return frozenset()
    if not records:
        return frozenset()
    import csv  # noqa: PLC0415 (few folders have records)

    names: set[str] = set()
    for record in records:
        try:
            with open(record, encoding="utf-8", newline="") as stream:  # noqa: PTH123 (as above)
                names.update(row[0].partition("/")[0] for row in csv.reader(stream) if row)
        except (OSError, ValueError, csv.Error):
            continue  # no record can be read, so the modules count by their content
    return frozenset(names)


def _site_folders() -> set[str]:
    """Return the folders into which this Python installs packages."""
    return {os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib")}


@functools.lru_cache(maxsize=1024)
def distribution_version(module: str) -> str:
    """Return the version of an installed module's distribution; empty if it has none."""
    engine = engine_version(module)
    if engine is not None:
        return engine
    import importlib.metadata  # noqa: PLC0415 (importing it takes half as long as importing all of ppg; few functions need it)

    top = module.partition(".")[0]
    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        version = getattr(sys.modules.get(top), "__version__", "")
        return version if isinstance(version, str) else ""


def _engine_folders() -> list[str]:
    modules = [sys.modules.get(name) for name in ENGINE]
    files = [getattr(module, "__file__", None) for module in modules]
    return [os.path.dirname(os.path.realpath(file)) for file in files if isinstance(file, str)]
