"""Entries: what reviewers wrote about the messages, and whether it fits the sources."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from messages.sites import Texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from messages.sites import Site

__all__ = ["ADDED_BY", "ENTRIES", "NO_JOB", "EntriesError", "Entry", "Review", "findings"]

ENTRIES = Path(__file__).with_name("messages.toml")

NO_JOB = "not about a job"
ADDED_BY = "added by "

_FIELDS = {"job", "remedy", "no_remedy", "inside"}


class EntriesError(Exception):
    """The file of the entries cannot be used."""


@dataclass(frozen=True)
class Entry:
    """Entry: says of one message which job it names, and what its remedy is.

    Attributes:
        job: a part of the text that names the job; `NO_JOB`; or `ADDED_BY` and the function that adds the name.
        remedy: a part of the text that says what to do.
        no_remedy: why there is none.
        inside: why users never see the text, or see it where another entry has it; then the rest is empty.
    """

    job: str = ""
    remedy: str = ""
    no_remedy: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Review:
    """Review: holds all that the file of the entries says.

    Attributes:
        texts: where messages get their texts.
        bugs: classes of errors that are bugs of ppg, each with the kind of bug.
        inside: classes that users never see, each with the reason.
        entries: by key of the message.
    """

    texts: Texts
    bugs: Mapping[str, str]
    inside: Mapping[str, str]
    entries: Mapping[str, Entry]

    @classmethod
    def read(cls, file: Path) -> Review:
        """Read the file; raises EntriesError if it cannot be understood."""
        try:
            content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EntriesError(f"{file} cannot be read: {error}") from None
        entries: dict[str, Entry] = {}
        for place, messages in content.get("messages", {}).items():
            for short, fields in messages.items():
                unknown = sorted(set(fields) - _FIELDS)
                if unknown:
                    raise EntriesError(f"{file}: {place}: {short}: no such fields: {', '.join(unknown)}")
                entries[f"{place}: {short}"] = Entry(**fields)
        return cls(
            Texts(content.get("carriers", {}), content.get("wording", [])),
            content.get("bugs", {}),
            content.get("inside", {}),
            entries,
        )

    def is_bug(self, site: Site) -> bool:
        """Whether the message of a site is that of a bug of ppg."""
        return site.kind in self.bugs

    def is_inside(self, site: Site) -> bool:
        """Whether users never see the text of a site, or not there."""
        entry = self.entries.get(site.key)
        return site.kind in self.inside or (entry is not None and bool(entry.inside))


def findings(sites: Sequence[Site], review: Review, definitions: Collection[str]) -> list[str]:
    """Return what is wrong: gaps, stale entries, and entries that do not fit their messages.

    Parameters:
        sites: of the sources.
        review: the entries.
        definitions: all functions, classes and constants of the sources, as `module:name`.
    """
    of_messages = [site for site in sites if site.kind not in review.bugs and site.kind not in review.inside]
    found = []
    for site in of_messages:
        place = f"{site.path}:{site.line}"
        if site.key not in review.entries:
            found.append(f'{place}: gap: no entry for "{site.key}": {site.text!r}')
        else:
            wrong = _misfits(site, review.entries[site.key], definitions)
            found += [f'{place}: "{site.key}": {problem}' for problem in wrong]
    keys = {site.key for site in of_messages}
    found += [f'stale: no message has the key "{key}"' for key in review.entries if key not in keys]
    kinds = {site.kind for site in sites}
    classes = [*review.bugs, *review.inside, *review.texts.carriers]
    found += [f"stale: nothing raises or calls {name}" for name in classes if name not in kinds]
    found += [
        f"stale: there is no {name}" for name in sorted(review.texts.wording) if name not in definitions
    ]
    return found


def _misfits(site: Site, entry: Entry, definitions: Collection[str]) -> Iterable[str]:
    if entry.inside:
        if entry.job or entry.remedy or entry.no_remedy:
            yield "it is inside, so that it needs neither job nor remedy"
        return
    yield from _misfits_of_job(site, entry.job, definitions)
    if bool(entry.remedy) == bool(entry.no_remedy):
        yield "say either remedy or no_remedy"
    elif entry.remedy not in site.text:
        yield f"the remedy {entry.remedy!r} is no part of {site.text!r}"


def _misfits_of_job(site: Site, job: str, definitions: Collection[str]) -> Iterator[str]:
    if not job:
        yield f'say which part of it names the job, or "{NO_JOB}"'
    elif job.startswith(ADDED_BY):
        if job.removeprefix(ADDED_BY) not in definitions:
            yield f"there is no {job.removeprefix(ADDED_BY)}, which adds the name of the job"
    elif job != NO_JOB and job not in site.text:
        yield f"the job {job!r} is no part of {site.text!r}"
