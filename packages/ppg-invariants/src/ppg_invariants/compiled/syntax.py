"""Syntax: hashes the syntax tree of a function; the hash is the same under every Python version.

Counted: the parameters (kinds, names) and the body. Names that Python mangles (``self.__x`` in a class) count
in their mangled form as well.

Left out: positions, docstrings, and the function's own name, decorators, annotations and default expressions.
The values of decorators and defaults count as captured values and defaults. Empty fields are left out, too,
so that a field that a newer Python adds does not matter.

Two functions with the same tree, captured names and level of optimisation do the same, whatever bytecode a
compiler makes of them.
"""

import ast
import re
import sys
import types

import xxhash

from ppg_invariants.values.encoding import Encoder

__all__ = ["FunctionNode", "syntax_digest", "without_docstring"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
_IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_MANGLED = re.compile(r"_[^\W\d_]\w*?__\w*")


def syntax_digest(node: FunctionNode, code: types.CodeType) -> bytes:
    """Return the hash (16 bytes) of the tree of a function, from which `code` was compiled."""
    arguments = ast.arguments(
        posonlyargs=_bare(node.args.posonlyargs),
        args=_bare(node.args.args),
        vararg=_bare([node.args.vararg])[0] if node.args.vararg else None,
        kwonlyargs=_bare(node.args.kwonlyargs),
        kw_defaults=[],
        kwarg=_bare([node.args.kwarg])[0] if node.args.kwarg else None,
        defaults=[],
    )
    body: object = node.body if isinstance(node, ast.Lambda) else without_docstring(node)
    content = (
        type(node).__name__,
        _plain(arguments),
        _plain(body),
        sorted(code.co_freevars),
        sorted(_mangled_names(code)),
        min(sys.flags.optimize, 1),
    )
    out = bytearray()
    _TreeEncoder().write(content, out)
    digest: bytes = xxhash.xxh3_128_digest(out)
    return digest


def without_docstring(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module,
) -> list[ast.stmt]:
    """Return the statements of a body without its docstring."""
    first = node.body[0] if node.body else None
    is_docstring = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return node.body[1:] if is_docstring else node.body


class _TreeEncoder(Encoder):
    """Tree encoder: encodes trees, which have no cycles and may nest deeper than data."""

    def _write_container(self, _container: object, body: object, out: bytearray) -> None:
        body(out)  # type: ignore[operator]


def _bare(arguments: list[ast.arg]) -> list[ast.arg]:
    return [ast.arg(arg=argument.arg) for argument in arguments]


def _plain(node: object) -> object:
    """Return the tree as nested lists of names and values."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, ast.AST):
        return node
    fields: list[object] = []
    for name in sorted(node._fields):
        value = getattr(node, name, None)
        if name == "body" and isinstance(node, _DOCUMENTED):
            value = without_docstring(node)
        elif name == "values" and isinstance(node, ast.JoinedStr):
            value = _joined(node.values)
        if name in _IGNORED_FIELDS:
            continue
        if isinstance(node, ast.Constant):
            fields.append((name, value))
        elif value is not None and value != []:
            if (
                isinstance(value, ast.JoinedStr) and not value.values
            ):  # f"{x:}": some versions leave this field out
                continue
            fields.append((name, _plain(value)))
    return [type(node).__name__, fields]


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string with adjacent texts merged, because versions split them differently."""
    merged: list[ast.expr] = []
    for part in values:
        last = merged[-1] if merged else None
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                merged[-1] = ast.Constant(last.value + part.value)
                continue
            if not part.value:
                continue
        merged.append(part)
    return merged


def _mangled_names(code: types.CodeType) -> set[str]:
    names = {
        name
        for name in (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars)
        if _MANGLED.fullmatch(name)
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _mangled_names(constant)
    return names
