"""Trees: describes folders by what is in them: names, contents, executable bits, targets of links, empty folders.

`describe_tree_plainly` runs in job processes, so this module imports little, as `state` does.

A tree maps the name of each entry, relative to the folder, to a `FileState`. Its `algorithm` says what the entry is:

| algorithm | entry | digest |
| --- | --- | --- |
| `xxh3_128`, or another hash | a file | of its content |
| the same, with `+x` | a file that its owner may execute | of its content |
| `link` | a symbolic link, which is not followed | the name of its target |
| `folder` | a folder with nothing in it | none |

All other folders follow from the names. Owner, group, times and the other bits of a mode do not count, because they
depend on the user and the time.
"""

# ruff: noqa: PTH115, PTH116
# Paths are strings throughout this package: they come from job ids, and a Path costs more than a stat.

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ppg_invariants.files.state import (
    Algorithm,
    FileProblem,
    FileState,
    Problem,
    describe_file,
    new_hasher,
)

__all__ = ["Tree", "describe_tree_plainly", "is_file", "observe_tree", "plain_file", "tree_described"]

LINK: Algorithm = "link"
FOLDER: Algorithm = "folder"
EXECUTABLE = "+x"

_NOTHING: Mapping[str, FileState] = {}
_KIND, _IS_FILE, _IS_LINK, _IS_FOLDER = 0o170000, 0o100000, 0o120000, 0o040000
_OWNER_EXECUTES = 0o100
_OTHERS = {0o010000: "a named pipe", 0o140000: "a socket", 0o020000: "a device", 0o060000: "a device"}


class Tree(NamedTuple):
    """Tree: the entries of a folder by their names relative to it, and what has no state there."""

    files: dict[str, FileState]
    problems: list[FileProblem]


class _Doubt(NamedTuple):
    """Doubt: a file that must be read."""

    name: str
    path: str
    algorithm: Algorithm
    suffix: str
    size: int


def is_file(state: FileState) -> bool:
    """Whether the entry of a tree is a regular file."""
    return state.algorithm != LINK and state.algorithm != FOLDER


def plain_file(state: FileState) -> FileState:
    """Return the state of a file without its executable bit, to compare it as a file alone."""
    return state._replace(algorithm=state.algorithm.removesuffix(EXECUTABLE))


def observe_tree(
    folder: str,
    remembered: Mapping[str, FileState] = _NOTHING,
    *,
    algorithm: Algorithm = "xxh3_128",
    selects: Callable[[str], bool] | None = None,
    follows_links: bool = False,
    threads: int | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Tree:
    """Return the present state of a folder; read only files of which the stat does not prove the remembered state.

    Parameters:
        folder: its path. If it is not there, that is the only problem, with an empty name.
        remembered: the entries at an earlier look. An entry that is unchanged is the same object in the result.
        algorithm: of files that were not remembered.
        selects: whether an entry counts, by its name; by default all count.
        follows_links: whether a link to a file counts as that file.
        threads: limits the hashing; by default the cores that this process may use.
        should_stop: called while files are hashed; if it returns true, ObservationInterrupted is raised.
    """
    tree = Tree({}, [])
    doubts: list[_Doubt] = []
    trust = None
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            entries = _entries(f"{folder}/{prefix}" if prefix else folder)
        except OSError as error:
            tree.problems.append(_unlisted(prefix, error))
            continue
        if not entries and prefix:
            _add(tree.files, prefix[:-1], FileState(0, 0, 0, 0, 0, b"", FOLDER), remembered, selects)
        for entry in entries:
            name = prefix + entry.name
            try:
                found = entry.stat(follow_symlinks=False)
                kind = found.st_mode & _KIND
                if kind == _IS_LINK and follows_links and os.path.isfile(entry.path):  # noqa: PTH113
                    found, kind = os.stat(entry.path), _IS_FILE
            except FileNotFoundError:
                continue  # removed since its folder was listed
            except OSError as error:
                tree.problems.append(
                    FileProblem(name, Problem.UNREADABLE, f"cannot be read: {error.strerror}")
                )
                continue
            if kind == _IS_FOLDER:
                pending.append(f"{name}/")
                continue
            if selects is not None and not selects(name):
                continue
            known = remembered.get(name)
            if kind == _IS_FILE:
                suffix = EXECUTABLE if found.st_mode & _OWNER_EXECUTES else ""
                if known is not None:
                    size, modified, changed, inode, _, _, of = known
                    if (
                        found.st_size == size
                        and found.st_mtime_ns == modified
                        and found.st_ctime_ns == changed
                        and found.st_ino == inode
                        and of != LINK
                        and of != FOLDER
                    ):
                        if trust is None:
                            from ppg_invariants.files.timestamps import StampTrust  # noqa: PLC0415 (not in jobs)

                            trust = StampTrust()
                        if trust.is_settled(known, entry.path, found.st_dev):
                            tree.files[name] = known
                            continue
                wanted = algorithm if known is None or not is_file(known) else plain_file(known).algorithm
                doubts.append(_Doubt(name, entry.path, wanted, suffix, found.st_size))
            elif kind == _IS_LINK:
                target = os.fsencode(os.readlink(entry.path))
                hasher = new_hasher("xxh3_128")
                hasher.update(target)
                _add(
                    tree.files,
                    name,
                    FileState(len(target), 0, 0, 0, 0, hasher.digest(), LINK),
                    remembered,
                    None,
                )
            else:
                what = _OTHERS.get(kind, "no file")
                tree.problems.append(FileProblem(name, Problem.NOT_A_FILE, f"is {what}, not a file"))
    _hash(doubts, tree, threads, should_stop)
    return tree


def describe_tree_plainly(folder: str) -> list[tuple[object, ...]]:
    """Return the entries of a folder as plain tuples that begin with the name, which a job process sends so.

    Problems are tuples of three: see `describe_files_plainly`.
    """
    files, problems = observe_tree(folder, threads=1)
    return [
        *((problem.path, problem.problem.name, problem.message) for problem in problems),
        *((name, *state) for name, state in files.items()),
    ]


def tree_described(plain: Iterable[Sequence[Any]]) -> Tree:
    """Return the tree from the tuples of `describe_tree_plainly`."""
    tree = Tree({}, [])
    for one in plain:
        if len(one) == 3:
            tree.problems.append(FileProblem(one[0], Problem[one[1]], one[2]))
        else:
            tree.files[one[0]] = FileState(*one[1:])
    return tree


def _entries(path: str) -> list["os.DirEntry[str]"]:
    with os.scandir(path) as entries:
        return list(entries)


def _unlisted(prefix: str, error: OSError) -> FileProblem:
    name = prefix.removesuffix("/")
    if isinstance(error, FileNotFoundError):
        return FileProblem(name, Problem.MISSING, "does not exist")
    if isinstance(error, NotADirectoryError):
        return FileProblem(name, Problem.NOT_A_FILE, "is not a folder")
    return FileProblem(name, Problem.UNREADABLE, f"cannot be listed: {error.strerror}")


def _add(
    files: dict[str, FileState],
    name: str,
    state: FileState,
    remembered: Mapping[str, FileState],
    selects: Callable[[str], bool] | None,
) -> None:
    """Add a link or a folder, as the remembered object if it is the same."""
    if selects is None or selects(name):
        known = remembered.get(name)
        files[name] = known if known == state else state


def _hash(
    doubts: Sequence[_Doubt], tree: Tree, threads: int | None, should_stop: Callable[[], bool] | None
) -> None:
    def describe(doubt: _Doubt) -> FileState | FileProblem:
        return describe_file(doubt.path, algorithm=doubt.algorithm, empty_ok=True, should_stop=should_stop)

    if threads == 1:
        found: Iterable[FileState | FileProblem] = map(describe, doubts)
    else:
        from ppg_invariants.files.compare import _spread  # noqa: PLC0415 (job processes do not need it)

        found = _spread(doubts, describe, _size_of, threads)
    for doubt, state in zip(doubts, found, strict=True):
        if isinstance(state, FileState):
            tree.files[doubt.name] = state._replace(algorithm=doubt.algorithm + doubt.suffix)
        elif state.problem is not Problem.MISSING:
            tree.problems.append(state._replace(path=doubt.name))


def _size_of(doubt: _Doubt) -> int:
    return doubt.size
