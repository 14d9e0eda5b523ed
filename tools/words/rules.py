"""Rules: finds forbidden words and long sentences in passages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from words.passages import Passage

__all__ = ["FORBIDDEN", "MOST_WORDS", "Finding", "forbidden_words", "long_sentences"]

MOST_WORDS = 25
"""A sentence with more words than this is too long."""

SUBJECT = "name the subject: the node, the job, the caller"
SENDER = "name the sender and the message: the node reports, the evaluator receives"
OUTPUT = "write discard, suppress"
FAULT = "name the fault: damaged, incomplete, rejected"

FORBIDDEN = {
    "who": SUBJECT,
    "whoever": SUBJECT,
    "whom": SUBJECT,
    "whose": "name the owner: the files of the job, a terminal with a closed window",
    "somebody": SUBJECT,
    "someone": SUBJECT,
    "nobody": "name the subject and negate the verb: no job needs it",
    "anybody": SUBJECT,
    "anyone": SUBJECT,
    "shall": "write the present tense, or must",
    "anew": "write again",
    "mcp": "name the process: the main process, the controller",
    "no good": FAULT,
    "is told": SENDER,
    "are told": SENDER,
    "was told": SENDER,
    "all the same": "write still, or nevertheless",
    "what is more": "write also",
    "obey": "write carry out, or execute",
    "obeys": "write carries out, or executes",
    "deaf": "write that the node reads no messages",
    "bury": "write record the death, or remove",
    "muffle": OUTPUT,
    "how-manieth": "write the position, or the count",
    "whereabouts": "write the place, the path, or the role of the process",
    "garbage": "write unreachable objects; garbage collection and garbage collector may stay",
    "remnant": "name the thing: a process that a job left, a partial output",
    "remnants": "name the things: processes that a job left, partial outputs",
    "last words": "name the message: the final report, the last output",
}
"""The remedy for each forbidden word or phrase, in any case."""

_ALLOWED_AFTER = {"garbage": r"(?!\s+collect)"}
"""Terms of the field that begin with a forbidden word."""


@dataclass(frozen=True)
class Finding:
    """Finding: says what breaks which rule, where, and what to write instead."""

    path: str
    line: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}: {self.remedy}"


def forbidden_words(path: str, passages: Iterable[Passage]) -> list[Finding]:
    """Return each forbidden word or phrase, unless its line is exempt."""
    return [
        Finding(path, line, f'"{" ".join(found[0].split())}" in a {passage.kind}', FORBIDDEN[phrase])
        for passage in passages
        for phrase, pattern in _PATTERNS.items()
        for found in pattern.finditer(passage.text)
        for line in [passage.line_at(found.start())]
        if line not in passage.exempt
    ]


def long_sentences(path: str, passages: Iterable[Passage]) -> list[Finding]:
    """Return the long sentences of pages and of the docstrings of modules and classes."""
    return [
        Finding(
            path,
            line,
            f'{len(words)} words in the sentence "{" ".join(words[:4])} …"',
            f"split it; at most {MOST_WORDS} words",
        )
        for passage in passages
        if passage.has_sentences
        for start, text in _sentences(passage.text)
        for line in [passage.line_at(start)]
        for words in [[word for word in text.split() if any(map(str.isalnum, word))]]
        if len(words) > MOST_WORDS and line not in passage.exempt
    ]


def _pattern(phrase: str) -> re.Pattern[str]:
    """Return a pattern for the phrase, also across lines, but not inside `a.name` or `a_name`."""
    words = r"\s+".join(map(re.escape, phrase.split()))
    return re.compile(rf"(?<!\w)(?<!\w\.){words}(?!\w|\.\w){_ALLOWED_AFTER.get(phrase, '')}", re.IGNORECASE)


_PATTERNS = {phrase: _pattern(phrase) for phrase in FORBIDDEN}

_BLOCK_END = re.compile(
    r"\n[ \t]*\n"  # an empty line
    r"|\n(?=[ \t]*(?:[-*+]|\d+\.)[ \t])"  # the next item of a list
    r"|\n(?=[ \t]*\w+:[ \n])"  # a section of a docstring, or an entry of one
    r"|(?<=\|)\n|\n(?=[ \t]*\|)"  # a row of a table
    r"|\n(?=[ \t]*#)|(?:(?<=\n)|(?<=\A))[ \t]*#[^\n]*\n"  # a heading
)

_ITEM = re.compile(r"(?:[-*+]|\d+\.)\s+")

_SENTENCE_END = re.compile(r"""(?<=[.!?])["')*_]*\s+(?=["'(*_`\[]*[A-Z0-9\ufffc])""")


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Return each sentence with its offset; rows of tables hold none."""
    for block_start, block in _split(_BLOCK_END, text, 0):
        if not block.startswith("|"):
            marker = _ITEM.match(block)
            start = marker.end() if marker else 0
            yield from _split(_SENTENCE_END, block[start:], block_start + start)


def _split(pattern: re.Pattern[str], text: str, offset: int) -> Iterator[tuple[int, str]]:
    start = 0
    for end, following in [
        *((found.start(), found.end()) for found in pattern.finditer(text)),
        (len(text), 0),
    ]:
        part = text[start:end]
        yield offset + start + len(part) - len(part.lstrip()), part.strip()
        start = following
