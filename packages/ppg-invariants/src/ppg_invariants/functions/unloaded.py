"""Unloaded: stands in for a module of the project that is not imported, from its source, without running anything.

A job may import a module that the script never imports. The stand-in has the functions, plain classes, constants and
imports of the source as the import would make them. So a function has the same fingerprint before and after the import.

All other names are made by running statements: ``NAMES = read("names.txt")``, a decorated function, a name that is bound
twice. They count by the code of these statements. Statements that only run, or that call what the module defines, may
change everything, so they count for each name of the module. A module that such a module imports may change it, too: by a
decorator that enters functions into its table, or by ``module.NAME = 1``. Those statements are `Outward`.
"""

import ast
import builtins
import types
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Binding", "Outward", "StandIn", "Statements", "UnreadableError", "notes_subclasses", "stand_in"]

IMPORTING = "<import>"
"""The name under which a stand-in has the statements that count for each of its names."""


class Binding(NamedTuple):
    """Binding: stands for what an import in a module that is not loaded binds.

    Attributes:
        module: absolute name of the module.
        attribute: what is imported from it; None for the module itself.
    """

    module: str
    attribute: str | None


class Statements:
    """Statements: stands for a value that statements make when the module is imported."""

    def __init__(self, codes: list[types.CodeType]) -> None:
        self.codes: list[types.CodeType] = codes


class Outward(NamedTuple):
    """Outward: has a statement that may change other modules.

    Attributes:
        names: the names that it calls or changes; it counts if one is imported from the project. None if it always counts.
        bases: of a class: it counts if one is imported from the project, and takes note of its subclasses.
        made: the statement.
    """

    names: frozenset[str] | None
    bases: frozenset[str]
    made: Statements


class StandIn(NamedTuple):
    """Stand-in: stands for a module that is not imported.

    Attributes:
        module: has the names that the import would bind.
        stars: modules of which the module imports all public names.
        imported: what its import imports: modules, and names that may be modules in them.
        outward: its statements that may change other modules.
    """

    module: types.ModuleType
    stars: list[str]
    imported: list[Binding]
    outward: list[Outward]


class UnreadableError(Exception):
    """Unreadable error: the source cannot be compiled."""


_Definition = ast.FunctionDef | ast.AsyncFunctionDef


class _Maker:
    """Maker: fills the stand-in of one module."""

    def __init__(
        self, module: types.ModuleType, tree: ast.Module, code: types.CodeType, filename: str
    ) -> None:
        self._names = vars(module)
        self._filename = filename
        self._package = str(module.__package__)
        self._code = code
        self._flags = code.co_flags & _FUTURES
        self._made: dict[str, list[ast.stmt]] = {}
        self._effects: list[ast.stmt] = []
        self.stars: list[str] = []
        """Modules of which the module imports all public names."""
        self.imported: list[Binding] = []
        self.outward: list[Outward] = []
        for statement in tree.body:
            self._take(statement)
        defined = {name for name, made in self._made.items() if not all(map(_is_import, made))}
        for statement in tree.body:
            if _runs_own_code(statement, defined):
                self._effects.append(statement)
        for name, statements in self._made.items():
            self._names[name] = self._value(name, statements)
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef) and statement not in self._effects:
                bases = [self._names.get(name) for name in _names_in(statement.bases)]
                if any(isinstance(base, Statements) and notes_subclasses(base) for base in bases):
                    self._effects.append(statement)
        if self._effects:
            self._names[IMPORTING] = Statements([self._compiled(one) for one in self._effects])

    def _take(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.If) and _is_never_true(statement.test):
            for other in statement.orelse:
                self._take(other)
            return
        self._note_imports(statement)
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            self.stars.append(self._absolute(statement))
            return
        for name in _names_bound_by(statement):
            self._made.setdefault(name, []).append(statement)
        names: frozenset[str] | None = _names_changed_elsewhere(statement)
        bases = _names_in(statement.bases) if isinstance(statement, ast.ClassDef) else frozenset()
        if not isinstance(statement, _QUIET) and not _is_docstring(statement):
            self._effects.append(statement)
            names = None
        elif isinstance(statement, ast.Assign) and isinstance(
            statement.targets[0], (ast.Attribute, ast.Subscript)
        ):
            names = None  # of what, is not known: the name is bound by an import and by this statement
        if names is None or names or bases:
            self.outward.append(Outward(names, bases, Statements([self._compiled(statement)])))

    def _note_imports(self, statement: ast.stmt) -> None:
        waiting: list[ast.AST] = [statement]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import):
                self.imported += (Binding(alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                self.imported += (Binding(self._absolute(node), alias.name) for alias in node.names)
            elif not isinstance(node, (*_NESTED, ast.expr)):
                waiting.extend(ast.iter_child_nodes(node))

    def _value(self, name: str, statements: list[ast.stmt]) -> object:
        if len(statements) == 1:
            try:
                return self._plain_value(name, statements[0])
            except ValueError:
                pass  # it is no literal, or no plain definition
        return Statements([self._compiled(one) for one in statements])

    def _plain_value(self, name: str, statement: ast.stmt) -> object:
        """Return what the statement binds; raises ValueError if only running it would show that."""
        if isinstance(statement, _Definition):
            return self._function(statement, self._code, self._names)
        if isinstance(statement, ast.ClassDef):
            return self._class(statement)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            return self._binding(name, statement)
        return _assigned(statement)

    def _binding(self, name: str, statement: ast.Import | ast.ImportFrom) -> Binding:
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom):
                if (alias.asname or alias.name) == name:
                    return Binding(self._absolute(statement), alias.name)
            elif alias.asname == name:
                return Binding(alias.name, None)
        return Binding(name, None)

    def _absolute(self, statement: ast.ImportFrom) -> str:
        module = statement.module or ""
        if not statement.level:
            return module
        parts = self._package.split(".")
        return ".".join([*parts[: len(parts) - statement.level + 1], *([module] if module else [])])

    def _function(
        self, node: _Definition, inside: types.CodeType, names: dict[str, object]
    ) -> types.FunctionType:
        if node.decorator_list or getattr(node, "type_params", None):
            raise ValueError("decorated")
        (code,) = [
            one
            for one in inside.co_consts
            if isinstance(one, types.CodeType)
            and (one.co_name, one.co_firstlineno) == (node.name, node.lineno)
        ]
        made = types.FunctionType(
            code,
            names,
            node.name,
            tuple(map(ast.literal_eval, node.args.defaults)) or None,
            tuple(types.CellType() for _ in code.co_freevars),
        )
        keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        made.__kwdefaults__ = {
            argument.arg: ast.literal_eval(default) for argument, default in keywords if default is not None
        } or None
        return made

    def _class(self, node: ast.ClassDef) -> type:
        if node.decorator_list or node.keywords or getattr(node, "type_params", None):
            raise ValueError("decorated")
        bases = tuple(_builtin_class(base, self._made) for base in node.bases)
        (body,) = [
            one
            for one in self._code.co_consts
            if isinstance(one, types.CodeType)
            and (one.co_name, one.co_firstlineno) == (node.name, node.lineno)
        ]
        members: dict[str, object] = {"__module__": self._names["__name__"], "__qualname__": node.name}
        for statement in node.body:
            if _is_docstring(statement) or isinstance(statement, ast.Pass):
                continue
            if isinstance(statement, ast.AnnAssign) and statement.value is None:
                continue
            (name,) = _names_bound_by(statement)
            if name in members or (name.startswith("__") and name in _SPECIAL):
                raise ValueError("bound twice, or special")
            if isinstance(statement, _Definition):
                members[name] = self._function(statement, body, self._names)
            else:
                members[name] = _assigned(statement)
        return type(node.name, bases, members)

    def _compiled(self, statement: ast.stmt) -> types.CodeType:
        tree = ast.Module([statement], [])
        code: types.CodeType = compile(tree, self._filename, "exec", flags=self._flags, dont_inherit=True)
        return code


_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_FUTURES = 0x1000000  # from __future__ import annotations
_QUIET = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
    ast.Pass,
)
"""Statements that change nothing but the names that they bind, unless they call what the module defines."""
_SPECIAL = frozenset({"__slots__", "__init_subclass__", "__set_name__", "__class_getitem__", "__new__"})


def stand_in(name: str, filename: str, *, is_package: bool) -> StandIn:
    """Return a stand-in for a module.

    Raises UnreadableError if the source cannot be read or compiled.
    """
    module = types.ModuleType(name)
    module.__file__ = filename
    module.__package__ = name if is_package else name.rpartition(".")[0]
    try:
        with open(filename, "rb") as stream:  # noqa: PTH123 (as in `origin`)
            text = stream.read()
        tree = ast.parse(text, filename)
        code = compile(tree, filename, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        raise UnreadableError(str(error)) from error
    maker = _Maker(module, tree, code, filename)
    return StandIn(module, maker.stars, maker.imported, maker.outward)


def _names_bound_by(statement: ast.stmt) -> list[str]:
    """Return the global names that a statement binds or changes."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    names: dict[str, None] = {}
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names[name] = None
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                names.update(dict.fromkeys(_root_of(node)))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names[name] = None
                continue  # its body binds other names
            case ast.Import() | ast.ImportFrom():
                names.update(dict.fromkeys(_names_bound_by(node)))
            case ast.Lambda():
                continue
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                names[name] = None
            case _:
                pass
        waiting.extend(ast.iter_child_nodes(node))
    return list(names)


def _root_of(node: ast.AST) -> list[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return [node.id] if isinstance(node, ast.Name) else []


def _runs_own_code(statement: ast.stmt, defined: set[str]) -> bool:
    """Whether a definition or an assignment calls what the module defines, which may change everything."""
    if isinstance(statement, _Definition):
        parts: list[ast.AST] = [*statement.decorator_list, statement.args]
    elif isinstance(statement, ast.ClassDef):
        parts = [*statement.decorator_list, *statement.bases, *statement.keywords]
        parts += [one for one in statement.body if not isinstance(one, _Definition)]
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        parts = [] if statement.value is None else [statement.value]
        if any(_root_of(target) and not isinstance(target, ast.Name) for target in _targets(statement)):
            return True
    else:
        return False
    nodes = [node for part in parts for node in ast.walk(part)]
    is_called = any(isinstance(node, ast.Call) for node in nodes) or bool(
        getattr(statement, "decorator_list", ())
    )
    return is_called and any(isinstance(node, ast.Name) and node.id in defined for node in nodes)


def _names_changed_elsewhere(statement: ast.stmt) -> frozenset[str]:
    """Return the names by which a definition may change other modules."""
    parts: list[ast.AST] = []
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        parts += statement.decorator_list
    elif isinstance(statement, ast.ClassDef):
        parts += [*statement.decorator_list, *statement.keywords]
    return _names_in(parts)


def _names_in(parts: Iterable[ast.AST]) -> frozenset[str]:
    return frozenset(node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name))


def notes_subclasses(made: Statements) -> bool:
    """Whether these statements make a class that runs code for each of its subclasses."""
    for code in made.codes:
        inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
        keywords = [one for one in code.co_consts if isinstance(one, tuple) and "metaclass" in one]
        if any("__init_subclass__" in one.co_names for one in inner) or (
            keywords and "ABCMeta" not in code.co_names
        ):
            return True
    return False


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _assigned(statement: ast.stmt) -> object:
    """Return the literal that a statement assigns to one name; raises ValueError if it does not."""
    match statement:
        case ast.Assign(targets=[ast.Name()], value=value):
            return ast.literal_eval(value)
        case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
            return ast.literal_eval(value)
        case _:
            raise ValueError("no literal")


def _builtin_class(node: ast.expr, made: dict[str, list[ast.stmt]]) -> type:
    found = getattr(builtins, node.id, None) if isinstance(node, ast.Name) and node.id not in made else None
    if not isinstance(found, type):
        raise ValueError("a base that is not built in")  # noqa: TRY004 (the caller takes it for no plain definition)
    return found


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_never_true(test: ast.expr) -> bool:
    """Whether a condition is false in an import: ``TYPE_CHECKING`` and ``__name__ == "__main__"``."""
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
