"""Changes: compares two states of an invariant, and returns the differences as data and as text.

Both states are decoded into trees and walked side by side. If both trees have a part, the walk continues
inside it. A part of only one tree was added or removed. Code is shown as a diff of its source.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ppg_invariants.functions.evidence import CodeEvidence, FunctionEvidence
from ppg_invariants.values.decoding import (
    Again,
    CodeAt,
    Items,
    Pairs,
    TooLarge,
    Tree,
    Typed,
    Up,
    decode,
    decode_all,
)
from ppg_invariants.values.tags import Tag

__all__ = [
    "Added",
    "Change",
    "Changed",
    "Removed",
    "SourceChanged",
    "describe_changes",
    "explain_function",
    "explain_parameters",
]

_SHOWN = 200
"""Number of characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Changed: reports that the value at `path` differs; both values as text."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Added:
    """Added: reports a new value at `path`, as text."""

    path: str
    new: str


@dataclass(frozen=True, slots=True)
class Removed:
    """Removed: reports that the value at `path` is gone; the old value as text."""

    path: str
    old: str


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """Source changed: reports that the code at `path`, of the function `name`, differs.

    `diff` is a unified diff, empty if there is no text.
    """

    path: str
    name: str
    diff: str


Change: TypeAlias = Changed | Added | Removed | SourceChanged
_Codes = Sequence[CodeEvidence]
_Key = tuple[object, ...]


def explain_parameters(old: bytes, new: bytes, *, with_diffs: bool = True) -> tuple[Change, ...]:
    """Return the changes between two encodings of parameters.

    Parameters:
        old, new: the encodings.
        with_diffs: align sequences, which takes up to the square of their length. Otherwise only their common
            beginning and end are left out.

    Raises:
        ValueError: an encoding cannot be decoded.
    """
    walk = _Walk((), (), with_diffs=with_diffs)
    return tuple(walk.differences("parameters", decode(old), decode(new)))


def explain_function(
    old: FunctionEvidence, new: FunctionEvidence, *, with_diffs: bool = True
) -> tuple[Change, ...]:
    """What changed between two states of a function: source, defaults, captured values.

    Parameters:
        old, new: the states.
        with_diffs: also compare texts of code, which takes longer than all else.
    """
    walk = _Walk(old.codes, new.codes, with_diffs=with_diffs)
    before, after = decode_all(old.values), decode_all(new.values)
    changes = list(walk.differences("function", before[0], after[0]))
    if not _has_numbered_items(before):
        changes += _changes_behind_names(old, new, with_diffs=with_diffs)
    else:  # a former ppg listed all items in the evidence of the function
        names, codes = _reached(new)
        walk = _Walk(old.codes, codes, with_diffs=with_diffs)
        changes += walk.pairs("function", _followed(before), names, _STEP)
    return tuple(changes)


_STEP = " → refers to {}"
_DIGEST = 16
_MOST_PASSAGES = 100_000
_passages: dict[tuple[bytes, bytes], tuple[Tree, bytes, bytes]] = {}
"""By digests of an item before and now: the only name in it that leads to a change, and the digests of that item.

In a long chain of helpers, this leads each function that reaches the chain to the helper that changed.
"""


def _changes_behind_names(
    old: FunctionEvidence, new: FunctionEvidence, *, with_diffs: bool
) -> Iterator[Change]:
    """Yield the changes of what the global names of a function stand for, at any distance."""
    waiting = [(old, new)]
    seen: set[tuple[bytes, bytes]] = set()
    for old_one, new_one in waiting:  # grows while it is walked
        walk = _Walk(old_one.codes, new_one.codes, with_diffs=with_diffs)
        before, after = _names_in(old_one), _names_in(new_one)
        for identity, (name, value) in before.items():
            place = "function" + _STEP.format(walk.show(name))
            if identity not in after:
                yield Removed(place, _shown_item(value, old_one))
                continue
            other = after[identity][1]
            pair = _digests_of(value, other)
            if pair is None:
                if value != other:
                    yield Changed(place, _shown_item(value, old_one), _shown_item(other, new_one))
                continue
            last, pair = _end_of_passage(name, pair)
            if pair[0] == pair[1] or pair in seen:
                continue
            seen.add(pair)
            found = _found(pair, old_one, new_one)
            if found is None:
                yield SourceChanged("function" + _STEP.format(walk.show(last)), str(last), "")
                continue
            waiting.append(found)
            yield from _changes_of_item("function" + _STEP.format(walk.show(last)), pair, found, with_diffs)
        for identity, (name, value) in after.items():
            if identity not in before:
                yield Added("function" + _STEP.format(walk.show(name)), _shown_item(value, new_one))


def _end_of_passage(name: Tree, pair: tuple[bytes, bytes]) -> tuple[Tree, tuple[bytes, bytes]]:
    """Return the first item behind a name that has a change or leads to several, and its own name."""
    passed: dict[tuple[bytes, bytes], None] = {}
    while pair in _passages and pair not in passed:
        passed[pair] = None
        name, *digests = _passages[pair]
        pair = (digests[0], digests[1])
    for one in passed:
        _passages[one] = (name, *pair)
    return name, pair


def _changes_of_item(
    place: str, pair: tuple[bytes, bytes], found: tuple[FunctionEvidence, FunctionEvidence], with_diffs: bool
) -> Iterator[Change]:
    """Yield the changes of an item itself; note where it leads to if there are none."""
    old, new = found
    walk = _Walk(old.codes, new.codes, with_diffs=with_diffs)
    changes = list(walk.differences(place, decode_all(old.values)[0], decode_all(new.values)[0]))
    yield from changes
    before, after = _names_in(old), _names_in(new)
    if changes or before.keys() != after.keys():
        return
    leading: list[tuple[Tree, bytes, bytes]] = []
    for identity, (name, value) in before.items():
        other = after[identity][1]
        below = _digests_of(value, other)
        if below is None and value != other:
            return
        if below is not None and below[0] != below[1]:
            leading.append((name, *below))
    if len(leading) == 1 and leading[0][1:] != pair:
        if len(_passages) >= _MOST_PASSAGES:
            _passages.clear()
        _passages[pair] = leading[0]


def _found(
    pair: tuple[bytes, bytes], old: FunctionEvidence, new: FunctionEvidence
) -> tuple[FunctionEvidence, FunctionEvidence] | None:
    """Return the evidence of an item before and now; None if some is lost."""
    before = None if old.find is None else old.find(pair[0])
    after = None if new.find is None else new.find(pair[1])
    return None if before is None or after is None else (before, after)


def _names_in(evidence: FunctionEvidence) -> dict[_Key, tuple[Tree, Tree]]:
    """Return the global names of a function or item, and what they stand for."""
    trees = decode_all(evidence.values)
    if len(trees) < 2 or not isinstance(trees[1], Items):
        return {}
    pairs = [pair for names in trees[1].items if isinstance(names, Pairs) for pair in names.pairs]
    return {_key(name, ()): (name, value) for name, value in pairs}


def _digests_of(old: Tree, new: Tree) -> tuple[bytes, bytes] | None:
    """Return the digests of two items; None if one is no item."""
    match old, new:
        case Typed("item", bytes(before)), Typed("item", bytes(after)):
            return before[:_DIGEST], after[:_DIGEST]
        case _:
            return None


def _shown_item(value: Tree, evidence: FunctionEvidence) -> str:
    match value:
        case Typed("item", bytes(digest)):
            found = None if evidence.find is None else evidence.find(digest[:_DIGEST])
            if found is None:
                return "<unknown>"
            return _Walk(found.codes, found.codes).show(decode_all(found.values)[0], found.codes)
        case _:
            return _Walk((), ()).show(value)


def _has_numbered_items(trees: list[Tree]) -> bool:
    """Whether a former ppg made this evidence, which numbers the items that it lists."""
    names = trees[1].items if len(trees) > 1 and isinstance(trees[1], Items) else ()
    pairs = [pair for one in names if isinstance(one, Pairs) for pair in one.pairs]
    return len(names) > 1 or any(
        isinstance(value, Typed) and isinstance(value.content, CodeAt) for _, value in pairs
    )


def _reached(evidence: FunctionEvidence) -> tuple[Pairs, list[CodeEvidence]]:
    """Return all that a function reaches, by name, and the code objects of all of that."""
    codes = list(evidence.codes)
    found: dict[str, tuple[Tree, Tree]] = {}
    waiting, seen = [evidence], set[bytes]()
    for one in waiting:  # grows while it is walked
        for name, value in _names_in(one).values():
            match value:
                case Typed("item", bytes(digest)):
                    digest = digest[:_DIGEST]
                    item = None if one.find is None else one.find(digest)
                    if item is None:
                        continue
                    if str(name) not in found:
                        found[str(name)] = (name, _shifted(decode_all(item.values)[0], len(codes)))
                        codes += item.codes
                    if digest not in seen:
                        seen.add(digest)
                        waiting.append(item)
                case _:
                    found.setdefault(str(name), (name, value))
    return Pairs(tuple(found.values())), codes


def _followed(trees: list[Tree]) -> Pairs:
    """Return all that a function reaches, by name, from the evidence of a former ppg."""
    if len(trees) < 2 or not isinstance(trees[1], Items):
        return Pairs(())
    items: list[Tree] = []
    offset = _count_codes(trees[0])
    for tree in trees[2:]:
        items.append(_shifted(tree, offset))
        offset += _count_codes(tree)
    found: dict[str, tuple[Tree, Tree]] = {}
    for names in trees[1].items:
        for name, value in names.pairs if isinstance(names, Pairs) else ():
            match value:
                case Typed("item", CodeAt(number)):
                    found.setdefault(str(name), (name, items[number]))
                case _:
                    found.setdefault(str(name), (name, value))
    return Pairs(tuple(found.values()))


def _count_codes(tree: Tree) -> int:
    match tree:
        case CodeAt(number):
            return number + 1
        case Items(_, items):
            return max(map(_count_codes, items), default=0)
        case Pairs(pairs):
            return max((_count_codes(part) for pair in pairs for part in pair), default=0)
        case Typed(_, content):
            return _count_codes(content)
        case _:
            return 0


def _shifted(tree: Tree, offset: int) -> Tree:
    """Return the tree with the numbers of its code objects raised by `offset`."""
    match tree:
        case CodeAt(number):
            return CodeAt(number + offset)
        case Items(tag, items):
            return Items(tag, tuple(_shifted(item, offset) for item in items))
        case Pairs(pairs):
            return Pairs(tuple((_shifted(key, offset), _shifted(value, offset)) for key, value in pairs))
        case Typed(name, content):
            return Typed(name, _shifted(content, offset))
        case _:
            return tree


def describe_changes(changes: Sequence[Change]) -> str:
    """Return the changes as lines of text."""
    lines: list[str] = []
    for change in changes:
        match change:
            case Changed(path, old, new):
                lines.append(f"{path}: {old} → {new}")
            case Added(path, new):
                lines.append(f"{path}: added {new}")
            case Removed(path, old):
                lines.append(f"{path}: removed {old}")
            case SourceChanged(path, name, ""):
                lines.append(
                    f"{path}: the code of {name} changed; its text is unknown, or the same as before"
                )
            case SourceChanged(path, name, diff):
                lines.append(f"{path}: the code of {name} changed")
                lines.extend("    " + line for line in diff.splitlines())
    return "\n".join(lines)


class _Walk:
    """Walk: compares two trees, with the code objects of both sides."""

    def __init__(self, old_codes: _Codes, new_codes: _Codes, *, with_diffs: bool = True) -> None:
        self._with_diffs = with_diffs
        self._old_codes = old_codes
        self._new_codes = new_codes

    def differences(self, path: str, old: Tree, new: Tree) -> Iterator[Change]:
        """Yield the changes at and below `path`."""
        if _key(old, self._old_codes) == _key(new, self._new_codes):
            return
        match old, new:
            case (Typed(name), Typed(other)) if name == other == "function":
                yield from self._function(path, old.content, new.content)
            case (Typed(name), Typed(other)) if name == other:
                yield from self.differences(path, old.content, new.content)
            case Pairs(), Pairs():
                yield from self.pairs(path, old, new, "[{}]")
            case (Items(tag), Items(other)) if tag is other:
                yield from self._items(path, old, new)
            case CodeAt(), CodeAt():
                yield self._source(path, self._old_codes[old.number], self._new_codes[new.number])
            case _:
                yield Changed(path, self.show(old, self._old_codes), self.show(new, self._new_codes))

    def _function(self, path: str, old: Tree, new: Tree) -> Iterator[Change]:
        if not isinstance(old, Pairs) or not isinstance(new, Pairs):
            yield Changed(path, self.show(old, self._old_codes), self.show(new, self._new_codes))
            return
        before, after = dict(old.pairs), dict(new.pairs)
        yield from self.differences(path, before["code"], after["code"])
        for what in ("default", "closure"):
            nothing = Pairs(())
            first, second = before.get(what, nothing), after.get(what, nothing)
            if isinstance(first, Pairs) and isinstance(second, Pairs):
                yield from self.pairs(path, first, second, f" → {what} {{}}")

    def pairs(self, path: str, old: Pairs, new: Pairs, step: str) -> Iterator[Change]:
        """Yield the changes below `path` between pairs; `step` formats a key as a part of the path."""
        before = {_key(key, self._old_codes): (key, value) for key, value in old.pairs}
        after = {_key(key, self._new_codes): (key, value) for key, value in new.pairs}
        for identity, (key, value) in before.items():
            place = path + step.format(self.show(key, self._old_codes))
            if identity in after:
                yield from self.differences(place, value, after[identity][1])
            else:
                yield Removed(place, self.show(value, self._old_codes))
        for identity, (key, value) in after.items():
            if identity not in before:
                yield Added(
                    path + step.format(self.show(key, self._new_codes)), self.show(value, self._new_codes)
                )

    def _items(self, path: str, old: Items, new: Items) -> Iterator[Change]:
        before = [_key(item, self._old_codes) for item in old.items]
        after = [_key(item, self._new_codes) for item in new.items]
        if old.tag in (Tag.SET, Tag.FROZENSET):
            before_keys, after_keys = set(before), set(after)
            for item, key in zip(old.items, before, strict=True):
                if key not in after_keys:
                    yield Removed(path, self.show(item, self._old_codes))
            for item, key in zip(new.items, after, strict=True):
                if key not in before_keys:
                    yield Added(path, self.show(item, self._new_codes))
            if Counter(before).keys() == Counter(after).keys():
                raise AssertionError("sets that differ have different elements")
            return
        for begin, end, new_begin, new_end in self._replaced(before, after):
            common = min(end - begin, new_end - new_begin)
            for offset in range(common):
                yield from self.differences(
                    f"{path}[{begin + offset}]", old.items[begin + offset], new.items[new_begin + offset]
                )
            for index in range(begin + common, end):
                yield Removed(f"{path}[{index}]", self.show(old.items[index], self._old_codes))
            for index in range(new_begin + common, new_end):
                yield Added(f"{path}[{index}]", self.show(new.items[index], self._new_codes))

    def _replaced(self, before: list[_Key], after: list[_Key]) -> Iterator[tuple[int, int, int, int]]:
        """Ranges of two sequences that differ: begin and end in the one, begin and end in the other."""
        if self._with_diffs:
            matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
            yield from (ends for what, *ends in matcher.get_opcodes() if what != "equal")  # type: ignore[misc]
            return
        shorter = min(len(before), len(after))
        same = next((index for index in range(shorter) if before[index] != after[index]), shorter)
        left = shorter - same
        tail = next((index for index in range(left) if before[-1 - index] != after[-1 - index]), left)
        yield same, len(before) - tail, same, len(after) - tail

    def _source(self, path: str, old: CodeEvidence, new: CodeEvidence) -> SourceChanged:
        if old.source is None or new.source is None or not self._with_diffs:
            return SourceChanged(path, new.name, "")
        diff = difflib.unified_diff(
            old.source.splitlines(keepends=True), new.source.splitlines(keepends=True), "before", "now"
        )
        return SourceChanged(path, new.name, "".join(diff))

    def show(self, tree: Tree, codes: _Codes = ()) -> str:
        """Return a text for a tree, not too long."""
        text = _text(tree, codes)
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _key(tree: Tree, codes: _Codes) -> _Key:
    """Return a key that is equal exactly for trees of equal content.

    Types count, NaN equals itself, and code counts by its fingerprint.
    """
    match tree:
        case Items(tag, items):
            return (tag, *(_key(item, codes) for item in items))
        case Pairs(pairs):
            return ("pairs", *((_key(key, codes), _key(value, codes)) for key, value in pairs))
        case Typed(name, content):
            return ("typed", name, _key(content, codes))
        case CodeAt(number):
            return ("code", codes[number].canonical)
        case Up() | TooLarge() | Again():
            return (type(tree), *tree)
        case _:
            return (type(tree), repr(tree))


def _text(tree: Tree, codes: _Codes) -> str:
    match tree:
        case Items(tag, items):
            inside = ", ".join(_text(item, codes) for item in items[:50]) + (", …" if len(items) > 50 else "")
            return _BRACKETS[tag].format(inside + ("," if tag is Tag.TUPLE and len(items) == 1 else ""))
        case Pairs(pairs):
            inside = ", ".join(f"{_text(key, codes)}: {_text(value, codes)}" for key, value in pairs[:50])
            return "{" + inside + (", …" if len(pairs) > 50 else "") + "}"
        case Typed("function", Pairs(pairs)):
            code = dict(pairs).get("code")
            return f"function {codes[code.number].name}" if isinstance(code, CodeAt) else "function"
        case Typed(name, content):
            return f"{name.removeprefix('builtins.')}({_text(content, codes)})"
        case CodeAt(number):
            return f"code of {codes[number].name}"
        case Up(levels):
            return f"<the container {levels} levels up>"
        case TooLarge(size):
            return f"<{size} bytes>"
        case Again():
            return "<seen before>"
        case _:
            return repr(tree)


_BRACKETS = {
    Tag.TUPLE: "({})",
    Tag.LIST: "[{}]",
    Tag.SET: "{{{}}}",
    Tag.FROZENSET: "frozenset({{{}}})",
}
