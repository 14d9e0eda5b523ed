"""Cache pickler: pickles values that the same script reads in later runs.

Classes and functions of importable modules are pickled by name, as always. So are those of the user's script: job
processes cannot import the script, but have its names (see `cache_files.read_value`). A value read in a later run is
therefore an instance of the class that the script has now. So `isinstance`, `==` of dataclasses and `is` of enums
work. Only objects without such a name, like a class made inside of a function, are pickled by value.

Equal values make equal bytes, so that nothing runs again because of them: the elements of sets are sorted, as Python
has another order of texts in each process. The order of dictionaries counts, because a function can see it.

The jobs that take a value call the methods of its classes, as they are when these jobs run. So a pickle with names ends
with a digest of the code that they stand for. After an edit of a method the value is calculated again, because the code
that calculates it refers to the class. Its pickle is the same, but the file is not, so the jobs downstream run, too.
The class of an object that is pickled by name counts as well, and so does all that a module of the project defines.

cloudpickle gives a class that it pickles by value a random mark, by which a process that reads it twice has one class. In a
file the mark is made from the content.
"""

import io
import pickle
import re
import sys
from collections import ChainMap
from collections.abc import Iterable
from hashlib import blake2b
from types import CodeType, FunctionType, ModuleType
from typing import IO, Any, ClassVar, TypeVar

import cloudpickle

from ppg.exceptions import JobContractError

__all__ = ["dump"]

Named = type | FunctionType | ModuleType
"""What a pickle has by name, if it has code."""

_SETS = (set, frozenset)

_INSTALLED = ("/site-packages/", "/dist-packages/")

PROTOCOL = 5
"""Not the latest protocol, because another version of Python must not make other bytes."""


def dump(value: object, file: IO[bytes], cache: str, root: str, *, refuses_jobs: bool = False) -> None:
    """Pickle a value, with a digest of the code that the pickle contains by name.

    Parameters:
        value: the return value of the calculation.
        file: the file to write to, from its beginning; open for reading, too.
        cache: the name of the file in messages.
        root: the folder of the project, absolute.
        refuses_jobs: whether the value must not contain jobs.

    Raises:
        JobContractError: the value cannot be pickled.
        OSError: the file cannot be written.
    """
    try:
        named, marks = _dump(value, file, refuses_jobs=refuses_jobs)
        if marks:
            _make_lasting(marks, file)
        file.write(_digest_of(named, root))
    except OSError:
        raise
    except Exception as error:
        way = _way_to_culprit(value, refuses_jobs=refuses_jobs)
        raise JobContractError(
            f"The calculation of '{cache}' returned a {type(value).__qualname__}, which cannot be pickled "
            f"({type(error).__name__}: {error}{way}); let it return plain data"
        ) from error


def _dump(value: object, file: IO[bytes], *, refuses_jobs: bool) -> tuple[Iterable[Named], Iterable[str]]:
    """Pickle a value; returns what is in it by name, and the marks of classes that are in it by value."""
    pickler = _CachePickler(file, PROTOCOL)
    pickler.named, pickler.marks = {}, {}
    pickler.refuses_jobs = refuses_jobs
    pickler.dump(value)
    if not pickler.has_sets:
        return pickler.named.values(), pickler.marks
    sorting = _SortingPickler(file, PROTOCOL)
    sorting.refuses_jobs = refuses_jobs
    file.seek(0)
    file.truncate()
    try:
        sorting.dump(value)
    except RecursionError:
        # Written in Python, this pickler needs more of the stack.
        file.seek(0)
        file.truncate()
        _CachePickler(file, PROTOCOL).dump(value)
    return pickler.named.values(), pickler.marks


def _make_lasting(marks: Iterable[str], file: IO[bytes]) -> None:
    """Replace the random marks of classes, in their order, by others that depend on the content alone."""
    file.seek(0)
    content = file.read()
    neutral = content
    for position, mark in enumerate(marks):
        neutral = neutral.replace(mark.encode(), b"%032d" % position)
    start = blake2b(neutral, digest_size=32).digest()
    for position, mark in enumerate(marks):
        lasting = _LASTING + blake2b(b"%d" % position, key=start).hexdigest()
        content = content.replace(mark.encode(), lasting[: len(mark)].encode())
    file.seek(0)
    file.truncate()
    file.write(content)


def _way_to_culprit(value: object, *, refuses_jobs: bool) -> str:
    """The way to the innermost part that cannot be pickled, for messages; empty if that is the value itself."""
    from ppg_exec import find_culprit  # noqa: PLC0415 (only a failure needs it)

    steps, _ = find_culprit(
        {"the value": value}, lambda part: _dump(part, io.BytesIO(), refuses_jobs=refuses_jobs)
    )
    return f"; the way to it: {steps}" if " → " in steps else ""


NO_FILE = "<dynamic-code>"
"""What cloudpickle gives out as the file of all code, from 3.1.3 on."""


def _reduce_code(code: CodeType) -> Any:
    """How cloudpickle rebuilds a code object, with the name of its file, which tracebacks show."""
    make, arguments = cloudpickle.Pickler.dispatch_table[CodeType](code)
    return make, tuple(code.co_filename if each == NO_FILE else each for each in arguments)


class _CachePickler(cloudpickle.Pickler):  # type: ignore[misc]
    dispatch_table: ClassVar[Any] = ChainMap({CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table)
    refuses_jobs: bool = False
    has_sets: bool = False
    """Whether there are sets with an order that may be another one in the next process."""
    named: dict[int, Named] | None = None
    """Gets the classes, functions and modules that are pickled by name."""
    marks: dict[str, None] | None = None
    """Gets the random marks that cloudpickle gives to classes which it pickles by value."""

    def persistent_id(self, obj: Any) -> None:
        """Look at each object; none is left out of the pickle."""
        kind = type(obj)
        if (kind is set or kind is frozenset) and len(obj) > 1:
            self.has_sets = True

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _SETS) and len(obj) > 1:
            self.has_sets = True  # of a subclass; `persistent_id` has seen the others
        return _reduced(self, obj)


def _reduced(pickler: Any, obj: Any) -> Any:
    if isinstance(obj, (type, FunctionType)) and _has_name(obj):
        if pickler.named is not None:
            pickler.named[id(obj)] = obj
        return NotImplemented  # pickle then refers to the object by name
    kind: Any = type(obj)
    if pickler.named is not None:
        if isinstance(obj, ModuleType) or _is_wrapper_with_name(obj):
            pickler.named[id(obj)] = obj
        elif id(kind) not in pickler.named and (
            kind.__reduce__ is not object.__reduce__
            or kind.__reduce_ex__ is not object.__reduce_ex__
            or _has_name(kind)
        ):
            pickler.named[id(kind)] = kind  # also if the object is pickled as the name of a global
    # Classes of ppg that this process may not have imported have this method alone.
    if pickler.refuses_jobs and hasattr(kind, "implicit_invariants"):
        raise TypeError(f"{obj!r} is a job, which belongs to its script; return its name or its path instead")
    if isinstance(obj, TypeVar):
        reduced = cloudpickle.Pickler.dispatch_table[TypeVar](obj)
    else:
        reduced = cloudpickle.Pickler.reducer_override(pickler, obj)
    if pickler.marks is not None and reduced is not NotImplemented and isinstance(obj, (type, TypeVar)):
        pickler.marks.update((one, None) for one in reduced[1] if isinstance(one, str) and _MARK(one))
    return reduced


def _is_wrapper_with_name(obj: Any) -> bool:
    """Whether this is a function with `lru_cache`, for example, which is no function of Python."""
    return (
        "__wrapped__" in getattr(obj, "__dict__", ())
        and isinstance(getattr(obj, "__module__", None), str)
        and isinstance(getattr(obj, "__qualname__", None), str)
        and _has_name(obj)
    )


_MARK = re.compile("[0-9a-f]{32}").fullmatch
_LASTING = "ppg"
"""The beginning of marks that do not change any more, so that a class keeps its mark in another file."""


_PythonPickler: Any = pickle._Pickler


class _SortingPickler(_PythonPickler):  # type: ignore[misc]
    """Sorting pickler: writes the elements of sets in an order that depends on the elements alone.

    The pickler that is written in C has no method for sets.
    """

    dispatch: ClassVar[Any] = dict(_PythonPickler.dispatch)
    dispatch_table: ClassVar[Any] = _CachePickler.dispatch_table
    refuses_jobs: bool = False
    named: dict[int, Named] | None = None
    marks: dict[str, None] | None = None
    # How cloudpickle reduces functions, of which these methods are part.
    _dynamic_function_reduce = cloudpickle.Pickler._dynamic_function_reduce
    _function_reduce = cloudpickle.Pickler._function_reduce
    _function_getnewargs = cloudpickle.Pickler._function_getnewargs

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self.globals_ref: dict[int, Any] = {}

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _SETS) and (arguments := _arguments_of(obj)) is not None:
            return arguments
        if isinstance(obj, (type, FunctionType)) or self.refuses_jobs:
            return _reduced(self, obj)
        return NotImplemented

    def save_set(self, obj: Any) -> None:
        """Write a set."""
        self.write(pickle.EMPTY_SET)
        self.memoize(obj)
        elements = _sorted(obj)
        for start in range(0, len(elements), _BATCH):
            self.write(pickle.MARK)
            for element in elements[start : start + _BATCH]:
                self.save(element)
            self.write(pickle.ADDITEMS)

    def save_frozenset(self, obj: Any) -> None:
        """Write a frozenset."""
        self.write(pickle.MARK)
        for element in _sorted(obj):
            self.save(element)
        if id(obj) in self.memo:
            # One of its elements refers to it, and has written it.
            self.write(pickle.POP_MARK + self.get(self.memo[id(obj)][0]))
            return
        self.write(pickle.FROZENSET)
        self.memoize(obj)

    dispatch[set] = save_set
    dispatch[frozenset] = save_frozenset


_BATCH = 1000


def _arguments_of(subset: Any) -> Any:
    """How an instance of a subclass of set is rebuilt, with sorted elements; None if the class has its own way."""
    kind = type(subset)
    base = set if isinstance(subset, set) else frozenset
    if kind is base or any(
        getattr(kind, name) is not getattr(base, name) for name in ("__reduce__", "__reduce_ex__", "__iter__")
    ):
        return None
    make, _, state = subset.__reduce__()
    return make, (_sorted(subset),), state


def _sorted(elements: Iterable[object]) -> list[object]:
    found = list(elements)
    if len({type(one) for one in found}) == 1 and type(found[0]) in (str, bytes, int):
        return sorted(found)  # type: ignore[type-var]
    return sorted(found, key=_bytes_of)


def _bytes_of(element: object) -> bytes:
    file = io.BytesIO()
    _SortingPickler(file, PROTOCOL).dump(element)
    return file.getvalue()


def _has_name(value: "type | FunctionType") -> bool:
    found: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _digest_of(named: Iterable[Named], root: str) -> bytes:
    """Return a digest of the code of classes and functions of the user's project; empty if there are none.

    Parameters:
        named: what a pickle has by name.
        root: the folder of the project, absolute.
    """
    possible = {
        one.__name__ if isinstance(one, ModuleType) else f"{one.__module__}.{one.__qualname__}": one
        for one in named
        if _may_be_of_project(_module_of(one))
    }
    if not possible:
        return b""
    # Most values have no class of the project, and the import costs more than their pickles.
    from ppg_invariants import CannotFingerprint, Follow, fingerprint_function, is_of_project  # noqa: PLC0415

    follow = Follow(root=root)
    parts: list[bytes] = []
    for name in sorted(possible):
        one = possible[name]
        if not is_of_project(_module_of(one)):
            continue
        code = _import_of(name) if isinstance(one, ModuleType) else one
        try:
            content = fingerprint_function(code, follow=follow).bytecode.hex()
        except CannotFingerprint as error:
            content = str(error)  # the function of the job refers to the same code, and a message says so
        parts.append(f"{name} {content}\n".encode())
    return (
        b"".join((b"\ncode: ", blake2b(b"".join(parts)).hexdigest()[:32].encode(), b"\n")) if parts else b""
    )


def _module_of(one: Named) -> Any:
    return one.__name__ if isinstance(one, ModuleType) else one.__module__


def _import_of(module: str) -> FunctionType:
    """Return a function with a fingerprint of all that a module of the project defines."""
    names: dict[str, Any] = {}
    exec(f"def use():\n import {module} as found\n return found", names)  # noqa: S102 (the name of an imported module)
    function: FunctionType = names["use"]
    return function


def _may_be_of_project(module: object) -> bool:
    if not isinstance(module, str):
        return False
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None)
    if isinstance(file, str):
        return not any(folder in file for folder in _INSTALLED) and not _is_of_python(top)
    return not _is_of_python(top)


def _is_of_python(top: str) -> bool:
    return top in sys.builtin_module_names or top == "builtins"
