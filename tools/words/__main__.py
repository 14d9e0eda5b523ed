"""Words: prints every forbidden word with its place and its remedy; `just words` runs it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from words.passages import NAMES_ONLY, PathError, files_of, names_of, passages_of
from words.rules import MOST_WORDS, Finding, forbidden_words, long_sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from words.passages import Passage

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code: 0 clean, 1 with findings, 2 not usable."""
    options = _parser().parse_args(arguments)
    try:
        root = options.root.resolve()
        files = files_of(options.paths, root)
        by_name = set() if options.paths else set(root.glob(NAMES_ONLY))
        found = [
            finding
            for file in files
            for finding in _findings(
                file, root, names_of(file) if file in by_name else passages_of(file), sentences=options.long
            )
        ]
    except PathError as error:
        print(f"words: {error}", file=sys.stderr)
        return 2
    for finding in found:
        print(finding)
    print(f"findings: {len(found)}, files: {len(files)}")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("just words", description=__doc__)
    parser.add_argument(
        "paths", nargs="*", type=Path, help="files or folders; without any, those of the root"
    )
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parents[2], help="the folder with packages/ and docs/"
    )
    parser.add_argument("--long", action="store_true", help=f"also report sentences over {MOST_WORDS} words")
    return parser


def _findings(file: Path, root: Path, passages: Sequence[Passage], *, sentences: bool) -> list[Finding]:
    path = (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
    found = forbidden_words(path, passages)
    if sentences:
        found += long_sentences(path, passages)
    return sorted(found, key=lambda finding: finding.line)


if __name__ == "__main__":
    sys.exit(main())
