"""References: follows the global names in code to functions, classes and values of the user's project.

A function's own code contains ``helpers.clean(x)``, but the code of ``clean`` is elsewhere. With a `Follow`,
the fingerprint of a function also contains what its global names stand for, recursively:

- functions and classes of the project, by their code;
- installed code (in site-packages) by name and by the version of its distribution; Python itself does not
  count;
- constants: numbers, strings, bytes, None, and tuples and frozensets of these;
- all other values, by content: dicts and lists, arrays, instances with the code of their class (see `watched`);
- modules of the project, by the attributes that the code reads from them directly (``helpers.clean``); all that they define
  if they are passed on (``getattr(helpers, name)``), or lie in a value, a closure or a default.

Methods of objects that the function gets as arguments do not count, nor names that are made at run time. Parts of
functions and classes without comparable content count by their type. A value without comparable content is left out,
and `left_out` names it.

`Follow(values=False)` leaves out the fourth group. `Follow(former=True)` gives the fingerprints of a ppg that did not
have it; see `listed` and `resolution`.

Names are resolved at the moment of the fingerprint. A `Follow` caches the values, so it belongs to one
moment. See `components` for the fingerprints.
"""

import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ppg_invariants.compiled.code import Code, code_of, code_that_reads
from ppg_invariants.compiled.origin import note_project
from ppg_invariants.engine_names import lasting_module
from ppg_invariants.errors import CannotFingerprint
from ppg_invariants.functions.components import Item, Reference, References, find_components
from ppg_invariants.functions.global_names import (
    WHOLE_MODULE,
    FollowingEncoder,
    Resolved,
    ValueEncoder,
    encode_item,
    encoded_constant,
    is_code,
    is_whole,
)
from ppg_invariants.functions.import_effects import Effects
from ppg_invariants.functions.listed import Listing
from ppg_invariants.functions.modules import MissingModule, Modules
from ppg_invariants.functions.unloaded import Statements
from ppg_invariants.objects.captured import plain_function
from ppg_invariants.objects.watched import LeftOut, is_silent, is_unwatched, names_read
from ppg_invariants.values.encoding import encode_name

__all__ = ["Follow"]

_NOT_FOUND = "no module of this name is found where the script looks for modules"
_MADE_AT_RUN_TIME = "the name of the module is made at run time"
_EFFECTS = FollowingEncoder().encode("imports", root="item")
_Place = tuple[int, bool]
"""The identity of the names in which code spells a name, and whether the code imports it."""
_Met = list[tuple[Code, Mapping[str, object]]]


class _WholeModule(NamedTuple):
    """Whole module: stands for all names that a module of the project defines."""

    names: Mapping[str, object]


class Follow:
    """Follow: makes `fingerprint_function` follow global names, for one round of fingerprints.

    Parameters:
        values: whether the values of names that are neither code nor constants count, too.
        root: the folder of the project; absolute paths in it, in values, count relative to it.
        former: whether to give the fingerprints of a former ppg, for comparison with what it recorded; see `listed`.
    """

    def __init__(self, *, values: bool = True, root: str | None = None, former: bool = False) -> None:
        self._values = values
        self._root = root
        if root is not None:
            note_project(root)
        self.listing: Listing | None = Listing() if former else None
        self._modules = Modules()
        self._items: dict[int, Item] = {}
        self._failed: dict[int, tuple[object, str]] = {}
        self._told: set[tuple[int, str]] = set()
        self.left_out: list[LeftOut] = []
        """The names with values that cannot count, which were met since the last `take_left_out`."""
        self._names_of_values: set[str] = set()
        self._of_code: dict[tuple[Code, int], References] = {}
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
            for chain, names in self._chains_met()
            for module, name, value in names_read(chain, names)
            if self._values or is_code(value) or encoded_constant(value)
        }

    def _chains_met(self) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
        """Yield the chains of names in the code met so far, each with the names in which it begins."""
        for (code, _), names in self._met.items():
            for chain in (*code.references, *_own_name(code)):
                yield chain, names
            for one in code.imports:
                for module, *chain_in_module in self._modules.chains_in_loaded(one, names):
                    yield tuple(chain_in_module), vars(sys.modules[module])

    def take_left_out(self) -> list[LeftOut]:
        """Return the names with values that cannot count, each once, which were met since the last call."""
        new, self.left_out = self.left_out, []
        return new

    def fingerprint_parts(self, function: object) -> tuple[bytes, tuple[Code, ...], References]:
        """Return the encoding, the code objects and the references of a function.

        Raises CannotFingerprint only for the function itself, because items cannot fail.
        """
        if type(function) is types.FunctionType:
            plain = plain_function(function)
            if plain is not None:
                return plain[0], (plain[1],), self._led_to(plain[1], function.__globals__)
        encoder = FollowingEncoder()
        content = encoder.encode(function, root="function")
        if len(encoder.met) == 1 and isinstance(function, types.FunctionType):
            return content, tuple(encoder.codes), self._led_to(*encoder.met[0])
        return content, tuple(encoder.codes), self._completed(encoder.met)

    def _led_to(self, code: Code, names: Mapping[str, object]) -> References:
        """Return the references of a code object; its closures share them."""
        key = (code, id(names))
        known = self._of_code.get(key)
        if known is None:
            known = self._of_code[key] = self._completed([(code, names)])
            self._kept_alive.append(names)
        return known

    def _completed(self, met: _Met) -> References:
        references = self._references(met)
        find_components(references.items, self._expand)
        return references

    def _expand(self, item: Item) -> list[Item]:
        if isinstance(item.value, Effects):
            names = id(item.value.names)
            resolved = (((names, False), each) for each in (*item.value.own, *item.value.imported))
            item.references = self._references_to(resolved)
        else:
            item.references = self._references(item.met)
        return item.references.items

    def _item(self, value: object) -> Item:
        known = self._items.get(id(value))
        if known is None:
            content, encoder = encode_item(value)
            known = self._items[id(value)] = Item(value, content, tuple(encoder.codes), encoder.met)
        return known

    def _references(self, met: _Met) -> References:
        """Return the references of functions, sorted by encoded name.

        Names of later functions do not hide names of earlier ones.
        """
        return self._references_to(self._resolved(met))

    def _resolved(self, met: _Met) -> Iterator[tuple[_Place, Resolved]]:
        """Yield what code leads to."""
        for code, names in met:
            if code is WHOLE_MODULE:
                name = f"module {lasting_module(str(names.get('__name__')))}"
                yield (id(names), False), Resolved(name, _WholeModule(names), names)
                continue
            self._met[code, id(names)] = names
            for resolved in self._named(code, names):
                yield (id(names), False), resolved
            for resolved in self._imported(code, names):
                yield (id(names), True), resolved

    def _references_to(self, resolved_names: Iterable[tuple[_Place, Resolved]]) -> References:
        found: dict[tuple[str, _Place], Reference] = {}
        for place, resolved in resolved_names:
            key = (resolved.name, place)
            reference = None if key in found else self._reference(resolved)
            if reference is not None:
                found[key] = reference
        return References(tuple(sorted(found.values(), key=lambda entry: entry.name)))

    def _named(self, code: Code, names: Mapping[str, object]) -> Iterator[Resolved]:
        """Yield what the global names in code lead to."""
        for chain in code.references:
            yield from self._modules.named(chain, names)

    def _imported(self, code: Code, names: Mapping[str, object]) -> Iterator[Resolved]:
        """Yield what code uses of modules that it imports."""
        for one in code.imports:
            if is_unwatched(names, one.module.partition(".")[0] or "importlib"):
                continue
            if not one.module and not one.level:
                self._leave_out(names, LeftOut("importlib", _MADE_AT_RUN_TIME, is_module=True))
                continue
            try:
                yield from self._modules.imported(one, names)
            except MissingModule:
                name = "." * one.level + one.module
                yield Resolved(name, f"there is no {name}", names)
                if not one.is_optional:
                    self._leave_out(names, LeftOut(name, _NOT_FOUND, is_module=True))

    def _leave_out(self, namespace: Mapping[str, object], left_out: LeftOut) -> None:
        """Note, once, that a name does not count."""
        told = (id(namespace), left_out.name)
        if told not in self._told:
            self._told.add(told)
            self.left_out.append(left_out)

    def _reference(self, resolved: Resolved) -> Reference | None:
        """Return the reference of a name; None if its value does not count."""
        if self._values and is_unwatched(
            resolved.namespace, resolved.name.partition(" ")[0].rpartition(".")[2]
        ):
            return None
        name, value = encode_name(resolved.name), resolved.value
        if isinstance(value, Statements):
            return Reference(name, b"", self._item_of_statements(value, resolved.namespace))
        if isinstance(value, Effects):
            return Reference(name, b"", self._item_of_effects(value))
        if is_whole(value):
            value = _WholeModule(vars(value))
        if isinstance(value, _WholeModule):
            return Reference(name, b"", self._item_of_module(value.names))
        constant = encoded_constant(value, self._root)
        if constant:
            return Reference(name, constant, None)
        if is_code(value):
            return Reference(name, b"", self._item(value))
        item = self._item_of_value(resolved) if self._values else None
        return None if item is None else Reference(name, b"", item)

    def _item_of_statements(self, made: Statements, names: Mapping[str, object]) -> Item:
        known = self._items.get(id(made))
        if known is None:
            encoder = FollowingEncoder()
            content = encoder.encode(made.codes, root="item")
            met = [(code_of(code), names) for code in made.codes]
            known = self._items[id(made)] = Item(made, content, tuple(encoder.codes), met)
        return known

    def _item_of_effects(self, effects: Effects) -> Item:
        known = self._items.get(id(effects))
        if known is None:
            known = self._items[id(effects)] = Item(effects, _EFFECTS, (), [])
        return known

    def _item_of_module(self, names: Mapping[str, object]) -> Item:
        """Return the item of a module that is passed on, or lies in a value: all that it defines."""
        known = self._items.get(id(names))
        if known is None:
            name = lasting_module(str(names.get("__name__")))
            content = FollowingEncoder().encode(name, root="item")
            known = self._items[id(names)] = Item(
                names, content, (), [(code_that_reads(self._modules.defined(names)), names)]
            )
        return known

    def _item_of_value(self, resolved: Resolved) -> Item | None:
        """Return the item of a value that is neither code nor constant; None if it has no content."""
        value = resolved.value
        known = self._items.get(id(value))
        if known is not None:
            return known
        if is_silent(value):
            return None
        failed = self._failed.get(id(value))
        if failed is None:
            encoder = ValueEncoder(self._root)
            try:
                content = encoder.encode(value, root=resolved.name)
            except CannotFingerprint as error:
                failed = self._failed[id(value)] = (value, str(error))
            else:
                item = self._items[id(value)] = Item(value, content, tuple(encoder.codes), encoder.met)
                if not isinstance(value, types.BuiltinFunctionType):
                    self._names_of_values.add(resolved.name)
                return item
        self._leave_out(resolved.namespace, LeftOut(resolved.name, failed[1]))
        return None


def _own_name(code: Code) -> tuple[tuple[str, ...], ...]:
    """Return the name by which code travels, as a chain; none for local functions, which travel by value."""
    return () if "<" in code.name else ((code.name.partition(".")[0],),)
