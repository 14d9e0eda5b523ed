"""Types: returns plain content for values of types beyond the built-in plain ones.

`content_of` returns a name for the type and a value made of simpler types, or None for an unknown type. This
module never imports numpy, pandas, polars, attrs or pydantic, nor modules of the standard library that most
runs do not need. A value of their types can exist only after their import.
"""

import datetime
import sys
import types
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeVar

from ppg_invariants.engine_names import later_fields
from ppg_invariants.values.tags import Unencodable, module_of, type_name

__all__ = ["Content", "content_of", "is_registered", "register_encoder"]

_T = TypeVar("_T")

Content = tuple[str, object]
"""Name of the type, and a simpler value with the content."""

_registered: dict[type, Callable[[Any], object]] = {}


def register_encoder(kind: type[_T], to_plain: Callable[[_T], object]) -> None:
    """Fingerprint values of `kind` and its subclasses by the result of `to_plain`.

    `to_plain` returns a value made of types that ppg can encode. Its result must depend only on the value's
    content. The name of the type counts, too. Registering a type again replaces the earlier function.
    """
    if not isinstance(kind, type):
        raise TypeError(f"register_encoder: kind must be a class, not {kind!r}")
    if not callable(to_plain):
        raise TypeError(f"register_encoder: to_plain must be a function, not {to_plain!r}")
    _registered[kind] = to_plain


def is_registered(kind: type) -> bool:
    """Whether `register_encoder` was called for this type or for one of its bases."""
    return any(base in _registered for base in kind.__mro__)


def content_of(value: Any) -> Content | None:
    """Return name and content of a value; None if its type is unknown."""
    kind = type(value)
    for base in kind.__mro__:
        to_plain = _registered.get(base) or _STANDARD.get(base) or _of_imported(base)
        if to_plain is not None:
            return type_name(kind), to_plain(value)
    if isinstance(value, Enum):
        return type_name(kind), (value.name, value.value)
    top = module_of(kind).partition(".")[0]
    if top in ("numpy", "pandas", "polars"):
        from ppg_invariants.values import arrays  # noqa: PLC0415 (few values need it)

        found = arrays.content_of_array(value, top)
        if found is not None:
            return found
    return _content_of_record(value, kind) or _content_of_subclass(value, kind)


def _of_imported(base: type) -> Callable[[Any], object] | None:
    """Return the entry of `_IF_IMPORTED` for exactly this class, not for another class of the same name."""
    for (module, name), to_plain in _IF_IMPORTED.items():
        if getattr(sys.modules.get(module), name, None) is base:
            return to_plain
    return None


def _content_of_record(value: Any, kind: type) -> Content | None:
    """Return the content of an object with declared fields: dataclass, attrs, pydantic, named tuple."""
    fields = kind.__dict__.get("__dataclass_fields__") or getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        names = [name for name, field in fields.items() if field._field_type.name == "_FIELD"]
        return type_name(kind), _without_later(kind, _attributes(value, names))
    declared = getattr(kind, "__attrs_attrs__", None)
    if declared is not None:
        return type_name(kind), _attributes(value, [attribute.name for attribute in declared])
    if "pydantic" in sys.modules and hasattr(kind, "__pydantic_fields_set__"):
        state = {"fields": dict(value.__dict__), "extra": value.__pydantic_extra__}
        private = getattr(value, "__pydantic_private__", None)
        if private:
            state["private"] = dict(private)
        return type_name(kind), state
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return type_name(kind), _without_later(kind, dict(zip(kind._fields, tuple(value), strict=True)))
    return None


def _without_later(kind: type, attributes: dict[str, object]) -> dict[str, object]:
    for name, default in later_fields(kind).items():
        if attributes[name] == default:
            del attributes[name]
    return attributes


def _attributes(value: object, names: list[str]) -> dict[str, object]:
    found = {}
    for name in names:
        try:
            found[name] = getattr(value, name)
        except AttributeError:
            raise Unencodable(
                f"field {name!r} of this {type_name(type(value))} was never set; set it, or give it a default"
            ) from None
    return found


def _content_of_subclass(value: Any, kind: type) -> Content | None:
    """Return the content of an instance of a subclass of a plain type: plain content and own attributes."""
    for base in (bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset):
        if isinstance(value, base):
            plain: object = _plain(base, value)
            attributes = getattr(value, "__dict__", None)
            return type_name(kind), (plain, dict(attributes)) if attributes else (plain,)
    return None


def _plain(base: type, value: Any) -> object:
    """Return the content by the base type's methods, even if the subclass overrides them."""
    if base is dict:
        return dict(dict.items(value))
    if base is str:
        return str.__str__(value) if type(str.__str__(value)) is str else "".join(str.__iter__(value))
    if base in (list, tuple, set, frozenset):
        return base(base.__iter__(value))
    if base is int:
        return int.__add__(value, 0)
    if base is float:
        return float.__mul__(value, 1.0)
    if base is complex:
        return complex(value.real, value.imag)
    return bytes(value)


def _range(value: range) -> object:
    """Return the content of a range; ranges of the same numbers have equal content."""
    if not value:
        return (0,)
    return (len(value), value[0]) if len(value) == 1 else (len(value), value[0], value.step)


def _datetime(value: datetime.datetime) -> object:
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return naive, value.fold, value.tzinfo


def _time(value: datetime.time) -> object:
    return value.replace(tzinfo=None, fold=0).isoformat(), value.fold, value.tzinfo


def _timezone(value: datetime.tzinfo) -> object:
    key = getattr(value, "key", None)  # zoneinfo.ZoneInfo
    if isinstance(key, str):
        return key
    if isinstance(value, datetime.timezone):
        return value.utcoffset(None), value.tzname(None)
    raise Unencodable(f"the time zone {type_name(type(value))} is not supported; use zoneinfo.ZoneInfo")


def _pattern(value: Any) -> object:
    return value.pattern, value.flags


def _class(value: type) -> object:
    if "<locals>" in value.__qualname__:
        raise Unencodable(
            f"the class {type_name(value)} is local to a function and has no lasting name; define it outside"
        )
    return type_name(value)


def _function(value: Callable[..., object]) -> object:
    name = getattr(value, "__qualname__", type(value).__name__)
    raise Unencodable(
        f"{name} is a function, not a value; depend on its code with depends_on_func (FunctionInvariant)"
    )


def _builtin(value: Any) -> object:
    if value.__self__ is not None and not isinstance(value.__self__, types.ModuleType):
        raise Unencodable(
            f"{value.__qualname__} is a method bound to an object, not a value; pass the data of that object"
        )
    return f"{value.__module__}.{value.__qualname__}"


_STANDARD: dict[type, Callable[[Any], object]] = {
    bytearray: bytes,
    memoryview: lambda value: (value.format, value.shape, value.tobytes()),
    array: lambda value: (value.typecode, list(value)),
    range: _range,
    slice: lambda value: (value.start, value.stop, value.step),
    type(...): lambda _value: (),
    type(NotImplemented): lambda _value: (),
    PurePath: str,
    datetime.datetime: _datetime,
    datetime.date: datetime.date.isoformat,
    datetime.time: _time,
    datetime.timedelta: lambda value: (value.days, value.seconds, value.microseconds),
    datetime.tzinfo: _timezone,
    deque: lambda value: (list(value), value.maxlen),
    OrderedDict: lambda value: list(value.items()),
    defaultdict: lambda value: (dict(value), value.default_factory),
    types.MappingProxyType: dict,
    types.SimpleNamespace: lambda value: dict(vars(value)),
    type(__import__("re").compile("")): _pattern,
    type: _class,
    types.FunctionType: _function,
    types.MethodType: _function,
    types.BuiltinFunctionType: _builtin,
    types.GenericAlias: lambda value: (value.__origin__, value.__args__),
    types.UnionType: lambda value: frozenset(value.__args__),
}

_IF_IMPORTED: dict[tuple[str, str], Callable[[Any], object]] = {
    ("decimal", "Decimal"): lambda value: tuple(value.as_tuple()),
    ("fractions", "Fraction"): lambda value: (value.numerator, value.denominator),
    ("uuid", "UUID"): lambda value: value.bytes,
}
"""Classes that are found in their modules only if these are imported, because that import takes long."""
