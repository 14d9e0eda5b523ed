"""Classes: rebuilds classes that travel by value as they are, without the script's code that has made them.

That code has run in the main process already. In the copy it would register a class twice (`__init_subclass__`, a
metaclass), ask for keywords that are gone, or make members of an enum from their values alone. So hooks that
travel by value themselves are not called; those of modules are, since the modules of this process do not know the class.

An enum is copied with all that its members have. Class and members refer to each other: `make_enum` makes the class with
bare members, and `complete_enum` adds what may refer to them. A process has one copy of each enum.

Job processes use this module, so it imports next to nothing.
"""

from __future__ import annotations

import _abc  # type: ignore[import-not-found]
import copyreg
import os
import types
import weakref
from enum import Enum, EnumMeta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ppg_exec.pickling.function_parts import Importability

__all__ = [
    "complete_enum",
    "enum_member",
    "make_class",
    "make_enum",
    "reduced_class",
    "reduced_enum",
    "reduced_member",
]

_LEFT_OUT = frozenset({"__dict__", "__weakref__", "__slotnames__", "__annotate_func__"})
_GIVEN = ("__module__", "__qualname__", "__doc__", "__slots__")

# What this process has of each enum: its own, or the copy that it has completed.
_numbers: weakref.WeakKeyDictionary[EnumMeta, str] = weakref.WeakKeyDictionary()
_incomplete: weakref.WeakKeyDictionary[EnumMeta, str] = weakref.WeakKeyDictionary()
_made: weakref.WeakValueDictionary[str, EnumMeta] = weakref.WeakValueDictionary()


def reduced_class(kind: type[Any], reduced: Any, importability: Importability) -> Any:
    """How a class is rebuilt, given how cloudpickle does it: without hooks that travel by value, too."""
    if not isinstance(reduced, tuple):
        return reduced
    metaclass = type(kind)
    hooks = _hooks_by_value(kind, importability)
    maker = next(each for each in type.mro(metaclass) if importability.has_name(each))
    if not hooks and maker is metaclass and kind.__qualname__ == kind.__name__:
        return reduced
    make, arguments, *rest = reduced
    return make_class, (make, arguments, kind.__qualname__, maker, hooks), *rest


def make_class(
    make: Callable[..., Any],
    arguments: tuple[Any, ...],
    qualname: str,
    maker: type[type],
    hooks: tuple[type, ...],
) -> Any:
    """The class that `make` makes of its arguments, but `maker` acts for the metaclass, and `hooks` are not called."""
    metaclass, *rest = arguments

    def new(name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> Any:
        kind = maker.__new__(metaclass, name, bases, namespace)
        maker.__init__(kind, name, bases, namespace)
        return kind

    with _Unhooked(hooks):
        kind = make(metaclass if maker is metaclass else new, *rest)
    kind.__qualname__ = qualname
    return kind


class _Unhooked:
    """_Unhooked: takes `__init_subclass__` off classes, for the time that a subclass is made."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes = classes
        self._taken: list[tuple[type, object]] = []

    def __enter__(self) -> None:
        for each in self._classes:
            hook = vars(each).get("__init_subclass__")
            if hook is not None:
                self._taken.append((each, hook))
                type.__delattr__(each, "__init_subclass__")

    def __exit__(self, *_: object) -> None:
        for each, hook in self._taken:
            type.__setattr__(each, "__init_subclass__", hook)


def _hooks_by_value(kind: type, importability: Importability) -> tuple[type, ...]:
    """The classes above this one that travel by value, and have something to do when a subclass is made."""
    return tuple(
        base
        for base in kind.__mro__[1:]
        if "__init_subclass__" in vars(base) and not importability.has_name(base)
    )


def reduced_enum(kind: EnumMeta, importability: Importability) -> Any:
    """How an enum is rebuilt."""
    members = _members_of(kind)
    bare = [(name, value, *_construction(kind, member)) for name, value, member in members]
    given = {name: vars(kind)[name] for name in _GIVEN if name in vars(kind)}
    given["__qualname__"] = kind.__qualname__
    state = {
        name: value
        for name, value in vars(kind).items()
        if name not in _LEFT_OUT and name not in given and not isinstance(value, types.MemberDescriptorType)
    }
    if "_abc_impl" in state:
        # What the class registers with others.
        state["_abc_impl"] = [
            each for reference in _abc._get_dump(kind)[0] if (each := reference()) is not None
        ]
    hooks = _hooks_by_value(kind, importability)
    parts = [part for _, _, member in members for part in (dict(vars(member)), _slots(member))]
    construction = (type(kind), kind.__name__, kind.__bases__, given, bare, _number_of(kind), hooks)
    return make_enum, construction, (state, *parts), None, None, complete_enum


def reduced_member(member: Enum) -> Any:
    """How a member of an enum that travels by value is found; NotImplemented for other instances of its class."""
    kind = type(member)
    name = getattr(member, "_name_", None)
    if kind._member_map_.get(name) is member:  # type: ignore[arg-type]
        return enum_member, (kind, name, None)
    if any(each is member for each in kind._value2member_map_.values()):
        return enum_member, (kind, None, member._value_)
    return NotImplemented


def enum_member(kind: type[Enum], name: str | None, value: object) -> Enum:
    """The member of this name; of a flag without a name, the combination with this value."""
    if name is not None:
        return kind._member_map_[name]
    known = kind._value2member_map_.get(value)
    return kind(value) if known is None else known


def make_enum(
    metaclass: type[EnumMeta],
    name: str,
    bases: tuple[type, ...],
    given: dict[str, object],
    bare: list[tuple[str | None, object, Any, tuple[Any, ...], Any]],
    number: str,
    hooks: tuple[type, ...],
) -> EnumMeta:
    """An enum with members that have no attributes yet, or this process's copy of it.

    A bare member is its name, its value if it has no name, and what `_construction` gives.
    """
    known = _made.get(number)
    if known is not None:
        return known
    with _Unhooked(hooks):
        kind = type.__new__(metaclass, name, bases, {**given, "_member_map_": {}, "_value2member_map_": {}})
    for member_name, value, maker, arguments, contents in bare:
        member = maker.__new__(kind, *arguments)
        if contents is not None:
            maker.__init__(member, contents)
        if member_name is None:
            kind._value2member_map_[value] = member
        else:
            kind._member_map_[member_name] = member
    _made[number] = kind
    _incomplete[kind] = number
    return kind


def complete_enum(kind: EnumMeta, state: tuple[dict[str, Any], ...]) -> None:
    """Give an enum and its members their attributes; a complete one stays as it is."""
    number = _incomplete.pop(kind, None)
    if number is None:
        return
    attributes, *parts = state
    registered = attributes.pop("_abc_impl", None)
    if registered is not None:
        _abc._abc_init(kind)
        for each in registered:
            _abc._abc_register(kind, each)
    for (_, _, member), own, slots in zip(_members_of(kind), parts[::2], parts[1::2], strict=True):
        vars(member).update(own)
        for name, value in slots.items():
            object.__setattr__(member, name, value)
    for name, value in attributes.items():
        type.__setattr__(kind, name, value)
    _numbers[kind] = number


def _members_of(kind: EnumMeta) -> list[tuple[str | None, Any, Any]]:
    """The members, each once, with their names; combinations of flags without a name, with their values."""
    found: dict[int, tuple[str | None, Any, Any]] = {}
    for name, member in kind._member_map_.items():
        found.setdefault(id(member), (name, None, member))
    for value, member in kind._value2member_map_.items():
        found.setdefault(id(member), (None, value, member))
    return list(found.values())


def _construction(kind: Any, member: Any) -> tuple[Any, tuple[Any, ...], Any]:
    """The type that makes an instance for the member, its arguments, and the contents of a list or dict."""
    maker: Any = kind._member_type_
    if maker is object:
        return object, (), None
    reduced: Any = maker.__reduce_ex__(member, 2)
    make, arguments, *rest = reduced
    _, items, pairs = (*rest[:3], None, None, None)[:3]
    contents = list(items) if items is not None else dict(pairs) if pairs is not None else None
    if make is copyreg.__newobj__:  # type: ignore[attr-defined]
        arguments = arguments[1:]
    elif make is not kind:
        arguments = (make(*arguments),)
    return maker, arguments, contents


def _slots(member: Enum) -> dict[str, object]:
    """The attributes of a member that are in slots, apart from those that its construction gives."""
    kind: Any = type(member)
    maker = kind._member_type_
    makes_slots = maker.__reduce__ is not object.__reduce__ or maker.__reduce_ex__ is not object.__reduce_ex__
    found = {}
    for base in kind.__mro__:
        if "__slots__" in vars(base) and not (makes_slots and issubclass(maker, base)):
            for name, descriptor in vars(base).items():
                if isinstance(descriptor, types.MemberDescriptorType) and hasattr(member, name):
                    found[name] = descriptor.__get__(member)
    return found


def _number_of(kind: EnumMeta) -> str:
    number = _numbers.get(kind)
    if number is None:
        number = _numbers[kind] = os.urandom(16).hex()
        _made[number] = kind
    return number
