"""Listed: makes the fingerprints of a ppg that listed for each function all that it reaches.

Such a ppg did not watch the values of global names. Every function or class that a function reaches is an *item*. The
references of a function are the reachable items, breadth first. Each name has the number of its item, or its constant.
So a fingerprint takes as long as the function reaches far.

A store compares these fingerprints once with those that it recorded; see `resolution`. They must not change any more.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass

from ppg_invariants.compiled.code import Code
from ppg_invariants.functions.global_names import (
    FollowingEncoder,
    encode_item,
    encoded_constant,
    is_code,
    resolve,
)
from ppg_invariants.objects.captured import plain_function
from ppg_invariants.values.encoding import encode_name
from ppg_invariants.values.tags import ENCODING_VERSION, Tag, write_count

__all__ = ["Listing"]

_ITEM = Tag.OBJECT.value + encode_name("item") + Tag.CODE.value


@dataclass(frozen=True, slots=True)
class _Item:
    """Item: holds the encoding of a function or class that names refer to, and its own references."""

    value: object
    content: bytes
    codes: tuple[Code, ...]
    references: tuple[tuple[bytes, bytes, object], ...]
    """Encoded name, and either an encoded constant, or empty bytes and the function or class it refers to."""


class Listing:
    """Listing: lists the references of functions, for one round of fingerprints."""

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
            plain = plain_function(function, former=True)
            if plain is not None:
                lists, codes = self._led_to(plain[1], function.__globals__)
                return plain[0] + lists, codes
        encoder = FollowingEncoder(former=True)
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
            content, encoder = encode_item(value, former=True)
            references = _references(encoder.met)
            known = self._items[id(value)] = _Item(value, content, tuple(encoder.codes), references)
        return known


def _references(
    met: list[tuple[Code, Mapping[str, object]]],
) -> tuple[tuple[bytes, bytes, object], ...]:
    """Return the references of functions, sorted by encoded name.

    Names of later functions do not hide names of earlier ones.
    """
    found: dict[tuple[str, int], tuple[bytes, bytes, object]] = {}
    for code, names in met:
        for chain in code.references:
            resolved = resolve(chain, names, former=True)
            if resolved is None or (resolved.name, id(names)) in found:
                continue
            value = resolved.value
            constant = encoded_constant(value)
            if constant or is_code(value):
                found[resolved.name, id(names)] = (encode_name(resolved.name), constant, value)
    return tuple(sorted(found.values(), key=lambda entry: entry[:1]))
