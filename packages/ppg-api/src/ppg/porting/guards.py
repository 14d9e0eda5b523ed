"""Guards: raise the error with the remedy where a script uses a name that is gone.

Type checkers do not see the guards: for them an old name does not exist.
"""

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

from ppg.porting.lookup import attribute_error, keyword_error, name_error, old_attributes

__all__ = [
    "RefusesOldAttributes",
    "RefusesOldNames",
    "is_gone",
    "raise_for_name",
    "refuses_old_keywords",
]

_Parameters = ParamSpec("_Parameters")
_Returned = TypeVar("_Returned")


def raise_for_name(module: str, name: str) -> NoReturn:
    """Raise the error for a name that a module of ppg does not have; called by its `__getattr__`.

    Raises:
        ImportError: the name is one of the predecessors, in `from ppg import NAME`.
        AttributeError: in all other cases.
    """
    error = name_error(module, name, sys._getframe(2))
    raise error or AttributeError(f"module {module!r} has no attribute {name!r}", name=name)


class RefusesOldNames(ModuleType):
    """Refuses old names: the class of the module `ppg`, which refuses to set the names of its predecessors."""

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        # Picklers take the name of a module only of its own type.
        return importlib.import_module, (self.__name__,)

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if name in {"global_pipegraph", "util"}:
                raise name_error(self.__name__, name, sys._getframe(1))
            super().__setattr__(name, value)


class _OldAttribute:
    """Old attribute: raises where a script reads or sets an attribute that is gone, unless its own subclass has it.

    A `__getattr__` would do so, too, but it makes each access to each attribute of the class slower.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, kind: type) -> object:
        own = getattr(instance, "__dict__", {})
        if instance is not None and self._name in own:
            return own[self._name]
        error = self._refusal(kind, kind.__name__ if instance is None else _shown(instance))
        raise error

    def __set__(self, instance: object, value: object) -> None:
        if _is_own(type(instance)):
            error = self._refusal(type(instance), _shown(instance))
            raise error
        instance.__dict__[self._name] = value

    def __delete__(self, instance: object) -> None:
        if self._name not in getattr(instance, "__dict__", {}):
            error = self._refusal(type(instance), _shown(instance))
            raise error
        del instance.__dict__[self._name]

    def _refusal(self, kind: type, subject: str) -> AttributeError:
        error = attribute_error(kind, self._name, subject)
        return error or AttributeError(f"{subject} has no attribute '{self._name}'", name=self._name)


class RefusesOldAttributes:
    """Refuses old attributes: the base of classes of which the predecessors' objects had more attributes."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __init_subclass__(cls, **options: object) -> None:
            super().__init_subclass__(**options)
            if _is_own(cls):
                for name in old_attributes(cls.__name__):
                    if not any(name in vars(base) for base in cls.__mro__):
                        setattr(cls, name, _OldAttribute(name))

        def __dir__(self) -> list[str]:
            return [name for name in object.__dir__(self) if not is_gone(type(self), name)]


def is_gone(kind: type, name: str) -> bool:
    """Whether an attribute of a class only says that its predecessor had it."""
    return isinstance(
        next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None), _OldAttribute
    )


def refuses_old_keywords(
    name: str,
) -> Callable[[Callable[_Parameters, _Returned]], Callable[_Parameters, _Returned]]:
    """Return a decorator for a function that does not have all parameters of its predecessor.

    Parameters:
        name: the function's name in the table.
    """

    def decorate(function: Callable[_Parameters, _Returned]) -> Callable[_Parameters, _Returned]:
        @functools.wraps(function)
        def call(*arguments: _Parameters.args, **options: _Parameters.kwargs) -> _Returned:
            try:
                return function(*arguments, **options)
            except TypeError:
                error = keyword_error(name, options) if options else None
                if error is None:
                    raise
            raise error

        return call

    return decorate


def _is_own(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "ppg"


def _shown(instance: object) -> str:
    """Return an object's class and, if it has one already, its job id."""
    kind = type(instance).__name__
    try:
        return f"{kind} '{object.__getattribute__(instance, 'job_id')}'"
    except AttributeError:
        return kind
