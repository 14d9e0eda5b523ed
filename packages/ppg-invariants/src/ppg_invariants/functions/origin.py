"""Origin: finds the origin of code: Python itself, an installed distribution, or the user's project."""

# ruff: noqa: PTH120, PTH206
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import functools
import os
import sys
import sysconfig
from enum import Enum

from ppg_invariants.engine_names import ENGINE, engine_version

__all__ = ["Origin", "distribution_version", "origin_of_file", "origin_of_module"]


class Origin(Enum):
    """Origin: names the origin of a piece of code, which decides how the code counts."""

    PYTHON = "python"
    """The interpreter and its standard library: counts by name."""
    INSTALLED = "installed"
    """A distribution in site-packages: counts by name and version."""
    PROJECT = "project"
    """All other code: counts by its content."""


@functools.lru_cache(maxsize=4096)
def origin_of_file(filename: str) -> Origin:
    """Return the origin of the code in a source file. Code without a file (``<string>``) is the project's."""
    if filename.startswith("<frozen "):
        return Origin.PYTHON
    if filename.startswith("<"):
        return Origin.PROJECT
    path = os.path.realpath(filename)
    if "site-packages" in path.split(os.sep) or "dist-packages" in path.split(os.sep):
        return Origin.INSTALLED
    if any(path.startswith(folder + os.sep) for folder in _engine_folders()):
        return Origin.INSTALLED
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    if any(path.startswith(os.path.realpath(folder) + os.sep) for folder in standard):
        return Origin.PYTHON
    return Origin.PROJECT


def origin_of_module(name: str) -> Origin:
    """Return the origin of an imported module; a module that is not imported counts as the project's."""
    top = name.partition(".")[0]
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return Origin.PYTHON
    if top in ENGINE:
        return Origin.INSTALLED
    module = sys.modules.get(name)
    filename = getattr(module, "__file__", None)
    return origin_of_file(filename) if isinstance(filename, str) else Origin.PROJECT


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
