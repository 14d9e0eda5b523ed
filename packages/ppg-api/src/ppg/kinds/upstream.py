"""Upstream: marks, as the default of a parameter, what a decorated function gets of a job."""

import functools
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType

__all__ = ["Upstream", "defaults_of", "refuse_upstreams"]


class Upstream:
    """Upstream: the return value of `upstream`, a default in the place of which a function gets a job's product."""

    __slots__ = ("needed",)

    def __init__(self, needed: object) -> None:
        # An iterator can be read only once, so its items are kept.
        self.needed: object = list(needed) if isinstance(needed, Iterator) else needed


def defaults_of(function: FunctionType) -> dict[str, object]:
    """Return the defaults of a function, by parameter."""
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    by_name = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    return by_name | (function.__kwdefaults__ or {})


def refuse_upstreams(callback: Callable[..., object], owner: str) -> None:
    """Refuse a callback that would get an `Upstream` itself, because no decorator takes its place.

    Parameters:
        callback: of a class of jobs; a function, or what is around it.
        owner: the job, as messages name it.

    Raises:
        TypeError: a parameter has one.
    """
    given: set[str] = set()
    within: object = callback
    while within is not None:
        values, inner = _taken_apart(within)
        for name, value in values.items():
            if isinstance(value, Upstream) and name not in given:
                raise TypeError(
                    f"{owner}: the parameter '{name}' is ppg.upstream(...), and only decorators pass what that job made; "
                    "write @ppg.file(...), or another decorator, instead of the class, or call depends_on"
                )
        given |= values.keys()
        within = inner


def _taken_apart(callback: object) -> tuple[dict[str, object], object | None]:
    """Return the values that a callback has for its parameters, and the callback within it."""
    if isinstance(callback, functools.partial):
        return callback.keywords, callback.func
    if isinstance(callback, MethodType):
        return {}, callback.__func__
    if isinstance(callback, FunctionType):
        # A look into `__dict__` would make one, for every function.
        return defaults_of(callback), getattr(callback, "__wrapped__", None)
    return {}, None
