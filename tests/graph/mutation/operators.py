"""Small changes to a module's code, each of which some test should notice."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


@dataclass(frozen=True)
class Mutant:
    line: int
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    places = [node for node in ast.walk(tree) if not isinstance(node, ast.Module)]
    skipped = _skipped(tree)
    found: list[Mutant] = []
    for number, node in enumerate(places):
        if id(node) in skipped:
            continue
        for choice in range(_choices(node)):
            changed = copy.deepcopy(tree)
            target = [other for other in ast.walk(changed) if not isinstance(other, ast.Module)][number]
            replacement, what = _mutate(target, choice)
            if replacement is not target:
                _replace(changed, target, replacement)
            line = getattr(node, "lineno", 0)
            found.append(Mutant(line, what, ast.unparse(ast.fix_missing_locations(changed))))
    yield from sorted(found, key=lambda mutant: mutant.line)


def _skipped(tree: ast.Module) -> set[int]:
    """Code that makes no decision: docstrings, messages, annotations, tables of names, claims that cannot fail."""
    skipped: set[int] = set()

    def skip(node: ast.AST | None) -> None:
        if node is not None:
            skipped.update(id(inner) for inner in ast.walk(node))

    for node in ast.walk(tree):
        match node:
            case ast.Raise() | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
                skip(node)
            case ast.Expr(value=ast.Constant()):
                skip(node)
            case ast.AnnAssign():
                skip(node.annotation)
            case ast.FunctionDef():
                skip(node.args)
                skip(node.returns)
                for decorator in node.decorator_list:
                    skip(decorator)
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("__") or name.isupper():
                skip(node)
            case ast.If() if any(
                isinstance(inner, ast.Raise) and "InternalError" in ast.dump(inner) for inner in node.body
            ):
                skip(node.test)
            case ast.ClassDef():
                for base in node.bases:
                    skip(base)
            case _:
                pass
    return skipped


def _choices(node: ast.AST) -> int:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _SWAPS:
            return 1
        case ast.BoolOp():
            return 1 + len(node.values)
        case ast.UnaryOp(op=ast.Not()):
            return 1
        case ast.If() | ast.IfExp() | ast.While():
            return 1
        case ast.Constant(value=bool() | int()):
            return 1
        case ast.BinOp(op=op) if type(op) in _SWAPS:
            return 1
        case ast.AugAssign(op=op) if type(op) in _SWAPS:
            return 2
        case ast.Expr(value=ast.Call()) | ast.Continue() | ast.Return(value=None):
            return 1
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            return 1
        case _:
            return 0


def _mutate(node: ast.AST, choice: int) -> tuple[ast.AST, str]:
    old = ast.unparse(node).splitlines()[0]
    match node:
        case ast.Compare():
            node.ops[0] = _SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
        case ast.BoolOp():
            if choice == 0:
                node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
            else:
                del node.values[choice - 1]
                if len(node.values) == 1:
                    return node.values[0], f"{old}  →  {ast.unparse(node.values[0])}"
        case ast.UnaryOp():
            return node.operand, f"{old}  →  {ast.unparse(node.operand)}"
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Constant():
            node.value = (
                not node.value
                if isinstance(node.value, bool)
                else 1 - node.value
                if node.value in (0, 1)
                else node.value + 1
            )
        case ast.BinOp():
            node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
        case ast.AugAssign() if choice == 0:
            node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
        case _:
            return ast.Pass(), f"{old}  →  nothing"
    return node, f"{old}  →  {ast.unparse(node).splitlines()[0]}"


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if item is old else item for item in value]
