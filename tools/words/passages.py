"""Passages: reads the texts of Python files and pages, and keeps the line of every character.

A placeholder stands for code in backticks and fenced blocks, so that code holds no words and joins none.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Passage", "PathError", "files_of", "names_of", "passages_of"]

DEFAULT = ("packages/*/src/**/*.py", "docs/*.md", "README.md", "CONTRIBUTING.md", "packages/*/README.md")
"""What the command reads if its caller names no paths."""

NAMES_ONLY = "tests/**/*.py"
"""Where the command then reads only the names of functions and classes."""

EXEMPT_PAGE = "CHANGELOG.md"

_MARKER = re.compile(r"#\s*words:\s*\S")
_FENCED = re.compile(r"^([ \t]*)(`{3,}|~{3,}).*?^\1\2[ \t]*$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)\1(?!`)", re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^()\s]*\)")
_BETWEEN_WORDS = re.compile(r"_+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ESCAPE = re.compile(r"\\[^\n]")
_CODE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""What stands for a character of code."""
_F_STRING_PARTS: dict[int, str] = {
    getattr(tokenize, f"FSTRING_{part}"): part
    for part in ("START", "MIDDLE", "END")
    if hasattr(tokenize, f"FSTRING_{part}")
}
"""The tokens of an f-string since Python 3.12; before, it is one STRING."""
_BETWEEN_LITERALS = {tokenize.NL, tokenize.COMMENT}


class PathError(Exception):
    """PathError: says that a path cannot be read."""


@dataclass(frozen=True)
class Passage:
    """Passage: holds one text, the line on which each of its pieces starts, and the lines that are exempt."""

    kind: str
    pieces: tuple[tuple[int, str], ...]
    has_sentences: bool = False
    exempt: frozenset[int] = frozenset()

    @property
    def text(self) -> str:
        """Return the pieces as one text, without code."""
        return _without_code("".join(text for _, text in self.pieces))

    def line_at(self, offset: int) -> int:
        """Return the line of the file that holds a character of the text."""
        starts = [0]
        for _, text in self.pieces[:-1]:
            starts.append(starts[-1] + len(text))
        number = bisect_right(starts, offset) - 1
        line, text = self.pieces[number]
        return line + text.count("\n", 0, offset - starts[number])


def files_of(paths: Iterable[Path], root: Path) -> list[Path]:
    """Return the Python files and pages at the paths, or else those of the root; changelogs are exempt."""
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise PathError(f"{path} does not exist")
        found.update([path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.md")])
    if not paths:
        found.update(file for pattern in (*DEFAULT, NAMES_ONLY) for file in root.glob(pattern))
    return sorted(file for file in found if file.name != EXEMPT_PAGE)


def passages_of(file: Path) -> list[Passage]:
    """Return the texts of a Python file with its names, or the prose of a page."""
    text = _read(file)
    if file.suffix != ".py":
        return [Passage("page", ((1, text),), has_sentences=True)]
    tokens, tree = _parsed(file, text)
    marked = _marked(tokens)
    return [
        *_comments(tokens, marked),
        *_strings(tokens, dict(_docstrings(tree)), marked),
        *_names(tree, marked),
    ]


def names_of(file: Path) -> list[Passage]:
    """Return the names of the functions and classes that a Python file defines, as separate words."""
    tokens, tree = _parsed(file, _read(file))
    return list(_names(tree, _marked(tokens)))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PathError(f"{file} cannot be read: {error}") from error


def _parsed(file: Path, text: str) -> tuple[list[tokenize.TokenInfo], ast.Module]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(text).readline)), ast.parse(text)
    except (SyntaxError, tokenize.TokenError) as error:
        raise PathError(f"{file} is not valid Python: {error}") from error


def _marked(tokens: list[tokenize.TokenInfo]) -> frozenset[int]:
    """Return the lines with a marker."""
    return frozenset(token.start[0] for token in tokens if _is_marker(token))


def _without_code(text: str) -> str:
    for pattern in (_FENCED, _SPAN, _TARGET):
        text = pattern.sub(lambda found: re.sub(r"[^\n]", _CODE, found[0]), text)
    return text


def _is_marker(token: tokenize.TokenInfo) -> bool:
    return token.type == tokenize.COMMENT and _MARKER.search(token.string) is not None


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, bool]]:
    """Return the first line of each docstring, and whether it is that of a module or class."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.lineno, isinstance(node, (ast.Module, ast.ClassDef))


def _names(tree: ast.Module, marked: frozenset[int]) -> Iterator[Passage]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            kind = "class name" if isinstance(node, ast.ClassDef) else "function name"
            yield Passage(kind, ((node.lineno, _BETWEEN_WORDS.sub(" ", node.name)),), exempt=marked)


def _comments(tokens: list[tokenize.TokenInfo], marked: frozenset[int]) -> Iterator[Passage]:
    """Return the comments; those on lines of their own, one below the other, are one text."""
    pieces: list[tuple[int, str]] = []
    last_alone = 0
    for token in tokens:
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            is_alone = not token.line[: token.start[1]].strip()
            if pieces and not (is_alone and line == last_alone + 1):
                yield Passage("comment", tuple(pieces), exempt=marked)
                pieces = []
            pieces.append((line, f"{token.string.lstrip('#')}\n"))
            last_alone = line if is_alone else 0
    if pieces:
        yield Passage("comment", tuple(pieces), exempt=marked)


def _strings(
    tokens: list[tokenize.TokenInfo], docstrings: dict[int, bool], marked: frozenset[int]
) -> Iterator[Passage]:
    """Return the strings; adjacent literals are one text. A marker behind a literal exempts its lines."""
    pieces: list[tuple[int, str]] = []
    exempt = marked
    depth = 0
    for token in tokens:
        part = _F_STRING_PARTS.get(token.type)
        depth += (part == "START") - (part == "END")
        if token.type == tokenize.STRING or part is not None:
            pieces += _pieces(token)
            if token.end[0] in marked:
                exempt = exempt.union(range(token.start[0], token.end[0] + 1))
        elif depth:
            pieces.append((token.start[0], _CODE))
        elif pieces and token.type not in _BETWEEN_LITERALS:
            line = pieces[0][0]
            kind = "docstring" if line in docstrings else "string"
            yield Passage(kind, tuple(pieces), docstrings.get(line, False), exempt)
            pieces, exempt = [], marked


def _pieces(token: tokenize.TokenInfo) -> list[tuple[int, str]]:
    """Return the texts of a literal; an escape becomes blanks, and an expression in an f-string code."""
    line = token.start[0]
    if token.type != tokenize.STRING:
        text = token.string if _F_STRING_PARTS[token.type] == "MIDDLE" else ""
        return [(line, _ESCAPE.sub("  ", text))]
    opening = re.match(r"""([a-zA-Z]*)('{3}|"{3}|'|")""", token.string)
    if opening is None:
        return []
    prefix = opening[1].lower()
    if "f" in prefix:
        return [(line, text) for text in _f_string_texts(ast.parse(token.string, mode="eval"))]
    text = token.string[opening.end() : -len(opening[2])]
    return [(line, text if "r" in prefix else _ESCAPE.sub("  ", text))]


def _f_string_texts(node: ast.AST) -> Iterator[str]:
    """Return the texts of an f-string that is one token (Python 3.11), with those in its expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
        elif isinstance(child, ast.FormattedValue):
            yield from (_CODE, *_f_string_texts(child), _CODE)
        else:
            yield from _f_string_texts(child)
