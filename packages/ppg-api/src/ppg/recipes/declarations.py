"""Declarations: make jobs of functions, for the decorators, which have the types.

The classes of the jobs do all the work. The job process gets a copy of the function, with defaults that name the jobs
instead of holding them. The names count as part of the function, and the jobs themselves stay in the main process.
"""

import copy
import functools
import inspect
import os
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any

from ppg.jobs.callback_job import CallbackJob
from ppg.jobs.file_jobs import FileJob
from ppg.jobs.folder_jobs import FolderJob
from ppg.jobs.invariants import ParameterInvariant
from ppg.jobs.job import Job, JobPart, unadmitted
from ppg.kinds.signature import is_function
from ppg.kinds.upstream import Upstream, defaults_of
from ppg.paths import require_folder, require_path
from ppg.recipes.inherited import graph_for
from ppg.recipes.passed import has_jobs, jobs_and_files, names_of, product_of, require_finite
from ppg.recipes.stored_job import StoredValueJob, automatic_name
from ppg.session.current import SESSION
from ppg.session.namespaces import WholeName, full_id, full_path
from ppg.worker.calls import Late, filled, has_late, has_loaded
from ppg_invariants import ReferredValues

__all__ = ["declaration_of", "declare_job"]

_BOUND = "a bound value"
"""The default, in the function of the job, of a parameter with a bound value. The value is a parameter of the job."""
_NAMED_BY = {
    "file": "output_filename",
    "temp_file": "output_filename",
    "files": "filenames",
    "temp_files": "filenames",
}


class _Declaration(functools.partial[Any]):
    """_Declaration: makes a job of a function, as `_declared` does.

    A function may refer to it. Then it counts as the partial that it is.
    """

    def __call__(self, function: Callable[..., object], /, **bound: object) -> Any:
        """Declare the job, and return it.

        Parameters:
            function: is not changed, and may be used for many jobs.
            bound: values of parameters of the function. Jobs, and `upstream(...)`, stand for their products; all other
                values are parameters of the job: it runs again when they change.

        Raises:
            TypeError: the function has no such parameter, or a value cannot be passed or fingerprinted.
        """
        kind, name = self.args
        return _declared(kind, name, function, self.keywords, bound)


def declaration_of(decorator: str, kind: type[CallbackJob], name: object, **options: Any) -> Any:
    """Return a decorator, which makes jobs of functions; see `_Declaration.__call__`, and `typed` for its types.

    Parameters:
        decorator: its name.
        kind: the class of the job.
        name: the first argument of the class: a name, or files.
        options: the keyword arguments of the class.

    Raises:
        TypeError: the name is a function, because the decorator was written without its parentheses.
    """
    if is_function(name):
        raise TypeError(
            f"ppg.{decorator}: {_NAMED_BY.get(decorator, 'job_id')} must not be the function "
            f"'{getattr(name, '__qualname__', name)}'; write @ppg.{decorator}(...) above it, with what it makes in "
            "the parentheses"
        )
    return _Declaration(_declared, kind, name, **options)


def declare_job(
    kind: type[CallbackJob], name: object, function: Callable[..., object], **options: Any
) -> Any:
    """Declare a job as a decorator does.

    Parameters:
        kind: the class of the job.
        name: its first argument.
        function: its function.
        options: its keyword arguments.
    """
    return _declared(kind, name, function, options, {})


def _declared(
    kind: type[CallbackJob],
    name: object,
    function: Callable[..., object],
    options: Mapping[str, Any],
    bound: Mapping[str, object],
) -> CallbackJob:
    what = (
        f"{kind.__name__} '{_whole(name, kind)}'" if name is not None else f"ppg.cached above '{function!r}'"
    )
    if type(function) is not FunctionType:
        raise TypeError(f"{what}: only functions can be decorated, not {function!r}; use the class")
    stores = issubclass(kind, StoredValueJob)
    if name is None:
        if bound:
            raise TypeError(
                f"ppg.cached: the values of '{function.__qualname__}' with bound parameters need names of their own; "
                'give them: ppg.cached("name")(function, ...)'
            )
        name = automatic_name(function)
        what = f"{kind.__name__} '{_whole(name, kind)}'"
    plain, dependencies = _taken_apart(
        function, what, bound, takes_output=issubclass(kind, FileJob) and not stores
    )
    jobs = (one for needed in dependencies.values() for one in jobs_and_files(needed))
    options = {**options, "pipegraph": graph_for(options.get("pipegraph"), jobs, what)}
    job = unadmitted(kind, name, plain, **options)
    if not bound:
        # The line of the function; a function that is bound may be far from what it makes.
        job.declared_at = (function.__code__.co_filename, function.__code__.co_firstlineno)
    parameters = {each: value for each, value in bound.items() if each not in dependencies}
    compared = _compared(parameters, job, what) if parameters else None
    # The job gets the values that are compared, even if the script changes a list later.
    values: dict[str, object] = {
        each: _copied(value, _parameter(what, each)) for each, value in parameters.items()
    }
    late: dict[str, Callable[[], object]] = {}
    loaded: list[str] = []
    for parameter, needed in dependencies.items():
        product = product_of(needed, job.pipegraph, _parameter(what, parameter))
        if isinstance(product, Late):
            late[parameter] = product.value
        elif has_late(product):
            late[parameter] = functools.partial(filled, product)
        else:
            values[parameter] = product
        if has_loaded(product):
            loaded.append(parameter)
    job._pass_to_callback(values, late, loaded)
    admitted = job.pipegraph._admit(job)
    assert isinstance(admitted, kind)
    if compared is not None:
        admitted.depends_on(admitted.pipegraph._admit(compared))
    for needed in dependencies.values():
        for one in jobs_and_files(needed):
            if isinstance(one, StoredValueJob):
                admitted.depends_on(one, *one._code_of_reading())
            elif isinstance(one, (Job, JobPart)):
                admitted.depends_on(one)
            else:
                admitted.depends_on_file(one)
    return admitted


def _compared(parameters: Mapping[str, object], job: CallbackJob, what: str) -> ParameterInvariant:
    """Return the invariant of bound values, which is not admitted yet, so that a mistake leaves no job behind.

    Raises:
        TypeError: a value cannot be fingerprinted, or has a job in it.
    """
    for each, value in parameters.items():
        if callable(value):
            continue  # what a function refers to is looked at where it is called
        for _, inner, _ in ReferredValues((Job, JobPart)).within(value):
            raise TypeError(
                f"{_parameter(what, each)} is bound to an object that has {inner!r}, on which the job would not depend; bind "
                "that job itself, or upstream(...) of it, and other values apart"
            )
    known_as = WholeName(f"{job.job_id} (bound)")
    return unadmitted(ParameterInvariant, known_as, parameters, pipegraph=job.pipegraph)


def _copied(value: object, what: str) -> object:
    try:
        return copy.deepcopy(value)
    except Exception as error:
        raise TypeError(
            f"{what} is bound to a value that cannot be copied ({type(error).__name__}: {error}); bind a plain value"
        ) from error


def _whole(name: object, kind: type[CallbackJob]) -> object:
    """Return a name as messages show it: with the namespace."""
    if not SESSION.namespace or not isinstance(name, (str, os.PathLike)):
        return name
    if not issubclass(kind, FileJob) or issubclass(kind, StoredValueJob):
        return full_id(str(name))
    argument = kind.__name__
    path = require_folder(name, argument) if issubclass(kind, FolderJob) else require_path(name, argument)
    return full_path(path)


def _taken_apart(
    function: FunctionType, what: str, bound: Mapping[str, object], *, takes_output: bool
) -> tuple[FunctionType, dict[str, object]]:
    """Return a copy of the function with defaults that name jobs, and the jobs by parameter.

    Raises:
        TypeError: a parameter with a job cannot be passed by name, or is hidden by another decorator; or a bound
            parameter is none of the function.
    """
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    by_name = defaults_of(function)
    _require_no_hidden_job(function, what, by_name)
    _require_parameters(code, bound, what)
    if takes_output and positional and positional[0] in bound and positional[0] not in by_name:
        raise TypeError(f"{what}: the parameter '{positional[0]}' is what ppg passes; bind the others only")
    by_name = {**by_name, **bound}
    dependencies = {
        name: value.needed if isinstance(value, Upstream) else value
        for name, value in by_name.items()
        if _is_dependency(value, _parameter(what, name))
    }
    for name in (*dependencies, *bound):
        if name in positional[: code.co_posonlyargcount]:
            raise TypeError(f"{what}: the parameter '{name}' gets its value by name; put it behind the '/'")
    stand_ins = {
        name: names_of(dependencies[name]) if name in dependencies else _BOUND if name in bound else value
        for name, value in by_name.items()
    }
    first = next((index for index, name in enumerate(positional) if name in stand_ins), len(positional))
    unbound = [name for name in positional[first:] if name not in stand_ins]
    unbound += [name for name in _by_name_only(code) if name not in stand_ins]
    if bound and unbound:
        raise TypeError(f"{what}: the parameter '{unbound[0]}' of the function has no value; bind it, too")
    plain = FunctionType(
        code,
        function.__globals__,
        function.__name__,
        tuple(stand_ins[name] for name in positional[first:]) or None,
        function.__closure__,
    )
    by_keyword = {name: stand_ins[name] for name in _by_name_only(code) if name in stand_ins}
    if by_keyword:
        plain.__kwdefaults__ = by_keyword
    plain.__qualname__ = function.__qualname__
    plain.__module__ = function.__module__
    plain.__doc__ = function.__doc__
    # The copy keeps the attributes that other decorators set on the function.
    plain.__dict__.update(function.__dict__)
    return plain, dependencies


def _require_no_hidden_job(function: FunctionType, what: str, by_name: Mapping[str, object]) -> None:
    within = getattr(function, "__wrapped__", None)
    while isinstance(within, FunctionType):
        for name, value in defaults_of(within).items():
            if _is_dependency(value, _parameter(what, name)) and name not in by_name:
                raise TypeError(
                    f"{what}: the parameter '{name}' belongs to a function within another decorator, which would "
                    "not get the job's product; write a function around the decorated one, and decorate it with ppg's "
                    "decorator only"
                )
        within = getattr(within, "__wrapped__", None)


def _require_parameters(code: CodeType, bound: Mapping[str, object], what: str) -> None:
    if code.co_flags & inspect.CO_VARKEYWORDS:
        return
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in bound:
        if name not in known:
            raise TypeError(
                f"{what}: the function '{code.co_qualname}' has no parameter '{name}'; it has "
                f"{', '.join(known) or 'none'}"
            )


def _by_name_only(code: CodeType) -> tuple[str, ...]:
    """The parameters that can be given by name only."""
    return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def _is_dependency(default: object, what: str) -> bool:
    is_marked = isinstance(default, Upstream)
    if not is_marked and not has_jobs(default, what):
        return False
    require_finite(default.needed if isinstance(default, Upstream) else default, what)
    return True


def _parameter(what: str, name: str) -> str:
    return f"{what}: the parameter '{name}'"
