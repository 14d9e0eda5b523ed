"""Messages: lists all messages to users, each with its job and its remedy; `just messages` runs it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from messages.entries import ENTRIES, EntriesError, Review, findings
from messages.seen import keys_in, write_noting_copy
from messages.sites import functions_of, sites_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from messages.sites import Site

__all__ = ["main"]

BUGS = (
    "Bugs of ppg itself: users cannot repair them, and are asked to report them with the text of the message."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code: 0 clean, 1 with findings, 2 not usable."""
    options = _parser().parse_args(arguments)
    root = options.root.resolve()
    files = sorted(root.glob("packages/*/src/**/*.py"))
    try:
        review = Review.read(options.entries)
        sites = sites_of(files, root, review.texts)
        if options.noting is not None:
            print(os.pathsep.join(map(str, write_noting_copy(root, options.noting.absolute(), sites))))
            return 0
        seen = None if options.seen is None else keys_in(options.seen)
    except (EntriesError, SyntaxError, OSError) as error:
        print(f"messages: {error}", file=sys.stderr)
        return 2
    if seen is not None:
        unseen = [site for site in sites if _can_be_seen(site, review) and site.key not in seen]
        print("\n".join([*map(_shown, unseen), f"messages that no test reaches: {len(unseen)}"]))
        return 0
    found = findings(sites, review, functions_of(files))
    if not options.check:
        print("\n".join(_listing(sites, review)))
    print("\n".join([*found, f"findings: {len(found)}, messages: {len(sites)}"]))
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("just messages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="print findings only, without the list")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parents[2], help="the folder with packages/"
    )
    parser.add_argument("--entries", type=Path, default=ENTRIES, help="what is known of each message")
    parser.add_argument(
        "--noting",
        type=Path,
        metavar="FOLDER",
        help="copy the packages to a new folder, where runs note their messages in FOLDER/seen; prints the PYTHONPATH",
    )
    parser.add_argument(
        "--seen", type=Path, metavar="FILE", help="list the messages that runs of a copy did not note"
    )
    return parser


def _listing(sites: Sequence[Site], review: Review) -> Iterator[str]:
    for site in sites:
        entry = review.entries.get(site.key)
        if review.is_bug(site) or review.is_inside(site) or entry is None:
            continue
        yield _shown(site)
        yield f"    job: {entry.job}"
        yield f"    remedy: {entry.remedy}" if entry.remedy else f"    no remedy: {entry.no_remedy}"
    yield "\nNever shown, or passed on:"
    for site in sites:
        if review.is_inside(site):
            yield f"{_shown(site)}\n    {review.inside.get(site.kind) or review.entries[site.key].inside}"
    yield f"\n{BUGS}"
    yield from (_shown(site) for site in sites if review.is_bug(site))


def _shown(site: Site) -> str:
    return f"{site.path}:{site.line}: {site.kind}: {site.text!r}"


def _can_be_seen(site: Site, review: Review) -> bool:
    return site.is_run and not review.is_bug(site) and not review.is_inside(site)


if __name__ == "__main__":
    sys.exit(main())
