"""Sharing a folder in the job process: takes the job's folder from the shared cache, or makes it and keeps it there.

An entry has the files of the folder by their names in it, behind one file that has the links and the empty folders. All
that `in_job` says of files holds for folders, too. Names and links of an entry never lead a write out of the folder.
"""

# ruff: noqa: PTH103, PTH115, PTH123, PTH211
# Paths are strings here, as everywhere in job processes, because these do not import pathlib.

import json
import os
import time
from collections.abc import Callable, Sequence

import xxhash

from ppg.shared_cache.in_job import (
    Report,
    Use,
    changed_input,
    described_origin,
    discard_damaged,
    put,
    warning_of,
)
from ppg.shared_cache.reads import are_as_recorded, reads_besides
from ppg.shared_cache.registry import CachedFile, CachedRead, DamagedError, Entry, mark_used, opened, publish
from ppg.shared_cache.transfer import NotAsStatedError, open_regular, transfer
from ppg_invariants import Tree, is_file, observe_tree, plain_file

__all__ = ["take_or_make_folder"]

STRUCTURE = "//structure"
"""Name of the file with the links and empty folders; no file of a folder has it."""
LARGEST_STRUCTURE = 1 << 26
_EXECUTABLE = 0o111


def take_or_make_folder(
    make: Callable[[], object], prepare: Callable[[str], object], folder: str, use: Use
) -> Report:
    """Take a job's folder from the cache; if it is not there, make it and keep it there.

    Parameters:
        make: makes the folder.
        prepare: empties the folder, or makes it.
        folder: its absolute name.
        use: how the job uses the cache.
    """
    __tracebackhide__ = True
    warnings: list[tuple[str, str]] = []
    taken = _taken(folder, prepare, use, warnings)
    if taken is not None:
        return True, _plain(taken), warnings
    began = time.monotonic()
    make()
    tree = observe_tree(folder, threads=1)
    changed = changed_input(use)
    if changed is not None:
        text = f"its folder is not kept in the shared cache, because '{changed}' changed while it ran"
        warnings.append((f"{use.key}: changed", text))
    elif isinstance(
        reads := reads_besides([], use.root, [path for path, _ in use.consumed], use.folders), str
    ):
        text = f"its folder is not kept in the shared cache, because {reads}"
        warnings.append((f"{use.key}: reads", text))
    elif not tree.problems:
        _keep(folder, tree, use, time.monotonic() - began, warnings, reads)
        if use.hard_links:
            # A link changes the file's change time, and the next comparison would hash the file in the main process.
            tree = observe_tree(folder, threads=1)
    return False, _plain(tree), warnings


def _taken(
    folder: str, prepare: Callable[[str], object], use: Use, warnings: list[tuple[str, str]]
) -> Tree | None:
    try:
        with opened(use.cache, use.key) as entry:
            if entry is None or not are_as_recorded(entry.reads, use.root):
                return None
            prepare(folder)
            return _placed(entry, folder, use)
    except DamagedError as error:
        discard_damaged(use, str(error), warnings)
    except OSError as error:
        warnings.append(warning_of("nothing can be taken from the shared cache", use, error))
    return None


def _placed(entry: Entry, folder: str, use: Use) -> Tree | None:
    """Put the files of an entry into the empty folder; None if the entry is removed at this moment.

    Raises:
        DamagedError: the entry differs from what was recorded when it was made.
        OSError: a file cannot be read or written.
    """
    links, empty = _structure(entry)
    files = entry.files[1:]
    for name in (*(one.name for one in files), *links, *empty):
        if name.startswith("/") or "\0" in name or any(step in {"", ".", ".."} for step in name.split("/")):
            raise DamagedError(f"'{name}' is no name of a file in a folder")
    made = {""}
    place = ""
    try:
        for position, one in enumerate(files, 1):
            place = f"its file for '{one.name}'"
            _make_folders(folder, one.name.rpartition("/")[0], made)
            transfer(
                str(position),
                f"{folder}/{one.name}",
                0o666 | one.executable,
                one.size,
                hard_links=use.hard_links,
                folder=entry.descriptor,
            )
        for name in empty:
            _make_folders(folder, name, made)
        # Links come last, so that nothing is written through one.
        for name, target in links.items():
            _make_folders(folder, name.rpartition("/")[0], made)
            os.symlink(target, f"{folder}/{name}")
    except NotAsStatedError as error:
        if not entry.is_in_place:
            return None
        raise DamagedError(f"{place} {error.strerror}") from error
    except FileNotFoundError:
        if not entry.is_in_place:
            return None
        raise DamagedError(f"{place} is missing") from None
    tree = observe_tree(folder, threads=1)
    if _contents(tree, folder) != ({one.name: one for one in files}, links, empty):
        if not entry.is_in_place:
            return None
        raise DamagedError("its files have not the bytes that were kept")
    mark_used(entry)
    return tree


def _structure(entry: Entry) -> tuple[dict[str, str], list[str]]:
    """Return the links and the empty folders of an entry."""
    first = entry.files[0]
    if first.name != STRUCTURE or first.size > LARGEST_STRUCTURE:
        raise DamagedError("it has other files than the job")
    try:
        descriptor, _ = open_regular("0", entry.descriptor)
        with open(descriptor, "rb") as file:
            text = file.read(LARGEST_STRUCTURE)
        if xxhash.xxh3_128_digest(text) != first.digest:
            raise DamagedError("its links are not those that were kept")
        content = json.loads(text)
        links = {_text(name): _text(target) for name, target in content["links"].items()}
        empty = [_text(name) for name in content["empty folders"]]
        count = content["files"]
    except FileNotFoundError:
        raise DamagedError("its links are missing") from None
    except NotAsStatedError as error:
        raise DamagedError(f"its file of links {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"its links cannot be understood ({type(error).__name__}: {error})") from error
    if count != len(entry.files) - 1:
        raise DamagedError("it has not all of its files")
    return links, empty


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"str expected, not {type(value).__name__}")
    return value


def _make_folders(folder: str, name: str, made: set[str]) -> None:
    if name not in made:
        os.makedirs(f"{folder}/{name}", exist_ok=True)
        made.add(name)


def _contents(tree: Tree, folder: str) -> tuple[dict[str, CachedFile], dict[str, str], list[str]]:
    """Return the files, links and empty folders of a folder, as an entry has them."""
    files: dict[str, CachedFile] = {}
    links: dict[str, str] = {}
    empty: list[str] = []
    for name, state in sorted(tree.files.items()):
        if is_file(state):
            plain = plain_file(state)
            files[name] = CachedFile(name, state.size, state.digest, 0 if plain == state else _EXECUTABLE)
        elif state.algorithm == "link":
            links[name] = os.readlink(f"{folder}/{name}")
        else:
            empty.append(name)
    return files, links, empty


def _keep(
    folder: str,
    tree: Tree,
    use: Use,
    seconds: float,
    warnings: list[tuple[str, str]],
    reads: Sequence[CachedRead],
) -> None:
    """Keep the folder that the job made; if that fails, add a warning, and the job still succeeds."""
    files, links, empty = _contents(tree, folder)
    structure = json.dumps({"files": len(files), "links": links, "empty folders": empty}).encode()
    kept = [CachedFile(STRUCTURE, len(structure), xxhash.xxh3_128_digest(structure), 0), *files.values()]

    def copy(position: int, target: str, mode: int) -> None:
        if position:
            one = kept[position]
            put(f"{folder}/{one.name}", target, one.size, mode, hard_links=use.hard_links)
            return
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(structure)
            os.fchmod(descriptor, 0o400 | mode)

    try:
        publish(use.cache, use.key, kept, copy, described_origin(use, seconds), reads)
    except OSError as error:
        warnings.append(warning_of("nothing can be kept in the shared cache", use, error))


def _plain(tree: Tree) -> list[tuple[object, ...]]:
    return [
        *((problem.path, problem.problem.name, problem.message) for problem in tree.problems),
        *((name, *state) for name, state in tree.files.items()),
    ]
