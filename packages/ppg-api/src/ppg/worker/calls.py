"""Calls: the part of ppg that runs inside job processes.

Every fork pays for the imports of its compute node. So this module stays small, and imports nothing that job processes
would not need anyway.
"""

import _thread
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence

from ppg.worker.role import ROLE, Role

__all__ = [
    "LOADED",
    "Holder",
    "Late",
    "Prepared",
    "call_for_effect",
    "call_passing",
    "complete",
    "filled",
    "has_late",
    "has_loaded",
    "keep_loaded",
    "load_attribute",
    "load_entry",
    "make_files",
    "make_room",
    "note_directory",
    "remove_old",
    "still_running",
    "take_or_make_files",
    "unload_attribute",
    "unload_entry",
    "wait_for_left",
    "working_directory",
]

# Under Python 3.11, looking up the member of an enum runs Python code.
_JOB = Role.JOB
_LOAD = Role.LOAD
_SCRIPT = Role.SCRIPT

_SET_SIGNAL = fcntl.F_SETSIG
_SET_LEASE = fcntl.F_SETLEASE
_FOR_READING = fcntl.F_RDLCK

_REGULAR = 0o100000
"""The type of a regular file, as `stat.S_IFREG`."""


class Prepared(tuple[str, ...]):
    """Prepared: the absolute names of outputs for which there is room already, so that nothing is removed."""

    __slots__ = ()


def make_files(
    callback: Callable[..., object],
    arguments: tuple[object, ...],
    paths: tuple[str, ...],
    timeout: float | None,
    seconds_for_threads: float,
) -> None:
    """Call a job's callback so that every output it leaves comes from this call, and is complete.

    The folders of the outputs are created, and old outputs are removed. So a callback that fails half-way, or
    appends to its file, leaves no older file that looks like a result of this run. What is no file is not removed.

    Parameters:
        callback: the user's function.
        arguments: its arguments.
        paths: the absolute names of the files that it makes.
        timeout: of the job, in seconds, or None.
        seconds_for_threads: without a timeout, the longest time to wait for what the callback has left running.

    Raises:
        JobContractError: something that is no file stands in the place of an output, threads or processes of the
            callback do not end, or an output is open and cannot be completed.
    """
    __tracebackhide__ = True
    if type(paths) is not Prepared:
        make_room(paths)
    ROLE.now = _JOB
    process = os.getpid()
    known = still_running()
    began = time.monotonic()
    home = working_directory()
    try:
        callback(*arguments)
    except Exception as error:
        note_directory(error, home)
        raise
    if os.getpid() != process:
        return  # a copy that the callback has forked and forgotten; the executor ends it
    wait_for_left(paths, known, began, timeout, seconds_for_threads)
    complete(paths, began, timeout, seconds_for_threads)
    if working_directory() != home:
        _require_made(paths)


def wait_for_left(
    outputs: Sequence[str],
    known: tuple[object, ...],
    began: float,
    timeout: float | None,
    seconds: float,
) -> None:
    """Wait for the threads and processes that a callback has left running.

    Parameters:
        outputs: what it makes, for messages.
        known: those that ran before.
        began, timeout, seconds: see `ppg.worker.settling.Limit`.

    Raises:
        JobContractError: some do not end.
    """
    __tracebackhide__ = True
    if still_running():
        from ppg.worker.settling import Limit, wait_for_all  # noqa: PLC0415 (most jobs leave no threads)

        wait_for_all(known, Limit(outputs, began, timeout, seconds))


def complete(paths: Sequence[str], began: float, timeout: float | None, seconds: float) -> None:
    """Complete the outputs that are open for writing.

    Parameters:
        paths: the absolute names of the files.
        began, timeout, seconds: see `ppg.worker.settling.Limit`.

    Raises:
        JobContractError: one cannot be completed.
    """
    __tracebackhide__ = True
    if any(map(_may_be_open_for_writing, paths)):
        from ppg.worker.open_outputs import complete_outputs  # noqa: PLC0415 (most jobs leave no file open)
        from ppg.worker.settling import Limit  # noqa: PLC0415 (the same)

        complete_outputs(paths, Limit(paths, began, timeout, seconds))


def make_room(paths: tuple[str, ...]) -> None:
    """Create the folders of outputs, and remove old outputs.

    Raises:
        JobContractError: something that is no file stands in the place of an output.
    """
    for path in paths:
        # The check comes first: in a forked process an exception, or `makedirs`, costs more than all other steps.
        folder = path.rpartition("/")[0] or "/"
        if not os.access(folder, os.F_OK):
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 (pathlib is not imported in job processes)
        elif os.access(path, os.F_OK, follow_symlinks=False):
            remove_old(path)


def _require_made(paths: tuple[str, ...]) -> None:
    """Tell a callback that has changed its working directory, and has not made its files, where relative names lead.

    Raises:
        JobContractError: a file is missing.
    """
    for path in paths:
        if not os.access(path, os.F_OK):
            from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

            raise JobContractError(
                f"The callback did not make '{path}', and has changed its working directory to '{working_directory()}', "
                "where relative names begin since then; take the absolute name of the file before os.chdir, or go back"
            )


def working_directory() -> str:
    """Return the working directory; empty if it has been removed."""
    try:
        return os.getcwd()  # noqa: PTH109 (pathlib is not imported)
    except OSError:
        return ""


def _may_be_open_for_writing(path: str) -> bool:
    """Return whether any process has a file open for writing; true if that cannot be known."""
    if not os.access(path, os.R_OK):
        return False  # the description of the outputs tells what is wrong with it
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # The kernel grants a lease for reading only while no process has the file open for writing. A process that opens it
        # now waits until this descriptor is closed. The kernel tells that by a signal, and this one does nothing.
        fcntl.fcntl(descriptor, _SET_SIGNAL, signal.SIGURG)
        fcntl.fcntl(descriptor, _SET_LEASE, _FOR_READING)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def still_running() -> tuple[object, ...]:
    """Return the threads and children of this process, as `ppg.worker.settling.still_running` does."""
    processes = sys.modules.get("multiprocessing.process")
    # Unlike the functions of `threading`, the count of `_thread` touches hardly any memory of a forked process.
    if not _thread._count() and (processes is None or not processes._children):
        return ()
    from ppg.worker.settling import still_running  # noqa: PLC0415 (the same)

    return still_running()


def remove_old(path: str) -> None:
    """Remove the old file at an output's place.

    Raises:
        JobContractError: it is no file.
    """
    if os.lstat(path).st_mode & 0o170000 != _REGULAR:
        from ppg.paths import require_no_obstacle  # noqa: PLC0415 (only what is no file needs it)

        # The main process has looked already, but the job may have waited since then.
        require_no_obstacle((path,), "The job")
    os.unlink(path)  # noqa: PTH108 (pathlib is not imported in job processes)


def take_or_make_files(
    make: Callable[[], object], paths: tuple[str, ...], use: tuple[object, ...], *, empty_ok: bool
) -> object:
    """Take a job's files from the shared cache, or make them; return a `ppg.shared_cache.in_job.Report`.

    Parameters:
        make: makes the files.
        paths: their absolute names.
        use: the fields of a `ppg.shared_cache.in_job.Use`.
        empty_ok: whether files of 0 bytes count as made.
    """
    __tracebackhide__ = True
    from ppg.shared_cache.in_job import Use, take_or_make  # noqa: PLC0415 (only jobs that share need it)

    return take_or_make(make, paths, Use(*use), empty_ok=empty_ok)  # type: ignore[arg-type]


class Late:
    """Late: stands for a value in a shape of lists and dictionaries, until the job runs.

    value: returns the value.
    loaded: a load has put the value into the process; else the job reads it from a file.
    """

    __slots__ = ("loaded", "value")

    def __init__(self, value: Callable[[], object], *, loaded: bool) -> None:
        self.value: Callable[[], object] = value
        self.loaded: bool = loaded


def has_late(shape: object) -> bool:
    """Whether a shape has values in it."""
    return _contains(shape, loaded=None)


def has_loaded(shape: object) -> bool:
    """Whether a shape has values in it that are loaded."""
    return _contains(shape, loaded=True)


def _contains(shape: object, *, loaded: bool | None) -> bool:
    if isinstance(shape, (dict, list)):
        parts = shape.values() if isinstance(shape, dict) else shape
        return any(_contains(part, loaded=loaded) for part in parts)
    return isinstance(shape, Late) and loaded in (None, shape.loaded)


def filled(shape: object) -> object:
    """Return the shape with the values in their places."""
    if isinstance(shape, Late):
        return shape.value()
    if isinstance(shape, dict):
        return {name: filled(part) for name, part in shape.items()}
    return [filled(part) for part in shape] if isinstance(shape, list) else shape


class Holder:
    """Holder: has a loaded value in the compute node, for functions of jobs that take it as a parameter."""

    __slots__ = ("value",)


def call_passing(
    function: Callable[..., object],
    values: Mapping[str, object],
    loaded: Mapping[str, Callable[[], object]],
    *arguments: object,
) -> object:
    """Call a function that takes the products of other jobs as parameters.

    Parameters:
        function: the user's function.
        values: the parameters fixed at the declaration: paths.
        loaded: functions that return the loaded values, by parameter.
        arguments: the arguments that the job itself passes.
    """
    __tracebackhide__ = True
    return function(*arguments, **values, **{name: value() for name, value in loaded.items()})


def call_for_effect(callback: Callable[..., object]) -> None:
    """In the compute node: call a function that loads data, which stays where the function puts it."""
    __tracebackhide__ = True
    _loaded(callback)


LOADED: dict[str, tuple[object, object, bool]] = {}
"""Of each load that fills an attribute or an entry: the owner, the name or key, and whether it is an attribute."""


def load_attribute(owner: object, name: str, callback: Callable[..., object], job_id: str) -> None:
    """In the compute node: set an attribute to the callback's return value."""
    __tracebackhide__ = True
    setattr(owner, name, _loaded(callback))
    LOADED[job_id] = owner, name, True


def unload_attribute(owner: object, name: str, job_id: str) -> None:
    """In the compute node: remove an attribute that was loaded, unless the node that loaded it has died."""
    LOADED.pop(job_id, None)
    try:
        delattr(owner, name)
    except AttributeError:
        return  # the class may have a default of that name, so `hasattr` would not tell


def load_entry(
    dictionary: MutableMapping[object, object], key: object, callback: Callable[..., object], job_id: str
) -> None:
    """In the compute node: set an entry of a dictionary to the callback's return value."""
    __tracebackhide__ = True
    dictionary[key] = _loaded(callback)
    LOADED[job_id] = dictionary, key, False


def unload_entry(dictionary: MutableMapping[object, object], key: object, job_id: str) -> None:
    """In the compute node: remove an entry that was loaded, unless the node that loaded it has died."""
    LOADED.pop(job_id, None)
    dictionary.pop(key, None)


def keep_loaded() -> None:
    """In the compute node: undo nothing, because ppg has no record of where the user's callback put its data."""


def _loaded(callback: Callable[..., object]) -> object:
    __tracebackhide__ = True
    # The node continues after a load: its later forks are jobs, not loads.
    ROLE.now = _LOAD
    home = working_directory()
    try:
        return callback()
    except Exception as error:
        note_directory(error, home)
        raise
    finally:
        ROLE.now = _SCRIPT


def note_directory(error: Exception, home: str) -> None:
    """Add the directory in which relative names begin to an error, if that may be its cause.

    Parameters:
        error: of the callback.
        home: the working directory before the callback.
    """
    now = working_directory()
    if now != home:
        error.add_note(
            f"The callback had changed its working directory to '{now}', where relative names begin since then"
            if now
            else "The working directory had been removed"
        )
    elif (
        isinstance(error, FileNotFoundError) and isinstance(error.filename, str) and error.filename[:1] != "/"
    ):
        # It may differ from the directory of the script.
        error.add_note(
            f"The working directory was '{now}'" if now else "The working directory had been removed"
        )
