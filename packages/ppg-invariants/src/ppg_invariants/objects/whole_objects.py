"""Whole objects: encodes the parts of objects and classes that other encoders leave out.

A global name stands for an object with all that decides its behaviour:

- attributes beside the declared fields of a dataclass, or beside the content of a subclass of `deque`, `Path` and the like;
- the object of a bound method, and the class of a class method, in any depth;
- the `self` that a decorator's function captured;
- the order of a dict, in which code can walk it;
- a lock or a logger inside an object is nothing, and does not keep the object from being compared.

The last four hold for *items*, which global names lead to. The callback's own `self` never counts.
"""

import enum
import functools
import sys
import types
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

from ppg_invariants.compiled.code import Code
from ppg_invariants.compiled.origin import Origin
from ppg_invariants.objects.captured import CapturedEncoder, static_attribute
from ppg_invariants.objects.class_members import members_that_count
from ppg_invariants.objects.docstrings import attributes_without_copy
from ppg_invariants.objects.watched import is_silent
from ppg_invariants.values.encoding import PLAIN_WRITERS, encode_name, fingerprint_encoding
from ppg_invariants.values.tags import module_of, type_name
from ppg_invariants.values.types import Content, is_registered

__all__ = ["WholeObjectsEncoder", "parts_of_item"]

_OF_CODE = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.CodeType, type)
_WITH_ATTRIBUTES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
"""Types of which `content_of` takes the attributes of instances of subclasses."""
_SELF_KEY = encode_name("self")
_ORDER_OF_KEYS = "order of keys"
_MOST_KEYS_SHOWN = 100
"""Up to so many keys an explanation can show; the order of more of them counts by a hash."""
_OWN_KEYS = {
    ("class", "made by", "arguments", "state", "items", "pairs"),
    ("name", "bases", "metaclass", "members"),
}
"""The keys of the dicts that encoders make, in their order."""


class WholeObjectsEncoder(CapturedEncoder):
    """Whole objects encoder: see the module.

    Parameters:
        former: whether to encode as ppg did before it watched the values of globals.
        items: whether it encodes what a global name leads to, not the callback itself.
    """

    def __init__(self, *, former: bool = False, items: bool = False) -> None:
        super().__init__(former=former)
        self._is_item = items and not former
        self._silent: dict[type, bool] = {}

    def write_other(self, value: Any, out: bytearray) -> None:
        """Append a value of a type that is not built in; one that decides no result is nothing inside an item."""
        if self._is_item and not isinstance(value, _OF_CODE):
            kind = type(value)
            silent = self._silent.get(kind)
            if silent is None:
                silent = self._silent[kind] = is_silent(value)
            if silent:
                self.write_object(value, "silent", None, out)
                return
            if kind is getattr(sys.modules.get("_struct"), "Struct", None):
                self.write_object(value, "struct", value.format, out)
                return
        super().write_other(value, out)

    def write_mapping(self, items: Iterable[tuple[object, object]], out: bytearray) -> None:
        """Append key-value pairs; those of an item in their order, as one more pair unless the keys are sorted."""
        if self._is_item:
            items = list(items)
            keys = tuple(key for key, _ in items)
            if len(keys) > 1 and keys not in _OWN_KEYS and not _are_sorted_texts(keys):
                if len(keys) <= _MOST_KEYS_SHOWN or not all(type(key) in PLAIN_WRITERS for key in keys):
                    items.append((_ORDER_OF_KEYS, keys))
                else:
                    encoded = bytearray()
                    for key in keys:
                        PLAIN_WRITERS[type(key)](None, key, encoded)
                    items.append((_ORDER_OF_KEYS, fingerprint_encoding(bytes(encoded))))
        super().write_mapping(items, out)

    def _write_method(self, method: types.MethodType, out: bytearray) -> None:
        if self._is_item:
            self.write_object(method, "method", (method.__func__, method.__self__), out)
        else:
            super()._write_method(method, out)

    def _more_of_function(self, function: types.FunctionType, code: Code, out: bytearray) -> int:
        if not self._is_item or "self" not in code.object.co_freevars:
            return 0
        try:
            captured = (function.__closure__ or ())[code.object.co_freevars.index("self")].cell_contents
        except ValueError:
            return 0  # the variable has no value yet
        out += _SELF_KEY
        self._write_member(captured, out)
        return 1

    def _members_of(self, kind: type) -> dict[str, object]:
        return members_that_count(kind, whole=not self._former)

    def _content_of(self, value: Any) -> Content | None:
        content = super()._content_of(value)
        if content is None or self._former:
            return content
        beside = self._attributes_beside(value)
        return (content[0], (content[1], beside)) if beside else content

    def _attributes_beside(self, value: Any) -> dict[str, object]:
        """Return the attributes that the content of a value does not have."""
        kind = type(value)
        if module_of(kind).partition(".")[0] == "pandas":
            notes = static_attribute(value, "_attrs")
            return dict(notes) if isinstance(notes, dict) else {}
        if is_registered(kind) or self._origin_of_class(kind) is not Origin.PROJECT:
            return {}
        try:
            own = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return {}
        fields = getattr(kind, "__dataclass_fields__", None) or getattr(kind, "__attrs_attrs__", None)
        if fields is not None:
            names = {field if isinstance(field, str) else field.name for field in fields}
        elif _has_all_attributes(value, kind):
            return {}
        else:
            names = set()
        return {
            name: part
            for name, part in attributes_without_copy(value, own).items()
            if name not in names
            and not (isinstance(value, enum.Enum) and name.startswith("_"))
            and not isinstance(static_attribute(kind, name), functools.cached_property)
        }


def _are_sorted_texts(keys: tuple[object, ...]) -> bool:
    texts = [key for key in keys if type(key) is str]
    return len(texts) == len(keys) and texts == sorted(texts)


def _has_all_attributes(value: Any, kind: type) -> bool:
    """Whether `content_of` takes the attributes of a value, too."""
    if isinstance(value, types.SimpleNamespace) or hasattr(kind, "__pydantic_fields_set__"):
        return True
    if isinstance(value, (OrderedDict, defaultdict, enum.Enum)) or hasattr(kind, "_fields"):
        return False
    return isinstance(value, _WITH_ATTRIBUTES)


def parts_of_item(value: Any) -> dict[str, object]:
    """Return the parts of a tuple, a partial or a wrapper that counts part by part, because one has no content."""
    if isinstance(value, (tuple, frozenset)):
        parts = list(value)
        if isinstance(value, frozenset):
            parts.sort(key=lambda part: getattr(part, "__qualname__", type_name(type(part))))
        return {f"[{index}]": part for index, part in enumerate(parts)}
    if isinstance(value, functools.partial):
        found = {"function": value.func}
        found |= {f"argument {index}": part for index, part in enumerate(value.args)}
        return found | {f"argument {name}": part for name, part in value.keywords.items()}
    wrapped = static_attribute(value, "__wrapped__")
    return {"wrapped": wrapped} if callable(wrapped) else {}
