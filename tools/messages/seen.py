"""Seen: makes a copy of the packages that notes each message that a run makes.

The copy notes by appending the key of the message to a file, so that also a process that is killed, or that leaves by
`os._exit`, has noted all its messages. Lines keep their numbers.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from messages.sites import Site

__all__ = ["keys_in", "write_noting_copy"]

_NOTE = """

def _note_message_(key, value):
    import os

    try:
        descriptor = os.open({file!r}, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return value  # a test may have taken the last descriptor
    os.write(descriptor, (key + "\\n").encode())
    os.close(descriptor)
    return value
"""


def write_noting_copy(root: Path, folder: Path, sites: Iterable[Site]) -> list[Path]:
    """Copy the packages' sources to `folder`, and let each site note its key in `folder/seen`.

    Parameters:
        root: the folder with packages/.
        folder: where the copy goes; it must not exist.
        sites: the sites of the packages.

    Returns:
        the folders that must stand in PYTHONPATH.
    """
    folder.mkdir(parents=True)
    seen = folder / "seen"
    seen.touch()
    seen.chmod(0o666)  # tests also run as other users
    found = []
    for source in sorted(root.glob("packages/*/src")):
        found.append(folder / source.relative_to(root))
        shutil.copytree(source, found[-1], ignore=shutil.ignore_patterns("__pycache__"))
    of_file: defaultdict[str, list[Site]] = defaultdict(list)
    for site in sites:
        if site.is_run:
            of_file[site.path].append(site)
    for path, there in of_file.items():
        file = folder / path
        file.write_bytes(_noting(file.read_bytes(), there) + _NOTE.format(file=str(seen)).encode())
    return found


def keys_in(file: Path) -> set[str]:
    """Return the keys that runs of a copy have noted."""
    return set(file.read_text(encoding="utf-8").splitlines())


def _noting(source: bytes, sites: Iterable[Site]) -> bytes:
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    pieces = []
    for site in sites:
        first, last = (starts[line - 1] + column for line, column in (site.start, site.end))
        # Of two insertions at one place, the outer site opens first and closes last.
        pieces.append((first, 1, -last, f"_note_message_({site.key!r}, ".encode()))
        pieces.append((last, 0, -first, b")"))
    for place, _, _, text in sorted(pieces, reverse=True):
        source = source[:place] + text + source[place:]
    return source
