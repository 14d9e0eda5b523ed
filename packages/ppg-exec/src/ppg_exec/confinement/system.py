"""System: finds what every confined task may use: the system, the interpreter, and the modules of the project.

The controller's side finds it once for all tasks of a run. The folder of the project is left out: where a folder of the
system contains it, the neighbours on the way to it are named instead.
"""

from __future__ import annotations

import os
import sys

from ppg_exec.confinement.landlock import (
    EXECUTE,
    MAKE_REGULAR,
    READ_DIR,
    READ_FILE,
    REMOVE_FILE,
    TRUNCATE,
    WRITE_FILE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["CommonAccess", "common_access"]

_READ_TREE = READ_FILE | EXECUTE
_DEVICES = READ_FILE | WRITE_FILE | TRUNCATE
_SHARED_MEMORY = READ_FILE | WRITE_FILE | TRUNCATE | MAKE_REGULAR | REMOVE_FILE

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu", "/snap", "/proc",
    "/sys", "/var/cache/fontconfig", "/var/lib/texmf", "/run/systemd/resolve", "/run/resolvconf",
    "/run/NetworkManager", "/run/current-system", "/run/opengl-driver", "/run/nscd",
)  # fmt: skip
_LISTS_OF_FOLDERS = ("LD_LIBRARY_PATH", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE", "PERL5LIB")
_FOLDERS = ("CONDA_PREFIX", "VIRTUAL_ENV", "JAVA_HOME", "R_HOME", "JULIA_DEPOT_PATH")
_CACHES = ("fontconfig", "matplotlib")
"""Folders in the user's folder for caches that decide no result: without them, each plot looks for all fonts."""
_MARKS_OF_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")
_PARTS_OF_ENVIRONMENTS = ("bin", "lib", "lib64", "libexec", "include", "share", "etc", "ssl")
_LIBRARIES = ("lib", "lib64", "libexec")
_INSTALLED = ("site-packages", "dist-packages")
_OF_MODULES = (".py", ".pyc", ".so")


class CommonAccess:
    """CommonAccess: what all confined tasks of a run may use.

    Args:
        trees: folders and files, with the rights to them and to all beneath.
        modules: files of modules, and folders with nothing but modules, which tasks may read.

    """

    # A plain class, not a frozen one: the pickler sends such an object to a node once.
    __slots__ = ("modules", "trees")

    def __init__(self, trees: tuple[tuple[str, int], ...], modules: tuple[str, ...]) -> None:
        self.trees: tuple[tuple[str, int], ...] = trees
        self.modules: tuple[str, ...] = modules

    def may_read(self, path: str) -> bool:
        """Whether tasks may read the file at an absolute path without links."""
        trees = [tree for tree, rights in self.trees if rights & READ_FILE]
        return any(_is_beneath(path, tree) for tree in (*trees, *self.modules))


def common_access(project: str, packages: Iterable[str] = (), outputs: Iterable[str] = ()) -> CommonAccess:
    """Find what all confined tasks may use.

    Args:
        project: the folder of the project, of which only modules may be read.
        packages: folders of packages that may be read whatever lies in them.
        outputs: files that tasks make. They do not count as modules, nor their folders as folders with nothing but
            modules.

    """
    project = os.path.realpath(project)
    folders = dict.fromkeys(
        os.path.realpath(folder)
        for folder in (*_SYSTEM, *_of_python(project), *_of_tools(project, os.environ), *packages)
        if os.path.exists(folder)  # noqa: PTH110
    )
    # A folder within the project counts also if a folder around the project is left out for it.
    apart = [tree for folder in folders for tree in _apart_from(project, folder)]
    trees = [(tree, _READ_TREE) for tree in _outermost(apart)]
    readable = tuple(tree.rstrip("/") + "/" for tree, _ in trees)
    trees += [(tree, _DEVICES) for tree in _apart_from(project, "/dev")]
    trees += [(tree, _SHARED_MEMORY) for tree in _apart_from(project, "/dev/shm")]  # noqa: S108 (what programs share)
    search = _ModuleSearch(outputs)
    modules = dict.fromkeys((*search.on_path(), *search.loaded()))
    kept = tuple(path for path in modules if not path.startswith(readable))
    return CommonAccess((("/", READ_DIR), *trees), kept)


def _is_beneath(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _outermost(folders: Iterable[str]) -> Iterator[str]:
    known: list[str] = []
    for folder in sorted(folders):
        if not any(_is_beneath(folder, outer) for outer in known):
            known.append(folder)
            yield folder


def _apart_from(project: str, folder: str) -> Iterator[str]:
    """A folder; if it contains the project, all in it that does not lead to the project."""
    if folder == project or not _is_beneath(project, folder):
        # A folder in the project, such as its virtual environment, is meant as a whole.
        if folder != project:
            yield folder
        return
    try:
        with os.scandir(folder) as entries:
            found = sorted(entry.path for entry in entries if not entry.is_symlink())
    except PermissionError:
        return  # what this user cannot list has nothing that tools of this user need
    for path in found:
        yield from _apart_from(project, path)


def _of_python(project: str) -> Iterator[str]:
    for prefix in {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}:
        if os.path.realpath(prefix) == project:
            # The project's folder is the environment.
            yield from (f"{prefix}/{part}" for part in _PARTS_OF_ENVIRONMENTS)
        else:
            yield prefix
    for entry in sys.path:
        if _is_installed(entry) and not _is_beneath(os.path.realpath(entry), project):
            yield entry


def _is_installed(entry: str) -> bool:
    return any(f"/{name}/" in f"{entry}/" for name in _INSTALLED)


def _of_tools(project: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The folders of PATH and of its relatives; of an environment of tools, all of it."""
    for name in _LISTS_OF_FOLDERS:
        yield from _usable(environment.get(name, "").split(os.pathsep), project)
    for name in _FOLDERS:
        yield from _usable([environment.get(name, "")], project)
    caches = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    yield from _usable([f"{caches}/{name}" for name in _CACHES], project)
    for folder in os.get_exec_path(dict(environment)):
        above = os.path.dirname(folder.rstrip("/"))  # noqa: PTH120
        if any(os.path.exists(f"{above}/{mark}") for mark in _MARKS_OF_ENVIRONMENTS):  # noqa: PTH110
            yield above
        else:
            # The libraries of a program that is installed by itself, such as /software/tool/bin/tool.
            beside = (f"{above}/{part}" for part in _LIBRARIES) if folder.rstrip("/").endswith("/bin") else ()
            yield from _usable([folder, *beside], project)


def _usable(folders: Iterable[str], project: str) -> Iterator[str]:
    """The absolute ones of these folders that neither contain the project nor lie in it."""
    for folder in folders:
        path = os.path.realpath(folder)
        related = _is_beneath(path, project) or _is_beneath(project, path)
        if folder.startswith("/") and path != "/" and not related:
            yield folder


# ---- modules of the project


class _ModuleSearch:
    """_ModuleSearch: finds the modules of the project; no data files.

    Each file is a rule of its own, which takes time in each task. So a package that has nothing but modules, down to its
    last folder, is one rule.
    """

    def __init__(self, outputs: Iterable[str]) -> None:
        self._seen: set[str] = set()
        self._real: dict[str, str] = {}
        self._outputs: set[str] = set()
        self._with_outputs: set[str] = set()
        for path in outputs:
            folder, _, name = path.rpartition("/")
            above = self._real_folder(folder or "/")
            self._outputs.add(f"{above}/{name}")
            while above not in self._with_outputs:
                self._with_outputs.add(above)
                above = os.path.dirname(above)  # noqa: PTH120

    def on_path(self) -> Iterator[str]:
        """The modules in the folders of `sys.path`, and in the packages there."""
        for entry in sys.path:
            if os.path.isfile(entry):  # noqa: PTH113
                yield os.path.realpath(entry)
            elif not _is_installed(entry):
                yield from self._in_folder(os.path.realpath(entry or "."))[0]

    def loaded(self) -> Iterator[str]:
        """The files of the modules that this process has imported, wherever they are."""
        for module in list(sys.modules.values()):
            # A module may make its attributes on demand, which no look at it should cause.
            filename = getattr(module, "__dict__", {}).get("__file__")
            if isinstance(filename, str) and os.path.isfile(filename):  # noqa: PTH113
                folder, _, name = os.path.abspath(filename).rpartition("/")  # noqa: PTH100
                path = f"{self._real_folder(folder)}/{name}"
                if path not in self._outputs:
                    yield os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114

    def _real_folder(self, folder: str) -> str:
        known = self._real.get(folder)
        if known is None:
            known = self._real[folder] = os.path.realpath(folder)
        return known

    def _in_folder(self, folder: str) -> tuple[list[str], bool]:
        """The modules in a folder, and in the packages beneath it; and whether nothing else is there."""
        if folder in self._seen:
            return [], False
        self._seen.add(folder)
        found: list[str] = []
        is_pure = folder not in self._with_outputs
        try:
            with os.scandir(folder) as scanned:
                entries = list(scanned)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return [], False  # `sys.path` may name folders that are not there
        for entry in entries:
            if entry.path in self._outputs:
                continue
            if entry.name.endswith(_OF_MODULES) and entry.is_file():
                found.append(entry.path)
                is_pure = is_pure and not entry.is_symlink()
            elif entry.name == "__pycache__":
                found.append(entry.path)
            elif entry.is_dir() and os.path.exists(f"{entry.path}/__init__.py"):  # noqa: PTH110
                inner = os.path.realpath(entry.path)
                modules, is_pure_too = self._in_folder(inner)
                found += [inner] if is_pure_too else modules
                is_pure = is_pure and is_pure_too and not entry.is_symlink()
            else:
                is_pure = False
        return found, is_pure
