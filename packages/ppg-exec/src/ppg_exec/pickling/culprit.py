"""Culprit: finds what makes a callback unpicklable, and the path to it, for the error message."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from enum import EnumMeta
from typing import Any

__all__ = ["CannotPickle", "find_culprit", "way_to_culprit"]

_DEEPEST = 32


class CannotPickle(TypeError):  # noqa: N818 - reads as what happened
    """CannotPickle: says that a callback, or what it returned, cannot be sent to another process.

    `unpicklable_path` leads from the callback to the culprit: "closure 'db' → attribute 'connection'".
    """

    def __init__(self, path: str, message: str | None = None) -> None:
        if message is None:
            super().__init__(path)  # pickle passes the message, and sets the path afterwards
            return
        super().__init__(message)
        self.unpicklable_path = path


def find_culprit(named: Mapping[str, object], attempt: Callable[[object], object]) -> tuple[str, str]:
    """The path to the innermost part of the `named` values that `attempt` cannot pickle, and its reason.

    The path reads "callback → closure 'db' → attribute 'connection' → Connection". `attempt` raises for what
    it cannot pickle. Each step attempts the parts of what failed before, so only a failure pays for this.
    """
    steps, way, reason = way_to_culprit(named, attempt)
    if not way:
        return steps[0], reason
    return " → ".join((*steps, type(way[-1]).__name__)), reason


def way_to_culprit(
    named: Mapping[str, object], attempt: Callable[[object], object]
) -> tuple[list[str], list[object], str]:
    """The steps to the innermost part that `attempt` cannot pickle, the parts on the way to it, and its reason."""
    steps: list[str] = []
    way: list[object] = []
    seen: set[int] = set()
    for name, value in named.items():
        reason = _failure(value, attempt)
        if reason is not None:
            steps.append(name)
            current = value
            break
    else:
        return [next(iter(named))], [], "it could not be pickled, though each of its parts can be"
    while len(steps) < _DEEPEST:
        way.append(current)
        seen.add(id(current))
        for step, part in _visible_parts(current):
            if id(part) in seen:
                continue
            failure = _failure(part, attempt)
            if failure is not None:
                if step:
                    steps.append(step)
                current, reason = part, failure
                break
        else:
            break
    return steps, way, reason


def _failure(value: object, attempt: Callable[[object], object]) -> str | None:
    try:
        attempt(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - user code decides what it raises
        try:
            return f"{type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001 - its __str__ may raise, too
            return type(error).__name__
    return None


def _visible_parts(value: object) -> Iterator[tuple[str, object]]:
    try:
        yield from _parts(value)
    except Exception:  # noqa: BLE001 - user code decides what a look at an object raises
        return


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    match value:
        case types.FunctionType():
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                try:
                    yield f"closure {name!r}", cell.cell_contents
                except ValueError:
                    continue
            for default in value.__defaults__ or ():
                yield "default", default
            for name, default in (value.__kwdefaults__ or {}).items():
                yield f"default of {name!r}", default
            for name in _all_names(value.__code__):
                if name in value.__globals__:
                    yield f"global {name!r}", value.__globals__[name]
            for name, attribute in value.__dict__.items():
                yield f"attribute {name!r}", attribute
        case types.MethodType():
            yield "self", value.__self__
            yield "", value.__func__
        case Mapping():
            for key, item in value.items():
                yield f"key {key!r}", key
                yield f"[{key!r}]", item
        case list() | tuple() | set() | frozenset():
            for index, item in enumerate(value):
                yield f"[{index}]" if isinstance(value, list | tuple) else "element", item
        case EnumMeta():
            for name, member in value._member_map_.items():
                for attribute, part in vars(member).items():
                    yield f"attribute {attribute!r} of {name!r}", part
        case type() | types.ModuleType():
            return
        case _:
            for name in ("func", "args", "keywords"):
                if hasattr(value, name) and type(value).__name__ == "partial":
                    yield name, getattr(value, name)
            for name, attribute in getattr(value, "__dict__", {}).items():
                yield f"attribute {name!r}", attribute
            for kind in type(value).__mro__:
                slots = kind.__dict__.get("__slots__", ())
                for name in (slots,) if isinstance(slots, str) else slots:
                    if hasattr(value, name):
                        yield f"attribute {name!r}", getattr(value, name)


def _all_names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _all_names(const)
