"""The part of ppg that runs inside job processes; imports nothing that they would not need anyway.

Every fork pays for what its compute node has imported, so this module stays small.
"""

import os
from collections.abc import Callable, Mapping, MutableMapping

from ppg.worker.role import ROLE, Role

__all__ = [
    "Holder",
    "call_for_effect",
    "call_passing",
    "keep_loaded",
    "load_attribute",
    "load_entry",
    "make_files",
    "note_directory",
    "take_or_make_files",
    "unload_attribute",
    "unload_entry",
]

# Looking up the member of an enum runs Python code, under Python 3.11.
_JOB = Role.JOB
_LOAD = Role.LOAD
_SCRIPT = Role.SCRIPT


def make_files(
    callback: Callable[..., object], arguments: tuple[object, ...], paths: tuple[str, ...]
) -> None:
    """Call a job's callback so that what it leaves was made by this very call.

    Folders of the outputs are created, old outputs removed: a callback that fails half-way, or that
    appends to its file, cannot leave anything that looks like a result of this run but is not.

    Parameters:
        callback: the user's function.
        arguments: what to call it with.
        paths: the absolute names of the files that it makes.
    """
    __tracebackhide__ = True
    for path in paths:
        # Asked first, as an exception, or the way through `makedirs`, costs a forked process more than all else here.
        folder = path.rpartition("/")[0] or "/"
        if not os.access(folder, os.F_OK):
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 (pathlib is not imported in job processes)
        elif os.access(path, os.F_OK, follow_symlinks=False):
            os.unlink(path)  # noqa: PTH108 (the same)
    ROLE.now = _JOB
    try:
        callback(*arguments)
    except FileNotFoundError as error:
        note_directory(error)
        raise


def take_or_make_files(
    make: Callable[[], object], paths: tuple[str, ...], use: tuple[object, ...], *, empty_ok: bool
) -> object:
    """Take a job's files from the shared cache, or make them; gives a `ppg.shared_cache.in_job.Report`.

    Parameters:
        make: makes them.
        paths: their absolute names.
        use: what there is in a `ppg.shared_cache.in_job.Use`.
        empty_ok: whether files of 0 bytes count as made.
    """
    __tracebackhide__ = True
    from ppg.shared_cache.in_job import Use, take_or_make  # noqa: PLC0415 (only jobs that share need it)

    return take_or_make(make, paths, Use(*use), empty_ok=empty_ok)  # type: ignore[arg-type]


class Holder:
    """Has a loaded value in the compute node, for the jobs whose functions take it as a parameter."""

    __slots__ = ("value",)


def call_passing(
    function: Callable[..., object],
    values: Mapping[str, object],
    loaded: Mapping[str, Callable[[], object]],
    *arguments: object,
) -> object:
    """Call a function that takes what other jobs have made as parameters.

    Parameters:
        function: the user's.
        values: parameters that were known at the declaration: paths.
        loaded: what gives those that are known only here, by parameter.
        arguments: what the job passes itself.
    """
    __tracebackhide__ = True
    return function(*arguments, **values, **{name: value() for name, value in loaded.items()})


def call_for_effect(callback: Callable[..., object]) -> None:
    """In the compute node: call a function that loads data; what it returns stays there."""
    __tracebackhide__ = True
    _loaded(callback)


def load_attribute(owner: object, name: str, callback: Callable[..., object]) -> None:
    """In the compute node: set an attribute to what the callback returns."""
    __tracebackhide__ = True
    setattr(owner, name, _loaded(callback))


def unload_attribute(owner: object, name: str) -> None:
    """In the compute node: remove an attribute that was loaded."""
    delattr(owner, name)


def load_entry(
    dictionary: MutableMapping[object, object], key: object, callback: Callable[..., object]
) -> None:
    """In the compute node: set an entry of a dictionary to what the callback returns."""
    __tracebackhide__ = True
    dictionary[key] = _loaded(callback)


def unload_entry(dictionary: MutableMapping[object, object], key: object) -> None:
    """In the compute node: remove an entry that was loaded."""
    del dictionary[key]


def keep_loaded() -> None:
    """In the compute node: nothing to undo; only the user's callback knows where it put its data."""


def _loaded(callback: Callable[..., object]) -> object:
    __tracebackhide__ = True
    # The node goes on after a load: its later forks are jobs, not loads.
    ROLE.now = _LOAD
    try:
        return callback()
    except FileNotFoundError as error:
        note_directory(error)
        raise
    finally:
        ROLE.now = _SCRIPT


def note_directory(error: FileNotFoundError) -> None:
    """Say where a relative name was looked for: where the callback went, and where the script is, may differ."""
    if isinstance(error.filename, str) and not error.filename.startswith("/"):
        try:
            error.add_note(f"The working directory was '{os.getcwd()}'")  # noqa: PTH109 (pathlib is not imported)
        except OSError:
            error.add_note("The working directory had been removed")
