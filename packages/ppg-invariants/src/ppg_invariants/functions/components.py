"""Components: gives every item that functions reach one digest, in time linear in items and references.

An item is a function, class or value that a global name stands for. A function can reach thousands of items, and
thousands of functions reach the same ones. So the fingerprint of a function contains only its own content, and for
each name the digest of the item. The digest of an item contains those of the items that it refers to in turn.

Items that lead back to themselves form a *component*: a strongly connected part of the graph. A component has one
digest. Each of its items has a place in it, which depends only on contents: not on addresses, hash seeds, or the item
that was met first. Items of a component that nothing can tell apart have the same place.

Digests are made from digests of code objects, which depend on the purpose: bytecode is comparable under one version of
Python, canonical digests across versions. `Digests` holds those of one purpose.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple
from weakref import WeakKeyDictionary

import xxhash

from ppg_invariants.compiled.code import Code
from ppg_invariants.values.encoding import encode_name
from ppg_invariants.values.tags import ENCODING_VERSION, Tag, write_count

__all__ = ["Component", "Digests", "Item", "Reference", "References", "find_components"]

_HEAD = bytes((ENCODING_VERSION,)) + Tag.LIST.value + b"\x01" + Tag.DICT.value
_ITEM = Tag.OBJECT.value + encode_name("item") + Tag.BYTES.value
_PEER = Tag.OBJECT.value + encode_name("peer")


class Reference(NamedTuple):
    """Reference: holds an encoded name, and either the encoded constant or the item that it stands for."""

    name: bytes
    constant: bytes
    item: "Item | None"


class References:
    """References: holds the references of one function or item, sorted by name.

    Attributes:
        entries: the references.
        encoded: the last encoding, with the `Digests` that made it.
    """

    __slots__ = ("encoded", "entries")

    def __init__(self, entries: tuple[Reference, ...]) -> None:
        self.entries: tuple[Reference, ...] = entries
        self.encoded: tuple[Digests, bytes] | None = None

    @property
    def items(self) -> list["Item"]:
        """The items that the names stand for."""
        return [entry.item for entry in self.entries if entry.item is not None]


class Item:
    """Item: holds the encoding and the code objects of a function, class or value that names stand for.

    Attributes:
        value: the object, kept alive so that no other object gets its identity.
        content: its encoding, which refers to `codes` by index.
        codes: its code objects.
        met: code objects with the names that they read, from which `references` follow.
        references: what it refers to; nothing before its component is found.
        component: the component that it belongs to; None before it is found.
        index: its index among the members of the component, which has no meaning beyond that.
    """

    __slots__ = ("codes", "component", "content", "index", "met", "references", "value")

    def __init__(
        self,
        value: object,
        content: bytes,
        codes: tuple[Code, ...],
        met: list[tuple[Code, Mapping[str, object]]],
    ) -> None:
        self.value: object = value
        self.content: bytes = content
        self.codes: tuple[Code, ...] = codes
        self.met: list[tuple[Code, Mapping[str, object]]] = met
        self.references: References = _NO_REFERENCES
        self.component: Component | None = None
        self.index: int = 0


_Met = dict[bytes, list[Item]]
"""By digest, the items that were met with it."""
_NO_REFERENCES = References(())


class Component:
    """Component: holds items that lead to each other; nearly always a single one."""

    __slots__ = ("__weakref__", "members")

    def __init__(self, members: list[Item]) -> None:
        self.members: list[Item] = members
        for index, member in enumerate(members):
            member.component, member.index = self, index

    def targets(self) -> Iterator["Component"]:
        """Yield the components that the members refer to; one may come several times."""
        for member in self.members:
            yield from _components_of(member.references)


def find_components(first: Iterable[Item], expand: Callable[[Item], Iterable[Item]]) -> None:
    """Find the components of all items that `first` reaches, without recursion.

    Parameters:
        first: the items to begin with.
        expand: sets the references of an item, and returns the items that they lead to. It is called once per item.
    """
    order: dict[Item, int] = {}
    lowest: dict[Item, int] = {}
    unfinished: list[Item] = []
    walk: list[tuple[Item, Iterator[Item]]] = []

    def enter(item: Item) -> None:
        order[item] = lowest[item] = len(order)
        unfinished.append(item)
        walk.append((item, iter(expand(item))))

    for start in first:
        if start.component is not None:
            continue
        enter(start)
        while walk:
            item, targets = walk[-1]
            for target in targets:
                if target.component is not None:
                    continue
                if target not in order:
                    enter(target)
                    break
                lowest[item] = min(lowest[item], order[target])
            else:
                walk.pop()
                if walk:
                    above = walk[-1][0]
                    lowest[above] = min(lowest[above], lowest[item])
                if lowest[item] == order[item]:
                    begin = len(unfinished) - 1
                    while unfinished[begin] is not item:
                        begin -= 1
                    Component(unfinished[begin:])
                    del unfinished[begin:]


class Digests:
    """Digests: computes the digests of items, each once.

    Parameters:
        digest_of: returns the digest of a code object (16 bytes).
    """

    def __init__(self, digest_of: Callable[[Code], bytes]) -> None:
        self._digest_of = digest_of
        self._of_members: WeakKeyDictionary[Component, list[bytes]] = WeakKeyDictionary()

    def encoded(self, references: References) -> bytes:
        """Return the encoding of references, in which the digest of an item stands for it."""
        if references.encoded is not None and references.encoded[0] is self:
            return references.encoded[1]
        self._settle(_components_of(references))
        met: _Met = {}
        out = bytearray(_HEAD)
        write_count(len(references.entries), out)
        for name, constant, item in references.entries:
            out += name
            if item is None:
                out += constant
            else:
                _write_item(item, self._known(item), met, out)
        encoded = bytes(out)
        references.encoded = self, encoded
        return encoded

    def of(self, item: Item) -> bytes:
        """Return the digest of an item (16 bytes)."""
        assert item.component is not None
        self._settle([item.component])
        return self._known(item)

    def _known(self, item: Item) -> bytes:
        assert item.component is not None
        return self._of_members[item.component][item.index]

    def _settle(self, components: Iterable[Component]) -> None:
        """Compute the digests of components, after those of all components that they refer to."""
        waiting = list(components)
        while waiting:
            component = waiting[-1]
            if component in self._of_members:
                waiting.pop()
                continue
            needed = [
                target
                for target in component.targets()
                if target is not component and target not in self._of_members
            ]
            if needed:
                waiting += needed
            else:
                waiting.pop()
                self._of_members[component] = self._digests_of(component)

    def _digests_of(self, component: Component) -> list[bytes]:
        """Return the digest of each member."""
        heads: list[bytes] = []
        targets: list[list[int]] = []
        for member in component.members:
            out = bytearray(member.content)
            peers: list[int] = []
            met: _Met = {}
            write_count(len(member.references.entries), out)
            for name, constant, item in member.references.entries:
                out += name
                if item is None:
                    out += constant
                elif item.component is component:
                    out += _PEER
                    peers.append(item.index)
                else:
                    _write_item(item, self._known(item), met, out)
            for code in member.codes:
                out += self._digest_of(code)
            heads.append(xxhash.xxh3_128_digest(out))
            targets.append(peers)
        if len(heads) == 1 and not targets[0]:
            return heads
        colours = _told_apart(heads, targets)
        places = {colour: place for place, colour in enumerate(sorted(set(colours)))}
        of_places = [b""] * len(places)
        for head, colour, peers in zip(heads, colours, targets, strict=True):
            out = bytearray(head)
            write_count(len(peers), out)
            for peer in peers:
                write_count(places[colours[peer]], out)
            of_places[places[colour]] = bytes(out)
        whole = xxhash.xxh3_128_digest(b"".join(of_places))
        return [xxhash.xxh3_128_digest(whole + b"%d" % places[colour]) for colour in colours]


def _told_apart(heads: list[bytes], targets: list[list[int]]) -> list[bytes]:
    """Return a colour of each member; two colours are equal only if nothing tells the members apart.

    Members of different content differ at once. Others differ by what they refer to, one step further each round.
    """
    colours = list(heads)
    count = len(set(colours))
    while count < len(colours):
        often: dict[bytes, int] = {}
        for colour in colours:
            often[colour] = often.get(colour, 0) + 1
        colours = [
            colour
            if often[colour] == 1
            else xxhash.xxh3_128_digest(b"".join((colour, *(colours[peer] for peer in peers))))
            for colour, peers in zip(colours, targets, strict=True)
        ]
        before, count = count, len(set(colours))
        if count == before:
            break
    return colours


def _write_item(item: Item, digest: bytes, met: _Met, out: bytearray) -> None:
    """Append the digest of an item; `met` tells two equal items from one item with two names."""
    equal = met.setdefault(digest, [])
    if item not in equal:
        equal.append(item)
    number = equal.index(item)
    out += _ITEM
    content = digest if number == 0 else digest + b"%d" % number
    write_count(len(content), out)
    out += content


def _components_of(references: References) -> Iterator[Component]:
    for item in references.items:
        assert item.component is not None
        yield item.component
