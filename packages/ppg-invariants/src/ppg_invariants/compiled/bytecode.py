"""Bytecode: hashes the structure of a code object, that is, the compiler's result for a function.

Counted:

- the instructions with their operands resolved: names instead of indices into name tables, constants with
  their types, jumps as instruction indices;
- the ranges of exception handlers;
- the kinds, number and names of the parameters, and whether the function is a generator or a coroutine;
- nested code objects, in the same way.

Not counted: names of the function, its class and its file, line numbers, docstrings, inline caches, prefixes
for long operands, padding instructions. No instruction loads the docstring of a function. An instruction
stores the docstring of a class, and is left out. So are the instructions for a class body's qualified name
and line.

Bytecode differs between Python versions. Within one version, the layout of the source can change where the
compiler merges blocks. `syntax` solves both.
"""

import dis
import types

import xxhash

from ppg_invariants.values.encoding import Encoder

__all__ = ["bytecode_digest", "global_references"]

_FLAGS = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x80 | 0x100 | 0x200
"""optimized, newlocals, *args, **kwargs, generator, coroutine, iterable coroutine, async generator"""

_OPTIMIZED = 0x1
_SKIPPED = frozenset({"EXTENDED_ARG", "NOP", "CACHE"})
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_CONSTANTS = frozenset(dis.hasconst)
_NAMED = frozenset(dis.hasname) | frozenset(dis.haslocal) | frozenset(dis.hasfree) | frozenset(dis.hascompare)
_CLASS_NOTES = frozenset({"__qualname__", "__doc__", "__firstlineno__", "__static_attributes__"})


class _ConstantEncoder(Encoder):
    """Constant encoder: encodes the constants of a code object, which are plain data or code."""

    def write_other(self, value: object, out: bytearray) -> None:
        if isinstance(value, types.CodeType):
            out += b"C"
            out += bytecode_digest(value)
        else:
            super().write_other(value, out)


def bytecode_digest(code: types.CodeType) -> bytes:
    """Return the hash (16 bytes) of the structure of `code`; see the module docstring."""
    instructions, indices = _instructions(code)
    out = bytearray()
    constants = _ConstantEncoder()
    constants.write(
        (
            code.co_flags & _FLAGS,
            code.co_argcount,
            code.co_posonlyargcount,
            code.co_kwonlyargcount,
            _parameter_names(code),
            len(instructions),
        ),
        out,
    )
    for instruction in instructions:
        constants.write(instruction.opname, out)
        if instruction.opcode in _CONSTANTS:
            constants.write(_constant(instruction, code), out)
        elif instruction.opcode in _JUMPS:
            constants.write(indices[instruction.argval], out)
        elif instruction.opcode in _NAMED:
            constants.write(instruction.argrepr, out)  # the name, and whether it is called as a method
        else:
            constants.write(instruction.arg, out)
    constants.write(_handlers(code, indices), out)
    digest: bytes = xxhash.xxh3_128_digest(out)
    return digest


def global_references(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """Return the global names that the code and its nested code read, with the attributes read from them."""
    found: set[tuple[str, ...]] = set()
    waiting = [code]
    while waiting:
        one = waiting.pop()
        waiting.extend(constant for constant in one.co_consts if isinstance(constant, types.CodeType))
        chain: tuple[str, ...] = ()
        for instruction in _instructions(one)[0]:
            if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and chain:
                chain = (*chain, str(instruction.argval))
                continue
            if chain:
                found.add(chain)
            is_global = instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
            chain = (str(instruction.argval),) if is_global else ()
        if chain:
            found.add(chain)
    return tuple(sorted(found))


def _constant(instruction: dis.Instruction, code: types.CodeType) -> object:
    """Return the constant that an instruction refers to; Python 3.11 does not resolve that of KW_NAMES."""
    if instruction.opname == "KW_NAMES" and instruction.arg is not None:
        return code.co_consts[instruction.arg]
    return instruction.argval


def _instructions(code: types.CodeType) -> tuple[list[dis.Instruction], dict[int, int]]:
    """Return the counted instructions, and by offset the index of the first of them at or after it."""
    is_class_body = not code.co_flags & _OPTIMIZED
    kept: list[dis.Instruction] = []
    pending: list[int] = []
    indices: dict[int, int] = {}
    for instruction in dis.get_instructions(code):
        pending.append(instruction.offset)
        if instruction.opname in _SKIPPED:
            continue
        if is_class_body and instruction.opname == "STORE_NAME" and instruction.argval in _CLASS_NOTES:
            kept.pop()  # the instruction before it loads the constant that it stores
            continue
        for offset in pending:
            indices[offset] = len(kept)
        pending.clear()
        kept.append(instruction)
    for offset in (*pending, len(code.co_code)):
        indices[offset] = len(kept)
    return kept, indices


def _handlers(code: types.CodeType, indices: dict[int, int]) -> tuple[tuple[int, int, int, int, bool], ...]:
    """Return the exception handlers: begin and end of the guarded range, target, stack depth, lasti."""
    handlers: list[tuple[int, int, int, int, bool]] = []
    for entry in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined,unused-ignore]
        begin, end = _index_at(entry.start, indices), _index_at(entry.end, indices)
        target = _index_at(entry.target, indices)
        if begin == end:
            continue
        if handlers and handlers[-1][1:] == (begin, target, entry.depth, entry.lasti):
            begin = handlers.pop()[0]
        handlers.append((begin, end, target, entry.depth, entry.lasti))
    return tuple(handlers)


def _index_at(offset: int, indices: dict[int, int]) -> int:
    """Return the index of the first counted instruction at or after `offset`, even within inline caches."""
    while offset not in indices:
        offset += 2
    return indices[offset]


def _parameter_names(code: types.CodeType) -> tuple[str, ...]:
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x4) + bool(code.co_flags & 0x8)
    return code.co_varnames[:count]
