"""Source: finds the exact source of a code object by position, and checks that it compiles to the same code.

The file on disk may have been edited after its import. Several lambdas may share a line. A decorator or a
test tool may have rewritten the code. So the file is parsed and compiled once, and the code object at the
same place is found in the result. Its bytecode must equal that of the function. Otherwise the function has no
source, and counts by its bytecode alone.
"""

import ast
import linecache
import textwrap
import types
import warnings
from typing import NamedTuple

from ppg_invariants.compiled.bytecode import bytecode_digest
from ppg_invariants.compiled.syntax import FunctionNode

__all__ = ["FoundSource", "find_source"]

_FUTURE_FLAGS = 0
for _name in ("annotations", "barry_as_FLUFL"):
    _FUTURE_FLAGS |= getattr(__import__("__future__"), _name).compiler_flag


_Extent = tuple[tuple[int, int], tuple[int, int]]
"""Begin and end: line (from 1) and column (bytes of UTF-8, from 0)."""


class FoundSource(NamedTuple):
    """Found source: holds the syntax tree and the text of one function."""

    node: FunctionNode
    text: str


class _ParsedFile(NamedTuple):
    lines: tuple[str, ...]
    codes: dict[tuple[str, int], list[types.CodeType]]
    """Code objects by name and first line."""
    nodes: list[FunctionNode]


_parsed: dict[tuple[str, int], _ParsedFile | None] = {}


def find_source(code: types.CodeType, digest: bytes) -> FoundSource | None:
    """Return tree and text of the function that `code` came from; None if no source compiles to it.

    `digest` is the bytecode digest of `code`.
    """
    parsed = _parse(code.co_filename, code.co_flags & _FUTURE_FLAGS)
    if parsed is None:
        return None
    extent = _extent(code)
    same_place = parsed.codes.get((code.co_name, code.co_firstlineno), [])
    for candidate in same_place:
        if _extent(candidate) == extent and bytecode_digest(candidate) == digest:
            node = _node_of(candidate, extent, parsed.nodes)
            return None if node is None else FoundSource(node, _text(node, parsed.lines))
    return None


def _parse(filename: str, flags: int) -> _ParsedFile | None:
    linecache.checkcache(filename)
    lines = tuple(linecache.getlines(filename))
    key = (filename, flags)
    known = _parsed.get(key)
    if known is not None and known.lines == lines:
        return known
    _parsed[key] = parsed = _compile(lines, filename, flags) if lines else None
    return parsed


def _compile(lines: tuple[str, ...], filename: str, flags: int) -> _ParsedFile | None:
    text = "".join(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the import of the file gave its warnings already
            tree = ast.parse(text, filename)
            module = compile(tree, filename, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    codes: dict[tuple[str, int], list[types.CodeType]] = {}
    waiting = [module]
    while waiting:
        code = waiting.pop()
        codes.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        waiting.extend(one for one in code.co_consts if isinstance(one, types.CodeType))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return _ParsedFile(lines, codes, nodes)


def _extent(code: types.CodeType) -> _Extent | None:
    """Return the first and last position (line, column in UTF-8 bytes) of the source of the instructions."""
    begin: tuple[int, int] | None = None
    end: tuple[int, int] | None = None
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if (line, column) == (end_line, end_column):
            continue  # the prologue has a position without extent
        begin = (line, column) if begin is None else min(begin, (line, column))
        end = (end_line, end_column) if end is None else max(end, (end_line, end_column))
    return None if begin is None or end is None else (begin, end)


def _node_of(
    code: types.CodeType,
    extent: _Extent | None,
    nodes: list[FunctionNode],
) -> FunctionNode | None:
    if code.co_name == "<lambda>":
        lambdas = [node for node in nodes if isinstance(node, ast.Lambda)]
        return _lambda_by_content(code, lambdas) if extent is None else _lambda_around(extent, lambdas)
    fitting_functions = [
        node
        for node in nodes
        if not isinstance(node, ast.Lambda)
        and node.name == code.co_name
        and min((node.lineno, *(decorator.lineno for decorator in node.decorator_list)))
        == code.co_firstlineno
    ]
    return fitting_functions[0] if len(fitting_functions) == 1 else None


def _lambda_around(extent: _Extent, lambdas: list[ast.Lambda]) -> ast.Lambda | None:
    """Return the innermost lambda with a body that contains the whole extent."""
    holding = []
    for node in lambdas:
        begin, end = _span(node.body)
        if begin <= extent[0] and extent[1] <= end:
            holding.append(node)
    return max(holding, key=_span, default=None)


def _lambda_by_content(code: types.CodeType, lambdas: list[ast.Lambda]) -> ast.Lambda | None:
    """Return the lambda on the first line of `code` that compiles to the same code; several such are alike.

    It serves lambdas without columns in their code: under Python 3.12, all that return a constant.
    """
    digest = bytecode_digest(code)
    for node in lambdas:
        if node.lineno == code.co_firstlineno:
            alone = compile(ast.Expression(node), code.co_filename, "eval", dont_inherit=True)
            if any(
                isinstance(one, types.CodeType) and bytecode_digest(one) == digest for one in alone.co_consts
            ):
                return node
    return None


def _span(node: ast.expr) -> _Extent:
    if node.end_lineno is None or node.end_col_offset is None:
        raise AssertionError("a parsed expression has an end")
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _text(node: FunctionNode, lines: tuple[str, ...]) -> str:
    """Return the source as written, with decorators, without the common indentation."""
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    first = min((node.lineno, *(decorator.lineno for decorator in decorators)))
    last = node.end_lineno
    if last is None:
        raise AssertionError("a parsed function has an end")
    if isinstance(node, ast.Lambda):
        text = ast.get_source_segment("".join(lines), node)
        if text is None:
            raise AssertionError("a parsed lambda has a source")
        return text + "\n"
    return textwrap.dedent("".join(lines[first - 1 : last]))
