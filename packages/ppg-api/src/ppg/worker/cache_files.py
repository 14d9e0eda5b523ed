"""Cache files: write and read one pickled value each, in the processes that need it.

The compute node imports this module to load cached values, and every fork pays for the imports of the node. So the
module imports nothing else, and the code for writing is in `cache_pickler`.

A cache file counts only if its bytes are those in the record of the job that wrote it. So it is written in place: the
file that a crash leaves has no record, or other bytes.
"""

from collections.abc import Callable

__all__ = ["draw_value", "make_files_from", "pass_value", "read_value", "tabulate_value", "write_value"]


def write_value(calculate: Callable[[], object], path: str, cache: str, root: str) -> None:
    """Pickle the value that the calculation returns.

    Parameters:
        calculate: called without arguments.
        path: the cache file, absolute.
        cache: the name of the file in messages.
        root: the folder of the project, absolute.

    Raises:
        JobContractError: the value cannot be pickled.
    """
    __tracebackhide__ = True
    value = calculate()
    from ppg.worker.cache_pickler import dump  # noqa: PLC0415 (readers do not need it)

    with open(path, "w+b") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        dump(value, file, cache, root)


def read_value(path: str, cache: str, _names: object = None) -> object:
    """Unpickle the value.

    Parameters:
        path: the cache file, absolute.
        cache: the name of the file in messages.
        _names: the calculation; never called here. It brings the objects that it names into this process, such as
            the classes of the user's script, which the pickle contains only by name.

    Raises:
        CacheUnreadableError: the file cannot be read, or its content cannot be unpickled.
    """
    __tracebackhide__ = True
    import pickle  # noqa: PLC0415 (only loads and plots need it)

    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
            return pickle.load(file)  # noqa: S301 (written by a job of the user's own)
    except Exception as error:
        # Unpickling runs code of the value's classes, so it can raise any exception.
        from ppg.exceptions import CacheUnreadableError  # noqa: PLC0415 (only a job that failed needs it)

        raise CacheUnreadableError(cache, f"{type(error).__name__}: {error}") from error


def pass_value(function: Callable[[object], object], read: Callable[[], object]) -> object:
    """Call a function with the cached value."""
    __tracebackhide__ = True
    return function(read())


def draw_value(
    plot_function: Callable[[object], object],
    rendering: tuple[object, ...],
    path: str,
    job_id: str,
    value: object,
) -> None:
    """Plot a value; `ppg.worker.plot_files.draw` has the parameters; a tuple replaces the `Rendering`."""
    __tracebackhide__ = True
    from ppg.worker.plot_files import Rendering, draw  # noqa: PLC0415 (only plots need it)

    draw(plot_function, Rendering(*rendering), path, job_id, value)  # type: ignore[arg-type]


def tabulate_value(path: str, job_id: str, value: object) -> None:
    """Write a value as a table; `ppg.worker.plot_files.write_table` has the parameters."""
    __tracebackhide__ = True
    from ppg.worker.plot_files import write_table  # noqa: PLC0415 (only tables need it)

    write_table(path, job_id, value)


def make_files_from(
    read: Callable[[], object],
    make: Callable[[object], object],
    paths: tuple[str, ...],
    timeout: float | None,
    seconds_for_threads: float,
) -> None:
    """Make files from a cached value, which is read before old files are removed, because reading can fail.

    Parameters:
        read: returns the value.
        make: called with the value; makes the files.
        paths: the absolute names of the files.
        timeout, seconds_for_threads: see `ppg.worker.calls.make_files`.
    """
    __tracebackhide__ = True
    from ppg.worker.calls import make_files  # noqa: PLC0415 (loads do not need it)

    make_files(make, (read(),), paths, timeout, seconds_for_threads)
