"""Main module: lets programs that `multiprocessing` starts (spawn, forkserver) in a task find what the script defines.

Such a program runs functions of the main module by name. It would import the main module of its parent by a file or a
name, and that of a node has neither. Its `__spec__` has a name that takes the names of the script along by value. So the
script does not run once more, and its functions are those of the task. A name that cannot be sent stands for an error:
without it, a pool would start one process after another for ever.
"""

from __future__ import annotations

import pickle
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["fill_main_module", "prepare_main_module"]

_MAIN = "__main__"
_FILL = (
    "(__import__('sys').path.__setitem__(slice(None), path), "
    "__import__('ppg_exec.pickling.main_module', fromlist=['']).fill_main_module(*content), '__main__')[2]"
)
"""What a new program evaluates while it reads what its parent has prepared; the name means that there is no more to import."""


class _Spec:
    """_Spec: takes the place of the `__spec__` of a main module."""

    parent = ""

    @property
    def name(self) -> str:
        return _Name(_MAIN)


class _Name(str):
    """_Name: fills the main module of the new program that unpickles it."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.context import get_spawning_popen  # noqa: PLC0415 - few tasks need it

        if get_spawning_popen() is None:
            return str, (_MAIN,)  # no program is being started
        return eval, (_FILL, {"path": list(sys.path), "content": _content(vars(sys.modules[_MAIN]))})


class _Unsent:
    """_Unsent: stands for a value of the script that the process does not have, and raises an error if it is used."""

    def __init__(self, name: str, why: str) -> None:
        self._name = name
        self._why = why

    def __call__(self, *_arguments: object, **_named: object) -> None:
        raise TypeError(self._problem())

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # Python asks for these by itself
        raise AttributeError(self._problem())

    def __getitem__(self, _key: object) -> object:
        raise TypeError(self._problem())

    def __iter__(self) -> Iterator[object]:
        raise TypeError(self._problem())

    def _problem(self) -> str:
        return (
            f"'{self._name}' of the script is not in this process, which multiprocessing has started as a new program: "
            f"{self._why}. Use multiprocessing.get_context('fork'), or put '{self._name}' into a module"
        )


def prepare_main_module() -> None:
    """Have new programs of tasks of this process find what the script defines."""
    main = sys.modules.get(_MAIN)
    # A script that runs as a module of a package (`python -m`) can be imported by its name.
    if main is not None and getattr(main, "__spec__", None) is None:
        main.__spec__ = _Spec()  # type: ignore[assignment]


def fill_main_module(payload: bytes, unsent: Mapping[str, str]) -> None:
    """Give this process, a new program, the names of its parent's main module; with those that could not be sent."""
    main = vars(sys.modules[_MAIN])
    prepare_main_module()
    unsent = dict(unsent)
    names, values = pickle.loads(payload)  # noqa: S301 - from the parent
    try:
        from ppg_exec.pickling.receive import IdentityTable  # noqa: PLC0415 - the parent imports this module, too

        (found,) = IdentityTable().load(values, ())
        main.update(found)
    except Exception as error:  # noqa: BLE001 - the functions raise it when they are called
        unsent.update(dict.fromkeys(names, f"{type(error).__name__}: {error}"))
    main.update((name, _Unsent(name, why)) for name, why in unsent.items())


def _content(main: Mapping[str, object]) -> tuple[bytes, dict[str, str]]:
    from ppg_exec.pickling.culprit import CannotPickle  # noqa: PLC0415 - few tasks need it
    from ppg_exec.pickling.send import dump_alone  # noqa: PLC0415 - the same

    named = {name: value for name, value in main.items() if not name.startswith("__")}
    unsent: dict[str, str] = {}
    try:
        values = dump_alone({"names": named})
    except CannotPickle:
        for name, value in list(named.items()):
            try:
                dump_alone({name: value})
            except CannotPickle as error:
                unsent[name] = f"{error.unpicklable_path} cannot be pickled ({error})"
                del named[name]
        values = dump_alone({"names": named})
    return pickle.dumps((list(named), values)), unsent
