"""Guards: raise the error with the remedy where a script uses a name that is gone.

Type checkers do not see the guards: for them an old name does not exist.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

from ppg.porting.lookup import attribute_error, keyword_error, name_error

__all__ = [
    "SET_ON_GRAPHS",
    "SET_ON_JOBS",
    "RefusesOldAttributes",
    "RefusesOldNames",
    "RefusesToSetOldAttributes",
    "raise_for_name",
    "refuse_setting",
    "refuses_old_keywords",
]

_Parameters = ParamSpec("_Parameters")
_Returned = TypeVar("_Returned")

SET_ON_JOBS = (
    "always_capture_output",
    "always_runs",
    "depend_on_function",
    "dependency_callbacks",
    "do_cache",
    "do_cleanup",
    "do_cleanup_if_was_never_run",
    "do_ignore_code_changes",
    "error_reason",
    "filenames",
    "is_temp_job",
    "resources",
)
"""Attributes of the predecessors' jobs that scripts set."""

SET_ON_GRAPHS = frozenset(
    {
        "allow_short_filenames",
        "cores",
        "dir_config",
        "do_dump_graph",
        "dry_run",
        "dump_graph",
        "invariant_status_filename",
        "log_level",
        "log_retention",
        "logger",
        "prevent_absolute_paths",
        "push_events",
        "rc",
        "report_done_filter",
        "restart_afterwards",
        "run_mode",
    }
)
"""Attributes of the predecessors' graphs that scripts set."""


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


class RefusesOldAttributes:
    """Refuses old attributes: the base of classes of which the predecessors' objects had more attributes."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            if not any(name in vars(base) for base in kind.__mro__):
                error = attribute_error(kind, name, _shown(self))
                if error is not None:
                    raise error
            # Python calls this method also if a property raises AttributeError, which is raised again here.
            return object.__getattribute__(self, name)


class RefusesToSetOldAttributes(RefusesOldAttributes):
    """Refuses to set old attributes: the base of graphs, which also refuse assignments."""

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if name in SET_ON_GRAPHS and _is_own(type(self)):
                raise attribute_error(type(self), name, _shown(self))
            object.__setattr__(self, name, value)


class _OldAttribute:
    """Old attribute: raises where a script sets an attribute that is gone, unless its own subclass has it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, kind: type) -> object:
        own = getattr(instance, "__dict__", {})
        if self._name in own:
            return own[self._name]
        subject = kind.__name__ if instance is None else _shown(instance)
        error = attribute_error(kind, self._name, subject)
        assert error is not None
        raise error

    def __set__(self, instance: object, value: object) -> None:
        if _is_own(type(instance)):
            error = attribute_error(type(instance), self._name, _shown(instance))
            assert error is not None
            raise error
        instance.__dict__[self._name] = value


def refuse_setting(kind: type, names: Iterable[str]) -> None:
    """Make assignments of these attributes errors, for all objects of a class and of ppg's own subclasses."""
    for name in names:
        setattr(kind, name, _OldAttribute(name))


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
