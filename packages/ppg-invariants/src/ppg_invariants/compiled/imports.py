"""Imports: finds the modules that the code of a function imports, and what the code uses of them.

The statements ``import a.b``, ``import a as b`` and ``from a import b`` count, and so do calls of
``importlib.import_module`` and ``__import__`` with a constant name. A variable that holds a module leads to the
attributes that the code, or code nested in it, reads from this variable. A module that goes elsewhere, as into another
function, or that the code never uses, counts as a whole.
"""

import dis
import types
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["WHOLE", "Import", "imports_in"]

WHOLE = "*"
"""In the place of an attribute: the module as a whole; nothing more if it is no module."""

_OPTIMIZED = 0x1
_IMPORT = dis.opmap["IMPORT_NAME"]
_CALLED = frozenset({"import_module", "__import__"})
_BESIDE = frozenset({"PUSH_NULL", "PRECALL", "CACHE", "NOP", "EXTENDED_ARG", "RESUME", "NOT_TAKEN"})
_AS = frozenset({"IMPORT_FROM", "SWAP", "POP_TOP", "ROT_TWO"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_CALLS = frozenset({"CALL", "CALL_FUNCTION", "CALL_METHOD"})


class Import(NamedTuple):
    """Import: names a module that code imports, and what the code uses of it.

    Attributes:
        level: number of leading dots.
        module: its name; empty if the name is made at run time.
        chain: the attributes, one of the other, which the code reads from the module. After the last one there is
            `WHOLE` if the code goes on with what it has read, which may be a module.
        is_optional: whether the code goes on without the module.
    """

    level: int
    module: str
    chain: tuple[str, ...]
    is_optional: bool = False


class _Bound(NamedTuple):
    """Bound: what a variable holds after an import, and the import that counts if the variable is never used."""

    imported: Import
    unused: Import


def imports_in(code: types.CodeType) -> tuple[Import, ...]:
    """Return the imports in code and in its nested code, sorted."""
    parts = list(_nested(code))
    if not any(_may_import(part) for part in parts):
        return ()
    found: set[Import] = set()
    variables: dict[str, list[_Bound]] = {}
    instructions = [_kept(part) for part in parts]
    for part, kept in zip(parts, instructions, strict=True):
        _bind(part, kept, variables, found)
    used: set[_Bound] = set()
    for part, kept in zip(parts, instructions, strict=True):
        for index, instruction in enumerate(kept):
            for name in _loaded(instruction, part):
                chain = _chain_after(kept, index)
                for bound in variables.get(name, ()):
                    used.add(bound)
                    found.add(bound.imported._replace(chain=(*bound.imported.chain, *chain, WHOLE)))
    for bounds in variables.values():
        found.update(bound.unused for bound in bounds if bound not in used)
    return tuple(sorted(found))


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    waiting = [code]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(constant for constant in one.co_consts if isinstance(constant, types.CodeType))


def _may_import(code: types.CodeType) -> bool:
    return _IMPORT in code.co_code[::2] or not _CALLED.isdisjoint((*code.co_names, *code.co_freevars))


def _kept(code: types.CodeType) -> list[dis.Instruction]:
    return [one for one in dis.get_instructions(code) if one.opname not in _BESIDE]


def _bind(
    code: types.CodeType,
    kept: list[dis.Instruction],
    variables: dict[str, list[_Bound]],
    found: set[Import],
) -> None:
    """Enter the variables that hold modules, or what was imported from them; add the imports without a variable."""
    guarded = [(entry.start, entry.end) for entry in dis.Bytecode(code).exception_entries]  # type: ignore[attr-defined,unused-ignore]
    for index, instruction in enumerate(kept):
        is_optional = any(begin <= instruction.offset < end for begin, end in guarded)
        if instruction.opcode == _IMPORT:
            level, names = kept[index - 2].argval, kept[index - 1].argval
            module = str(instruction.argval)
            whole = Import(int(level or 0), module, (WHOLE,), is_optional)
            if not code.co_flags & _OPTIMIZED and not names:
                found.add(whole)  # a class, or a module, has it as an attribute
            after = index + 1
            if names:
                found.update(whole._replace(chain=(name,)) for name in names if name != WHOLE)
                for following in range(after, len(kept)):
                    if kept[following].opname == "IMPORT_FROM":
                        bound = whole._replace(chain=(str(kept[following].argval),))
                        _enter(kept, following + 1, _Bound(bound, bound), variables)
                    elif kept[following].opname == "POP_TOP":
                        break
                if names == (WHOLE,):
                    found.add(whole)
                continue
            is_top = kept[after].opname.startswith("STORE")
            while after < len(kept) and kept[after].opname in _AS:
                after += 1
            held = Import(whole.level, module.partition(".")[0] if is_top else module, (), is_optional)
            if not _enter(kept, after, _Bound(held, whole), variables):
                found.add(whole)
        elif instruction.argval in _CALLED and instruction.opname.startswith("LOAD_"):
            _bind_call(kept, index, variables, found, is_optional)


def _bind_call(
    kept: list[dis.Instruction],
    index: int,
    variables: dict[str, list[_Bound]],
    found: set[Import],
    is_optional: bool,
) -> None:
    """Do the same for a call of ``import_module`` or ``__import__``."""
    arguments: list[object] = []
    after = index + 1
    while after < len(kept) and kept[after].opname in ("LOAD_CONST", "LOAD_GLOBAL", "LOAD_NAME"):
        is_constant = kept[after].opname == "LOAD_CONST"
        arguments.append(kept[after].argval if is_constant else None)
        after += 1
    name = arguments[0] if arguments else None
    if not isinstance(name, str) or after >= len(kept) or kept[after].opname not in _CALLS:
        found.add(Import(0, "", (WHOLE,), is_optional))
        return
    level = len(name) - len(name.lstrip("."))
    package = arguments[1] if len(arguments) > 1 else None
    if level and isinstance(package, str):
        parts = package.split(".")
        name, level = ".".join((*parts[: len(parts) - level + 1], name.lstrip("."))), 0
    name = name[level:]
    held = name.partition(".")[0] if kept[index].argval == "__import__" else name
    imported, whole = Import(level, held, (), is_optional), Import(level, name, (WHOLE,), is_optional)
    chain = _chain_after(kept, after)
    if chain:
        found.add(imported._replace(chain=(*chain, WHOLE)))
    elif not _enter(kept, after + 1, _Bound(imported, whole), variables):
        found.add(whole)


def _enter(
    kept: list[dis.Instruction], index: int, bound: _Bound, variables: dict[str, list[_Bound]]
) -> bool:
    """Enter the variable that an instruction stores to; return whether it stores."""
    if index >= len(kept) or not kept[index].opname.startswith("STORE_"):
        return False
    instruction = kept[index]
    if instruction.opname in ("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE"):
        return False
    name = instruction.argval[0] if isinstance(instruction.argval, tuple) else instruction.argval
    bounds = variables.setdefault(str(name), [])
    if bound not in bounds:
        bounds.append(bound)
    return True


def _loaded(instruction: dis.Instruction, code: types.CodeType) -> tuple[str, ...]:
    """Return the variables of which an instruction loads the values."""
    opname, names = instruction.opname, instruction.argval
    if "LOAD_FAST" in opname:
        if opname.startswith("STORE_FAST_"):
            names = names[1]
        names = names if isinstance(names, tuple) else (names,)
        # A cell that a nested function gets is loaded in this way, too.
        return tuple(name for name in names if name not in code.co_cellvars and name not in code.co_freevars)
    if opname in ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_NAME", "LOAD_GLOBAL") or opname.startswith(
        "LOAD_FROM_DICT"
    ):
        return (str(names),)
    return ()


def _chain_after(kept: list[dis.Instruction], index: int) -> tuple[str, ...]:
    """Return the attributes that the next instructions read."""
    chain: list[str] = []
    for instruction in kept[index + 1 :]:
        if instruction.opname not in _ATTRIBUTES:
            break
        chain.append(str(instruction.argval))
    return tuple(chain)
