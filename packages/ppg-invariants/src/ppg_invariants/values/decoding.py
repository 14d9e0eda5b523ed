"""Decoding: reads canonical encodings into trees, to compare and show them, not into the original objects."""

import struct
from typing import NamedTuple, TypeAlias

from ppg_invariants.values.tags import ENCODING_VERSION, Tag

__all__ = ["Again", "CodeAt", "Items", "Pairs", "TooLarge", "Tree", "Typed", "Up", "decode", "decode_all"]


class Items(NamedTuple):
    """Items: holds the elements of a tuple, list, set or frozenset; `tag` names which."""

    tag: Tag
    items: tuple["Tree", ...]


class Pairs(NamedTuple):
    """Pairs: holds the pairs of a dict, sorted by the encoding of its keys."""

    pairs: tuple[tuple["Tree", "Tree"], ...]


class Typed(NamedTuple):
    """Typed: holds a value of a type that is not built in, as the type's name and a plain content."""

    name: str
    content: "Tree"


class Up(NamedTuple):
    """Up: refers to an enclosing container, `levels` levels up."""

    levels: int


class TooLarge(NamedTuple):
    """Too large: replaces content that was not kept, by the size of its encoding in bytes and its hash."""

    size: int
    digest: bytes


class CodeAt(NamedTuple):
    """Code at: refers to a code object by its number in the list beside the encoding."""

    number: int


class Again(NamedTuple):
    """Again: refers by number to a function, class or instance that was encoded before."""

    number: int


Tree: TypeAlias = (
    bool | int | float | complex | str | bytes | Items | Pairs | Typed | Up | TooLarge | CodeAt | Again | None
)


def decode(encoding: bytes) -> Tree:
    """Return the encoded tree. Raises ValueError if the bytes are not one encoding of this version."""
    trees = decode_all(encoding)
    if len(trees) != 1:
        raise ValueError(f"{len(trees)} encodings instead of one")
    return trees[0]


def decode_all(encodings: bytes) -> list[Tree]:
    """Return the trees of consecutive encodings. Raises ValueError if the bytes are not of this version."""
    trees = []
    at = 0
    while at < len(encodings):
        if encodings[at] != ENCODING_VERSION:
            raise ValueError("not an encoding of this version")
        try:
            tree, at = _read(encodings, at + 1)
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise ValueError(f"damaged encoding: {error}") from error
        trees.append(tree)
    return trees


def _count(data: bytes, at: int) -> tuple[int, int]:
    count = shift = 0
    while True:
        byte = data[at]
        at += 1
        count |= (byte & 127) << shift
        if byte < 128:
            return count, at
        shift += 7


def _read(data: bytes, at: int) -> tuple[Tree, int]:
    tag = Tag(data[at : at + 1])
    at += 1
    match tag:
        case Tag.NONE:
            return None, at
        case Tag.TRUE:
            return True, at
        case Tag.FALSE:
            return False, at
        case Tag.FLOAT:
            return struct.unpack_from("<d", data, at)[0], at + 8
        case Tag.COMPLEX:
            return complex(*struct.unpack_from("<dd", data, at)), at + 16
        case Tag.OBJECT:
            name, at = _read(data, at)
            content, at = _read(data, at)
            return Typed(str(name), content), at
        case _:
            return _read_counted(tag, data, at)


def _read_counted(tag: Tag, data: bytes, at: int) -> tuple[Tree, int]:
    count, at = _count(data, at)
    match tag:
        case Tag.INT:
            return int.from_bytes(data[at : at + count], "little", signed=True), at + count
        case Tag.STR:
            return data[at : at + count].decode("utf-8", "surrogatepass"), at + count
        case Tag.BYTES:
            return data[at : at + count], at + count
        case Tag.BACK:
            return Up(count), at
        case Tag.CODE:
            return CodeAt(count), at
        case Tag.SEEN:
            return Again(count), at
        case Tag.LARGE:
            return TooLarge(count, data[at : at + 16]), at + 16
        case Tag.DICT:
            pairs = []
            for _ in range(count):
                key, at = _read(data, at)
                value, at = _read(data, at)
                pairs.append((key, value))
            return Pairs(tuple(pairs)), at
        case Tag.TUPLE | Tag.LIST | Tag.SET | Tag.FROZENSET:
            items = []
            for _ in range(count):
                item, at = _read(data, at)
                items.append(item)
            return Items(tag, tuple(items)), at
        case _:
            raise AssertionError(tag)
