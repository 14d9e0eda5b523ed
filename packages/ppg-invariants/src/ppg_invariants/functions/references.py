"""References: follows the global names in code to functions, classes and constants of the user's project.

A function's own code contains ``helpers.clean(x)``, but the code of ``clean`` is elsewhere. With a `Follow`,
the fingerprint of a function also contains the values of its global names, recursively:

- functions and classes of the project, by their code;
- installed code (in site-packages) by name and by the version of its distribution; Python itself does not
  count;
- constants: numbers, strings, bytes, None, and tuples and frozensets of these;
- modules of the project, by the attributes that the code reads from them directly (``helpers.clean``, not
  ``getattr(helpers, name)``).

Other values of globals (lists, dicts, instances) do not count, because a program changes them as it runs, and
no fingerprint would stay the same. Modules that are not imported yet do not count. Nor do methods of objects
that the function gets as arguments, or names that are made at run time. Parts without comparable content
count by their type.

Names are resolved at the moment of the fingerprint. A `Follow` caches the values, so it belongs to one
moment.

The functions and classes that a function refers to can be many and can form cycles. So their encodings are
listed, not nested. Every function or class that is reached is an *item*, which is encoded once for all
references to it. The references of a function are the reachable items, breadth first. Each name has the
number of its item, or its constant.
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
    """Item: holds the encoding of a function or class that names refer to, and its own references."""

    value: object
    content: bytes
    codes: tuple[Code, ...]
    references: tuple[tuple[bytes, bytes, object], ...]
    """Encoded name, and either an encoded constant, or empty bytes and the function or class it refers to."""


class Follow:
    """Follow: makes `fingerprint_function` follow global names, for one round of fingerprints."""

    def __init__(self) -> None:
        self._items: dict[int, _Item] = {}
        self._lists: dict[tuple[Code, int], tuple[bytes, tuple[Code, ...]]] = {}
        self._kept_alive: list[object] = []  # so that no other dict of globals gets the same id

    def fingerprint_parts(self, function: object) -> tuple[bytes, tuple[Code, ...]]:
        """Return the encodings and code objects of a function and of all items that it reaches.

        The first encoding is the function. The second lists the names of the function and of each item. The
        rest are the items. Raises CannotFingerprint only for the function itself, because items cannot fail.
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
        """Return the lists and codes that a code object reaches, its own first; its closures share them."""
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
                # A default, for example, may have no comparable content, but the code has.
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
    """Following encoder: notes the functions that it meets, and accepts class members without content."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[tuple[Code, Mapping[str, object]]] = []

    def _more_of_function(self, function: types.FunctionType, code: Code, _out: bytearray) -> int:
        self.met.append((code, function.__globals__))
        return 0

    def _write_member(self, value: object, out: bytearray) -> None:
        """Append a class member; without comparable content it counts by its type, not by its parts."""
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
    """Return the references of functions, sorted by encoded name.

    Names of later functions do not hide names of earlier ones.
    """
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
    """Return the dotted name and value that a chain of names refers to; None if it does not count."""
    if chain[0] not in names:
        return None  # the name is a built-in, or not defined yet
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
    """Return a function, and the functions that it wraps according to ``__wrapped__``."""
    found: list[types.FunctionType] = []
    while isinstance(value, types.FunctionType) and value not in found:
        found.append(value)
        value = getattr(value, "__wrapped__", None)
    return found
