"""Class members: selects the members that the class body wrote, not those that Python or a decorator adds."""

import dataclasses
import dis
import enum
import functools
import importlib
import inspect
import types
from typing import Any

from ppg_invariants.values.tags import type_name

__all__ = ["members_that_count"]

_NOTES = frozenset(
    "__module__ __qualname__ __doc__ __dict__ __weakref__ __firstlineno__ __static_attributes__ __slotnames__ "  # noqa: SIM905
    "__annotations__ __annotate__ __annotate_func__ __annotations_cache__ __conditional_annotations__ "
    "__abstractmethods__ _abc_impl __parameters__ __orig_bases__ __type_params__ __classcell__ __classdictcell__ "
    "__dataclass_fields__ __dataclass_params__ __attrs_attrs__ __attrs_props__".split()
)

_SETTING_ANY = frozenset({"setattr", "vars", "__dict__", "__setattr__"})
_DATACLASS_OPTIONS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")


def members_that_count(kind: type, *, whole: bool = False) -> dict[str, object]:
    """Return the members that count, by name, in the form that the encoder takes.

    With `whole`, also metadata of fields, and all members of enums. A ppg that did not watch the values of globals left
    these out.
    """
    if issubclass(kind, enum.Enum):
        others = _other_members_of_enum(kind) if whole else {}
        return others | _members_of_enum(kind)
    members: dict[str, object] = {}
    if whole and (registered := _registered_classes(kind)):
        members["registered classes"] = registered
    generated = bool(kind.__dict__.get("__dataclass_fields__") or kind.__dict__.get("__attrs_attrs__"))
    for name, value in vars(kind).items():
        if name in _NOTES or name.startswith("__pydantic_") or isinstance(value, types.GetSetDescriptorType):
            continue
        if isinstance(value, types.MemberDescriptorType):
            members[name] = "slot"
        elif not (generated and _is_generated(value)):
            members[name] = value
    if "__dataclass_fields__" in kind.__dict__:
        members["fields"] = [_field(field) for field in kind.__dict__["__dataclass_fields__"].values()]
        fields = kind.__dict__["__dataclass_fields__"].values()
        metadata = {field.name: dict(field.metadata) for field in fields if field.metadata}
        if whole and metadata:
            members["metadata of fields"] = metadata
        # Every version of Python keeps these options; the other options show in the members that they add.
        options = kind.__dict__["__dataclass_params__"]
        members["options"] = [getattr(options, name) for name in _DATACLASS_OPTIONS]
    if "__attrs_attrs__" in kind.__dict__:
        members["fields"] = [attribute.name for attribute in kind.__dict__["__attrs_attrs__"]]
    return members


def _members_of_enum(kind: type[enum.Enum]) -> dict[str, object]:
    methods = (types.FunctionType, staticmethod, classmethod, property)
    return {name: member.value for name, member in kind.__members__.items()} | {
        name: value
        for name, value in vars(kind).items()
        if isinstance(value, methods) and not _is_generated(value)
    }


def _other_members_of_enum(kind: type[enum.Enum]) -> dict[str, object]:
    """Return what is neither a member of the enum nor a method, nor made by Python; and the order of the members."""
    others = {
        name: value.fget if isinstance(value, types.DynamicClassAttribute) else value
        for name, value in vars(kind).items()
        if name not in kind.__members__ and not (name.startswith("_") and name.endswith("_"))
    }
    return {"order of members": tuple(kind.__members__), **others, **_attributes_of_members(kind)}


def _attributes_of_members(kind: type[enum.Enum]) -> dict[str, object]:
    """Return what was set on members, apart from what the code of the class sets: that follows from their values."""
    methods = [
        code
        for base in kind.__mro__
        if base.__module__ != "enum"
        for value in vars(base).values()
        if (code := getattr(getattr(value, "__func__", value), "__code__", None)) is not None
    ]
    if any(_SETTING_ANY.intersection(code.co_names) for code in methods):
        return {}
    set_by_class = {
        instruction.argval
        for code in methods
        for instruction in dis.get_instructions(code)
        if instruction.opname == "STORE_ATTR"
    }
    return {
        f"attribute {name} of {member}": value
        for member, found in kind.__members__.items()
        for name, value in vars(found).items()
        if not name.startswith("_")
        and name not in set_by_class
        and not isinstance(inspect.getattr_static(kind, name, None), functools.cached_property)
    }


def _registered_classes(kind: type) -> list[str]:
    """Return the names of the classes that were registered with an abstract class."""
    if "_abc_impl" not in kind.__dict__:
        return []
    get_dump = importlib.import_module("_abc")._get_dump  # as ABCMeta does, to print it
    registry = get_dump(kind)[0]
    classes = (reference() for reference in registry)
    return sorted(type_name(registered) for registered in classes if registered is not None)


def _field(field: "dataclasses.Field[Any]") -> object:
    has_default = field.default is not dataclasses.MISSING
    has_factory = field.default_factory is not dataclasses.MISSING
    return (
        field.name,
        (field.default,) if has_default else (),
        (field.default_factory,) if has_factory else (),
        (field.init, field.repr, field.hash, field.compare, bool(field.kw_only)),
    )


def _is_generated(value: object) -> bool:
    function = getattr(value, "__wrapped__", value)
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    filename: str = code.co_filename
    return filename.startswith("<") or filename.endswith(("/dataclasses.py", "/enum.py", "/reprlib.py"))
