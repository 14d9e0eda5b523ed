"""Signature: decides from a callback's signature, at the declaration, which arguments it gets."""

import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType

from ppg.kinds.upstream import Upstream, refuse_upstreams

__all__ = ["Callback", "is_function", "wants_argument"]

_NOT_RUN_BY_A_CALL = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_NOT_PLAIN = _NOT_RUN_BY_A_CALL | inspect.CO_VARARGS
"""Flags of functions for which the number of parameters does not decide which arguments they get."""

Callback = Callable[..., object]
"""A user's function: takes no argument, or the path or paths that the job makes."""


def is_function(value: object) -> bool:
    """Whether a value can be called, and is no job. A job can be called, too, but stands for what it makes."""
    return callable(value) and not hasattr(type(value), "implicit_invariants")


def wants_argument(callback: object, owner: str) -> bool:
    """Whether the callback is called with one argument rather than with none.

    It gets one if exactly one positional parameter has no default. In `lambda name=name: ...` the default captures a
    loop variable, and does not ask for the path. A decorator that passes on `*args` (`functools.wraps`) gets the
    arguments of the function that it wraps.

    Parameters:
        callback: the user's function.
        owner: the job, as messages name it.

    Raises:
        TypeError: the callback is not callable, or cannot be called with at most one positional argument. Or a call
            of it does nothing, because it is a generator or an async function. Or a parameter is `upstream(...)`.
    """
    if type(callback) is FunctionType:
        code = callback.__code__
        for default in callback.__defaults__ or ():
            if type(default) is Upstream:
                refuse_upstreams(callback, owner)
        if not code.co_kwonlyargcount and not code.co_flags & _NOT_PLAIN:
            required = code.co_argcount - len(callback.__defaults__ or ())
            if required <= 1:
                return required == 1
    elif not callable(callback):
        raise TypeError(f"{owner}: the function must be callable, but is {callback!r}")
    elif not is_function(callback):
        raise TypeError(
            f"{owner}: the function must be a function, but is the job {callback!r}; depend on the job, or pass the function"
        )
    elif isinstance(callback, type):
        raise TypeError(
            f"{owner}: the function must be a function, but is the class {callback.__qualname__}; write a function that calls it"
        )
    refuse_upstreams(callback, owner)
    _require_runs_when_called(callback, owner)
    return _required_parameters(callback, owner) == 1


def _require_runs_when_called(callback: object, owner: str) -> None:
    while isinstance(callback, functools.partial):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    if type(function) is FunctionType and function.__code__.co_flags & _NOT_RUN_BY_A_CALL:
        kind = "a generator" if function.__code__.co_flags & inspect.CO_GENERATOR else "an async function"
        raise TypeError(
            f"{owner}: the function '{function.__qualname__}' is {kind}: a call of it does not run its code; wrap it "
            "in a function that does"
        )


def _required_parameters(callback: Callable[..., object], owner: str) -> int:
    passes_on = type(callback) is not FunctionType or bool(callback.__code__.co_flags & inspect.CO_VARARGS)
    try:
        signature = inspect.signature(callback, follow_wrapped=passes_on)
    except ValueError:
        # Some builtins have no signature; ppg calls them without arguments.
        return 0
    required = 0
    for parameter in signature.parameters.values():
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            raise TypeError(
                f"{owner}: the function needs the keyword argument '{parameter.name}', which ppg would not pass; "
                "give it a default"
            )
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            required += 1
    if required > 1:
        kind = "method" if isinstance(callback, MethodType) else "function"
        raise TypeError(
            f"{owner}: the {kind} takes {required} arguments, but ppg passes none or one (the path it makes); "
            "give the others defaults, or use functools.partial"
        )
    return required
