"""Reads a canonical encoding back into a tree that can be compared and shown; not into the original objects."""

import struct
from typing import NamedTuple, TypeAlias

from ppg_invariants.values.tags import ENCODING_VERSION, Tag

__all__ = ["Again", "CodeAt", "Items", "Pairs", "TooLarge", "Tree", "Typed", "Up", "decode", "decode_all"]


class Items(NamedTuple):
    """A tuple, list, set or frozenset (which one, says `tag`)."""

    tag: Tag
    items: tuple["Tree", ...]


class Pairs(NamedTuple):
    """A dict, sorted by the encoding of its keys."""

    pairs: tuple[tuple["Tree", "Tree"], ...]


class Typed(NamedTuple):
    """A value of a type that is not built in: the type's name, and what stands for its content."""

    name: str
    content: "Tree"


class Up(NamedTuple):
    """A reference to a container around it, so many levels up."""

    levels: int


class TooLarge(NamedTuple):
    """Content that was not kept: the size of its encoding in bytes, and its hash."""

    size: int
    digest: bytes


class CodeAt(NamedTuple):
    """A code object, by its number in the list beside the encoding."""

    number: int


class Again(NamedTuple):
    """A function, class or instance that was met before, by number."""

    number: int


Tree: TypeAlias = (
    bool | int | float | complex | str | bytes | Items | Pairs | Typed | Up | TooLarge | CodeAt | Again | None
)


def decode(encoding: bytes) -> Tree:
    """The tree that was encoded. Raises ValueError if the bytes are not one encoding of this version."""
    trees = decode_all(encoding)
    if len(trees) != 1:
        raise ValueError(f"{len(trees)} encodings instead of one")
    return trees[0]


def decode_all(encodings: bytes) -> list[Tree]:
    """The trees of several encodings, one after another. Raises ValueError as `decode`."""
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
