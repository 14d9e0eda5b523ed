"""References: follows the global names in code to functions, classes and constants of the user's project.

A function's own code contains ``helpers.clean(x)``, but the code of ``clean`` is elsewhere. With a `Follow`,
the fingerprint of a function also contains the values of its global names, recursively:

- functions and classes of the project, by their code;
- installed code (in site-packages) by name and by the version of its distribution; Python itself does not
  count;
- constants: numbers, strings, bytes, None, and tuples and frozensets of these;
- all other values, by content: dicts and lists, arrays, instances with the code of their class (see `watched`);
- modules of the project, by the attributes that the code reads from them directly (``helpers.clean``, not
  ``getattr(helpers, name)``).

Modules that are not imported yet do not count. Nor do methods of objects that the function gets as arguments, or
names that are made at run time. Parts of functions and classes without comparable content count by their type.
A value without comparable content is left out, and `left_out` names it.

ppg first followed names without the third group. `Follow(values=False)` gives these former fingerprints. A store
compares them once with what it recorded, so that nothing runs again because more is watched now.

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
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, NamedTuple

from ppg_invariants.engine_names import lasting_module
from ppg_invariants.errors import CannotFingerprint
from ppg_invariants.functions.captured import (
    Members,
    has_static_attribute,
    plain_function,
    static_attribute,
)
from ppg_invariants.functions.code import Code, code_of
from ppg_invariants.functions.origin import Origin, distribution_version, origin_of_file, origin_of_module
from ppg_invariants.functions.watched import (
    MOST_BYTES,
    MOST_PARTS,
    LeftOut,
    TooLargeError,
    is_silent,
    is_unwatched,
    names_read,
    size_in_bytes,
)
from ppg_invariants.functions.whole_objects import WholeObjectsEncoder, parts_of_item
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
    """Follow: makes `fingerprint_function` follow global names, for one round of fingerprints.

    Parameters:
        values: whether the values of names that are neither code nor constants count, too.
        root: the folder of the project; absolute paths in it, in values, count relative to it.
    """

    def __init__(self, *, values: bool = True, root: str | None = None) -> None:
        self._values = values
        self._root = root
        self._items: dict[int, _Item] = {}
        self._failed: dict[int, tuple[object, str]] = {}
        self._told: set[tuple[int, str]] = set()
        self._left_out: list[LeftOut] = []
        self._names_of_values: set[str] = set()
        self._lists: dict[tuple[Code, int], tuple[bytes, tuple[Code, ...]]] = {}
        self._kept_alive: list[object] = []  # so that no other dict of globals gets the same id
        self._met: dict[tuple[Code, int], Mapping[str, object]] = {}

    @property
    def names_of_values(self) -> tuple[str, ...]:
        """The names of values that count by their content, as the code spells them, sorted."""
        return tuple(sorted(self._names_of_values))

    def names_in_modules(self) -> set[tuple[str, str]]:
        """Return the names, with their modules, that the code met so far reads from imported modules of the project.

        The code's own names are among them. Without `values`, names of other values than code and constants are omitted.
        """
        return {
            (module, name)
            for (code, _), names in self._met.items()
            for chain in (*code.references, *_own_name(code))
            for module, name, value in names_read(chain, names)
            if self._values or _is_code(value) or _encoded_constant(value)
        }

    def take_left_out(self) -> list[LeftOut]:
        """Return the names with values that cannot count, each once, which were met since the last call."""
        new, self._left_out = self._left_out, []
        return new

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
        encoder = _FollowingEncoder(former=not self._values)
        content = encoder.encode(function, root="function")
        if len(encoder.met) == 1 and isinstance(function, types.FunctionType):
            lists, codes = self._led_to(*encoder.met[0])
            return content + lists, (*encoder.codes, *codes[1:])
        lists, codes = self._listed(self._references(encoder.met))
        return content + lists, (*encoder.codes, *codes)

    def _led_to(self, code: Code, names: Mapping[str, object]) -> tuple[bytes, tuple[Code, ...]]:
        """Return the lists and codes that a code object reaches, its own first; its closures share them."""
        key = (code, id(names))
        known = self._lists.get(key)
        if known is None:
            lists, codes = self._listed(self._references([(code, names)]))
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
            encoder = _FollowingEncoder(former=not self._values, items=True)
            try:
                content = encoder.encode(value, root="item")
            except CannotFingerprint:
                # A default, for example, may have no comparable content, but the code has.
                encoder = _FollowingEncoder(former=not self._values, items=True)
                if functions := _functions_in(value):
                    content = encoder.encode([function.__code__ for function in functions], root="item")
                    encoder.met += [
                        (code_of(function.__code__), function.__globals__)
                        for function in functions
                        if origin_of_file(function.__code__.co_filename) is Origin.PROJECT
                    ]
                elif self._values and (parts := parts_of_item(value)):
                    content = encoder.encode((type_name(type(value)), Members(parts)), root="item")
                else:
                    content = encoder.encode(type_name(type(value)), root="item")
            references = self._references(encoder.met)
            known = self._items[id(value)] = _Item(value, content, tuple(encoder.codes), references)
        return known

    def _references(
        self, met: list[tuple[Code, Mapping[str, object]]]
    ) -> tuple[tuple[bytes, bytes, object], ...]:
        """Return the references of functions, sorted by encoded name.

        Names of later functions do not hide names of earlier ones.
        """
        found: dict[tuple[str, int], tuple[bytes, bytes, object]] = {}
        for code, names in met:
            self._met[code, id(names)] = names
            for chain in code.references:
                resolved = _resolve(chain, names)
                if resolved is None or (resolved.name, id(names)) in found:
                    continue
                if self._values and is_unwatched(resolved.namespace, resolved.name.rpartition(".")[2]):
                    continue
                value = resolved.value
                constant = _encoded_constant(value)
                if constant or _is_code(value) or (self._values and self._counts(resolved)):
                    found[resolved.name, id(names)] = (encode_name(resolved.name), constant, value)
        return tuple(sorted(found.values(), key=lambda entry: entry[:1]))

    def _counts(self, resolved: "_Resolved") -> bool:
        """Whether a value that is neither code nor constant has content; makes its item."""
        value = resolved.value
        if id(value) in self._items:
            return True
        if is_silent(value):
            return False
        known = self._failed.get(id(value))
        if known is None:
            encoder = _ValueEncoder(self._root)
            try:
                content = encoder.encode(value, root=resolved.name)
            except CannotFingerprint as error:
                known = self._failed[id(value)] = (value, str(error))
            else:
                item = _Item(value, content, tuple(encoder.codes), ())
                self._items[id(value)] = item  # before its references, which may lead back to it
                self._items[id(value)] = replace(item, references=self._references(encoder.met))
                if not isinstance(value, types.BuiltinFunctionType):
                    self._names_of_values.add(resolved.name)
                return True
        told = (id(resolved.namespace), resolved.name)
        if told not in self._told:
            self._told.add(told)
            self._left_out.append(LeftOut(resolved.name, known[1]))
        return False


def _own_name(code: Code) -> tuple[tuple[str, ...], ...]:
    """Return the name by which code travels, as a chain; none for local functions, which travel by value."""
    return () if "<" in code.name else ((code.name.partition(".")[0],),)


class _FollowingEncoder(WholeObjectsEncoder):
    """Following encoder: notes the functions that it meets, and accepts class members without content."""

    def __init__(self, *, former: bool = False, items: bool = False) -> None:
        super().__init__(former=former, items=items)
        self.met: list[tuple[Code, Mapping[str, object]]] = []

    def _more_of_function(self, function: types.FunctionType, code: Code, out: bytearray) -> int:
        self.met.append((code, function.__globals__))
        return super()._more_of_function(function, code, out)

    def _write_member(self, value: object, out: bytearray) -> None:
        """Append a class member; without comparable content it counts by its type, not by its parts."""
        size, seen, codes, met = len(out), len(self._seen), len(self.codes), len(self.met)
        enclosing = dict(self._enclosing)
        try:
            self.write(value, out)
        except TooLargeError:
            raise
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


class _ValueEncoder(_FollowingEncoder):
    """Value encoder: encodes the value of a global name, within the limits of `watched`."""

    def __init__(self, root: str | None) -> None:
        super().__init__(items=True)
        self._parts = 0
        self._root = root

    def write(self, value: Any, out: bytearray) -> None:
        """Append the encoding of any value, unless there is too much."""
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLargeError(f"it has more than {MOST_PARTS:,} parts")
        if len(out) > MOST_BYTES or size_in_bytes(value) > MOST_BYTES:
            raise TooLargeError(f"it has more than {MOST_BYTES >> 20} MiB")
        if self._root is not None and isinstance(value, (str, PurePath)):
            text = str(value)
            if text == self._root or text.startswith(f"{self._root}/"):
                # A project that was moved is the same project.
                content = (type_name(type(value)), text[len(self._root) :])
                self.write_object(value, "path in the project", content, out)
                return
        super().write(value, out)

    def _instance_content(self, value: Any) -> object:
        content = super()._instance_content(value)
        if isinstance(content, dict) and isinstance(content["state"], dict):
            kind = type(value)
            kept = {
                name: part
                for name, part in content["state"].items()
                if not isinstance(static_attribute(kind, name), functools.cached_property)
            }
            content["state"] = kept or None  # a dict may be made only when the object is asked for it
        return content


def _encoded_constant(value: object) -> bytes:
    """Return the encoding of a constant or a module; empty bytes for other values."""
    if isinstance(value, types.ModuleType):
        value = f"module {lasting_module(value.__name__)}"
    elif not _is_constant(value):
        return b""
    return Encoder().encode(value, root="constant")[1:]


def _is_constant(value: object) -> bool:
    if type(value) is tuple or type(value) is frozenset:
        return all(map(_is_constant, value))
    return type(value) in _CONSTANTS


class _Resolved(NamedTuple):
    """Resolved: a name as the code spells it, its value, and the globals that have its last part."""

    name: str
    value: object
    namespace: Mapping[str, object]


def _resolve(chain: tuple[str, ...], names: Mapping[str, object]) -> _Resolved | None:
    """Return what a chain of names refers to; None if that does not count."""
    if chain[0] not in names:
        return None  # the name is a built-in, or not defined yet
    namespace, value, used = names, names[chain[0]], 1
    while isinstance(value, types.ModuleType) and used < len(chain):
        origin = origin_of_module(value.__name__)
        if origin is Origin.PYTHON:
            return None
        if origin is Origin.INSTALLED:
            version = f"{lasting_module(value.__name__)} {distribution_version(value.__name__)}"
            return _Resolved(".".join(chain), version, namespace)
        namespace = vars(value)
        if chain[used] not in namespace:
            return None
        value = namespace[chain[used]]
        used += 1
    return _Resolved(".".join(chain[:used]), value, namespace)


def _is_code(value: object) -> bool:
    if type(value) is tuple or type(value) is frozenset:
        return any(map(_is_code, value))
    if isinstance(value, (types.FunctionType, type, functools.partial)):
        return True
    return has_static_attribute(value, "__wrapped__") and callable(getattr(value, "__wrapped__", None))


def _functions_in(value: object) -> list[types.FunctionType]:
    """Return a function, and the functions that it wraps according to ``__wrapped__``."""
    found: list[types.FunctionType] = []
    while isinstance(value, types.FunctionType) and value not in found:
        found.append(value)
        value = getattr(value, "__wrapped__", None)
    return found
