"""What code refers to by name: the functions, classes and constants of the user's project.

A function's own code says ``helpers.clean(x)``; what ``clean`` does stands elsewhere. With a `Follow`, fingerprints
of functions also contain what their global names lead to, recursively:

- functions and classes of the project, by their code;
- what is installed (in site-packages) by name and by the version of its distribution; Python itself not at all;
- constants: numbers, strings, bytes, None, and tuples and frozensets of these;
- modules of the project, by the attributes that the code reads from them, as far as the code says so plainly
  (``helpers.clean``, not ``getattr(helpers, name)``).

Other values of globals (lists, dicts, instances) do not count: a program changes them as it runs, and then no
fingerprint would stay. Neither do modules that nobody has imported yet, methods of objects that the function is
given, or names that are made up at run time. Parts without comparable content count by their type.

Names are looked up when the fingerprint is made. One `Follow` belongs to one moment: it remembers what it found.

What a function leads to can be long, and go in circles; so it is not nested but listed. Every function or class
that is reached is an *item*, encoded once for all that lead to it. The references of a function are the items
that can be reached, breadth first, each name with the number of the item (or with the constant) behind it.
"""

import functools
import types
from collections.abc import Mapping
from dataclasses import dataclass

from ppg_invariants.engine_names import lasting_module
from ppg_invariants.errors import CannotFingerprint
from ppg_invariants.functions.captured import CapturedEncoder, plain_function
from ppg_invariants.functions.code import Code, code_of
from ppg_invariants.functions.origin import Origin, distribution_version, origin_of_file, origin_of_module
from ppg_invariants.values.encoding import Encoder, encode_name
from ppg_invariants.values.tags import ENCODING_VERSION, Tag, Unencodable, type_name, write_count

__all__ = ["Follow"]

_CONSTANTS = (type(None), bool, int, float, complex, str, bytes)
_ITEM = Tag.OBJECT.value + encode_name("item") + Tag.CODE.value


@dataclass(frozen=True, slots=True)
class _Item:
    """Something that names lead to: its own content, and what it refers to in its turn."""

    value: object
    content: bytes
    codes: tuple[Code, ...]
    references: tuple[tuple[bytes, bytes, object], ...]
    """Encoded name; then an encoded constant, or nothing and the function or class that is the next item."""


class Follow:
    """Makes `fingerprint_function` follow global names; to be used for one round of fingerprints."""

    def __init__(self) -> None:
        self._items: dict[int, _Item] = {}
        self._lists: dict[tuple[Code, int], tuple[bytes, tuple[Code, ...]]] = {}
        self._kept_alive: list[object] = []  # so that no other dict of globals gets the same id

    def fingerprint_parts(self, function: object) -> tuple[bytes, tuple[Code, ...]]:
        """Encodings and code objects of a function and of all that it leads to.

        The first encoding is the function itself, the second the list of names for it and for each item, the
        rest are the items. Raises CannotFingerprint for the function itself; items cannot fail.
        """
        if type(function) is types.FunctionType:
            plain = plain_function(function)
            if plain is not None:
                lists, codes = self._led_to(plain[1], function.__globals__)
                return plain[0] + lists, codes
        encoder = _FollowingEncoder()
        content = encoder.encode(function, root="function")
        if len(encoder.met) == 1 and isinstance(function, types.FunctionType):
            lists, codes = self._led_to(*encoder.met[0])
            return content + lists, (*encoder.codes, *codes[1:])
        lists, codes = self._listed(_references(encoder.met))
        return content + lists, (*encoder.codes, *codes)

    def _led_to(self, code: Code, names: Mapping[str, object]) -> tuple[bytes, tuple[Code, ...]]:
        """What a function by itself leads to, after its own code object: closures over one share this."""
        key = (code, id(names))
        known = self._lists.get(key)
        if known is None:
            lists, codes = self._listed(_references([(code, names)]))
            known = self._lists[key] = (lists, (code, *codes))
            self._kept_alive.append(names)
        return known

    def _listed(self, first: tuple[tuple[bytes, bytes, object], ...]) -> tuple[bytes, tuple[Code, ...]]:
        numbers: dict[int, int] = {}
        items: list[_Item] = []
        lists = bytearray()
        waiting = [first]
        for references in waiting:  # grows while it is walked
            lists += Tag.DICT.value
            write_count(len(references), lists)
            for name, constant, value in references:
                lists += name
                if constant:
                    lists += constant
                    continue
                number = numbers.get(id(value))
                if number is None:
                    number = numbers[id(value)] = len(items)
                    items.append(self._item(value))
                    waiting.append(items[-1].references)
                lists += _ITEM
                write_count(number, lists)
        head = bytearray((ENCODING_VERSION,))
        head += Tag.LIST.value
        write_count(len(waiting), head)
        contents = b"".join(item.content for item in items)
        codes = tuple(code for item in items for code in item.codes)
        return bytes(head + lists) + contents, codes

    def _item(self, value: object) -> _Item:
        known = self._items.get(id(value))
        if known is None:
            encoder = _FollowingEncoder()
            try:
                content = encoder.encode(value, root="item")
            except CannotFingerprint:
                # What it is called with by default, say, cannot be compared: its code can.
                encoder = _FollowingEncoder()
                if functions := _functions_in(value):
                    content = encoder.encode([function.__code__ for function in functions], root="item")
                    encoder.met += [
                        (code_of(function.__code__), function.__globals__)
                        for function in functions
                        if origin_of_file(function.__code__.co_filename) is Origin.PROJECT
                    ]
                else:
                    content = encoder.encode(type_name(type(value)), root="item")
            references = _references(encoder.met)
            known = self._items[id(value)] = _Item(value, content, tuple(encoder.codes), references)
        return known


class _FollowingEncoder(CapturedEncoder):
    """Notes which functions it met, with their globals; puts up with members of classes that have no content."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[tuple[Code, Mapping[str, object]]] = []

    def _more_of_function(self, function: types.FunctionType, code: Code, _out: bytearray) -> int:
        self.met.append((code, function.__globals__))
        return 0

    def _write_member(self, value: object, out: bytearray) -> None:
        """A part without comparable content counts by its type, and what was met in it was not met."""
        size, seen, codes, met = len(out), len(self._seen), len(self.codes), len(self.met)
        enclosing = dict(self._enclosing)
        try:
            self.write(value, out)
        except Unencodable:
            del out[size:]
            del self.codes[codes:]
            del self.met[met:]
            while len(self._seen) > seen:
                self._seen.popitem()
            while len(self._code_indices) > codes:
                self._code_indices.popitem()
            self._enclosing = enclosing
            self.write_object(value, "not comparable", type_name(type(value)), out)


def _references(met: list[tuple[Code, Mapping[str, object]]]) -> tuple[tuple[bytes, bytes, object], ...]:
    """What functions refer to, by encoded name and sorted by it; later functions cannot hide names of earlier ones."""
    found: dict[tuple[str, int], tuple[bytes, bytes, object]] = {}
    for code, names in met:
        for chain in code.references:
            reference = _resolve(chain, names)
            if reference is not None:
                name, value = reference
                constant = _encoded_constant(value)
                found.setdefault(
                    (name, id(names)), (encode_name(name), constant, None if constant else value)
                )
    return tuple(sorted(found.values(), key=lambda entry: entry[:1]))


def _encoded_constant(value: object) -> bytes:
    if isinstance(value, types.ModuleType):
        value = f"module {lasting_module(value.__name__)}"
    if isinstance(value, (*_CONSTANTS, tuple, frozenset)):
        return Encoder().encode(value, root="constant")[1:]
    return b""


def _resolve(chain: tuple[str, ...], names: Mapping[str, object]) -> tuple[str, object] | None:
    """The dotted name and value that a chain of names leads to, if it counts."""
    if chain[0] not in names:
        return None  # a built-in, or not defined (yet)
    value, used = names[chain[0]], 1
    while isinstance(value, types.ModuleType) and used < len(chain):
        origin = origin_of_module(value.__name__)
        if origin is Origin.PYTHON:
            return None
        if origin is Origin.INSTALLED:
            return ".".join(chain), f"{lasting_module(value.__name__)} {distribution_version(value.__name__)}"
        attributes = vars(value)
        if chain[used] not in attributes:
            return None
        value = attributes[chain[used]]
        used += 1
    return (".".join(chain[:used]), value) if _counts(value) else None


def _counts(value: object) -> bool:
    if isinstance(value, (tuple, frozenset)) and type(value) in (tuple, frozenset):
        return all(_counts(one) for one in value)
    if type(value) in _CONSTANTS or isinstance(
        value, (types.FunctionType, type, types.ModuleType, functools.partial)
    ):
        return True
    return callable(getattr(value, "__wrapped__", None))


def _functions_in(value: object) -> list[types.FunctionType]:
    """A function, and what decorators say that it wraps."""
    found: list[types.FunctionType] = []
    while isinstance(value, types.FunctionType) and value not in found:
        found.append(value)
        value = getattr(value, "__wrapped__", None)
    return found
