"""Sites: finds the places in the packages' sources where a message to users gets its text.

A site is one of three:

- a call of an exception class, raised or not: `raise TypeError(...)`, `Failure(JobContractError(...))`;
- an argument that carries a text, as in `self._warn(...)`; `carriers` lists the callees;
- a text in an exception class (its `__init__` or `__str__`), or in a function or constant that `wording` lists.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Site", "Texts", "functions_of", "sites_of"]

_BUILTIN = {
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
_LITTLE = 40
"""Length of the short form of a text, in characters; it ends with a whole word."""


@dataclass(frozen=True)
class Texts:
    """Texts: says where messages get their texts, apart from exception classes.

    Attributes:
        carriers: calls that carry the text of a message, each with the position or name of that argument.
        wording: functions and constants, as `module:name`, with texts that are messages or parts of messages.
    """

    carriers: Mapping[str, int | str]
    wording: Collection[str]


@dataclass(frozen=True)
class Site:
    """Site: a place where a message gets its text.

    Attributes:
        key: module, function and a short form of the text; the line is no part of it.
        path, line: the place.
        kind: the class of the error, or the callee or function that carries the text.
        text: the template; `{name}` stands for what a run puts there, `(a | b)` for alternatives.
        start, end: of the expression in the file, as line and column in bytes.
        is_run: whether the expression is evaluated when the message is made, and not by the import.
    """

    key: str
    path: str
    line: int
    kind: str
    text: str
    start: tuple[int, int]
    end: tuple[int, int]
    is_run: bool


def exception_classes(trees: Sequence[ast.Module]) -> dict[str, set[str]]:
    """Return the names of all classes of exceptions that the trees define, each with its ancestors."""
    bases = {
        node.name: {_name(base) for base in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    named = {base for parents in bases.values() for base in parents if base.endswith(("Error", "Warning"))}
    found: dict[str, set[str]] = {name: set() for name in _BUILTIN | (named - bases.keys())}
    while True:
        new = {
            name: {parent for base in parents & found.keys() for parent in (base, *found[base])}
            for name, parents in bases.items()
            if parents & found.keys() and name not in found
        }
        if not new:
            return found
        found |= new


def sites_of(files: Sequence[Path], root: Path, texts: Texts) -> list[Site]:
    """Return the sites of these files, in the order of the files and lines; `root` makes paths relative."""
    trees = [ast.parse(file.read_bytes(), file) for file in files]
    exceptions = exception_classes(trees)
    constants = _constants(trees)
    found: list[Site] = []
    for file, tree in zip(files, trees, strict=True):
        reader = _Reader(_module(file), file.relative_to(root).as_posix(), exceptions, constants, texts)
        reader.visit(tree)
        found += reader.sites
    return found


def functions_of(files: Sequence[Path]) -> set[str]:
    """Return all functions, classes and constants of these files, as `module:name`."""
    found: set[str] = set()
    for file in files:
        module = _module(file)
        found |= {f"{module}:{name}" for name in _definitions(ast.parse(file.read_bytes(), file), "")}
    return found


def _definitions(tree: ast.AST, inside: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{inside}{node.name}"
            yield from _definitions(node, f"{inside}{node.name}.")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield f"{inside}{node.id}"
        else:
            yield from _definitions(node, inside)


def _module(file: Path) -> str:
    """Return the name of the module of a file below a folder `src`."""
    parts = file.with_suffix("").parts
    inside = parts[len(parts) - parts[::-1].index("src") :] if "src" in parts else parts[-1:]
    return ".".join(inside).removesuffix(".__init__")


def _constants(trees: Sequence[ast.Module]) -> dict[str, ast.expr]:
    """Return the text constants of all modules; a name with two meanings has none."""
    found: dict[str, ast.expr] = {}
    for tree in trees:
        for node in tree.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and _is_text(node.value)
            ):
                name = node.targets[0].id
                if name in found and ast.dump(found[name]) != ast.dump(node.value):
                    found[name] = ast.Name(name)
                else:
                    found[name] = node.value
    return {name: value for name, value in found.items() if _is_text(value)}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


class _Reader(ast.NodeVisitor):
    """Reader: walks one module, and knows in which class and function it is."""

    def __init__(
        self,
        module: str,
        path: str,
        exceptions: dict[str, set[str]],
        constants: dict[str, ast.expr],
        texts: Texts,
    ) -> None:
        self.sites: list[Site] = []
        self._module = module
        self._path = path
        self._exceptions = exceptions
        self._constants = constants
        self._texts = texts
        self._inside: list[str] = []
        self._classes: list[str] = []
        self._local: list[dict[str, list[ast.expr]]] = []
        self._times: Counter[str] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside.append(node.name)
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()
        self._inside.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside.append(node.name)
        self._local.append(_assigned(node))
        is_of_exception = bool(self._classes) and self._classes[-1] in self._exceptions
        if is_of_exception or self._is_wording(node.name, inside=True):
            self._add_outermost(self._classes[-1] if is_of_exception else node.name, node.body)
        self.generic_visit(node)
        self._local.pop()
        self._inside.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        if not self._inside and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if self._is_wording(name):
                self._add_outermost(name, [node.value], name)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if not self._inside and isinstance(node.target, ast.Name) and node.value is not None:
            name = node.target.id
            if self._is_wording(name):
                self._add_outermost(name, [node.value], name)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Note also a class that is raised without a call."""
        if isinstance(node.exc, ast.Name) and node.exc.id in self._exceptions:
            self._add(node.exc.id, [node.exc])
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        if name in self._exceptions or name == "BadParameter":
            self._add(name, [*node.args, *(keyword.value for keyword in node.keywords)], node)
        elif name in self._texts.carriers:
            text = _carried(node, self._texts.carriers[name])
            if text is not None and (_has_words(text) or not isinstance(text, ast.Constant)):
                self._add(name, [text])
        self.generic_visit(node)

    def _is_wording(self, name: str, *, inside: bool = False) -> bool:
        path = ".".join(self._inside) if inside else name
        return f"{self._module}:{path}" in self._texts.wording

    def _add_outermost(self, kind: str, nodes: Sequence[ast.AST], name: str = "") -> None:
        """Add the texts that are no part of another one, nor the text of a site of its own."""
        waiting = list(nodes)
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, ast.expr) and _has_words(node):
                if len(re.findall(r"[A-Za-z]{2,}", _without_placeholders(self._template(node)))) > 1:
                    self._add(kind, [node], name=name)
            elif not (
                (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
                or isinstance(node, ast.FunctionDef | ast.ClassDef | ast.JoinedStr)
                or (isinstance(node, ast.Call) and self._is_site(_name(node.func)))
            ):
                waiting[:0] = ast.iter_child_nodes(node)

    def _is_site(self, name: str) -> bool:
        return name in self._exceptions or name in self._texts.carriers

    def _add(self, kind: str, texts: list[ast.expr], at: ast.expr | None = None, name: str = "") -> None:
        text = ", ".join(filter(None, map(self._template, texts)))
        inside = name or ".".join(self._inside)
        key = f"{self._module}:{inside}: {_short(text)}"
        self._times[key] += 1
        if self._times[key] > 1:
            key += f" #{self._times[key]}"
        node = at or texts[0]
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        self.sites.append(
            Site(key, self._path, node.lineno, kind, text, start, end, is_run=bool(self._inside))
        )

    def _template(self, node: ast.expr, depth: int = 0) -> str:
        """Return a text with a placeholder for each part that only a run knows."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Constant(value=None):
                return ""
            case ast.JoinedStr(values=parts):
                return "".join(self._template(part, depth) for part in parts)
            case ast.FormattedValue(value=value):
                return self._template(value, depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right) if _has_words(node):
                return self._template(left, depth) + self._template(right, depth)
            case ast.IfExp(body=body, orelse=other) if _has_words(node):
                return f"({self._template(body, depth)} | {self._template(other, depth)})"
            case ast.BoolOp(op=ast.Or(), values=values) if _has_words(node):
                return f"({' | '.join(self._template(value, depth) for value in values)})"
            case ast.Name(id=name) if depth < 4 and name in self._constants:
                return self._template(self._constants[name], depth + 1)
            case ast.Name(id=name) if depth < 4 and self._local:
                texts = [text for text in self._local[-1].get(name, []) if _has_words(text)]
                if len(texts) == 1:
                    return self._template(texts[0], depth + 1)
                if texts:
                    return f"({' | '.join(self._template(text, depth + 1) for text in texts)})"
            case _:
                pass
        return "{" + ast.unparse(node) + "}"


def _carried(call: ast.Call, argument: int | str) -> ast.expr | None:
    if isinstance(argument, str):
        return next((keyword.value for keyword in call.keywords if keyword.arg in {argument, "cause"}), None)
    return call.args[argument] if len(call.args) > argument else None


def _assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """Return the values that the function assigns to each of its variables."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).append(value)
            case _:
                pass
    return found


def _has_words(node: ast.expr) -> bool:
    """Whether an expression has a literal text in it, apart from arguments of calls."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str) and bool(re.search("[A-Za-z]", value))
        case ast.JoinedStr(values=parts):
            return any(_has_words(part) for part in parts if isinstance(part, ast.Constant))
        case ast.BinOp(left=left, right=right):
            return _has_words(left) or _has_words(right)
        case ast.IfExp(body=body, orelse=other):
            return _has_words(body) or _has_words(other)
        case ast.BoolOp(values=values):
            return any(map(_has_words, values))
        case _:
            return False


def _without_placeholders(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", " ", text)


def _short(text: str) -> str:
    """Return the first words of a template; of one without words, its placeholders."""
    words = re.findall(r"[\w.()=/-]+", _without_placeholders(text)) or re.findall(r"[\w.]+", text)
    short = ""
    for word in words:
        if short and len(short) + len(word) >= _LITTLE:
            break
        short += f" {word}" if short else word
    return short
