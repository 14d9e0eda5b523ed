"""Cache files, in the processes that write and read them: a pickled value each.

The compute node imports this to load cached values, and every fork pays for what the node has imported; so it
imports nothing else, and what only writers need is in `cache_pickler`.

A cache file is believed because its bytes are what the record of the job that wrote it says, and for no other reason.
So it is written in place: what a crash leaves has no record, or not these bytes.
"""

from collections.abc import Callable

__all__ = ["draw_value", "make_files_from", "pass_value", "read_value", "tabulate_value", "write_value"]


def write_value(calculate: Callable[[], object], path: str, cache: str) -> None:
    """Pickle what the calculation returns.

    Parameters:
        calculate: called without arguments.
        path: the cache file, absolute.
        cache: what to call it in messages.

    Raises:
        JobContractError: the value cannot be pickled.
    """
    __tracebackhide__ = True
    value = calculate()
    from ppg.worker.cache_pickler import dump  # noqa: PLC0415 (readers do not need it)

    with open(path, "wb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        dump(value, file, cache)


def read_value(path: str, cache: str, _names: object = None) -> object:
    """Unpickle the value.

    Parameters:
        path: the cache file, absolute.
        cache: what to call it in messages.
        _names: the calculation; never called here. With it comes to this process what it refers to by name, such
            as the classes of the user's script, which the pickle knows by their names only.

    Raises:
        CacheUnreadableError: the file cannot be read, or not be unpickled.
    """
    __tracebackhide__ = True
    import pickle  # noqa: PLC0415 (only loads and plots need it)

    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
            return pickle.load(file)  # noqa: S301 (written by a job of the user's own)
    except Exception as error:
        # Unpickling calls whatever the classes of the value say, so anything can be raised.
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
    """Plot a value; the parameters are those of `ppg.worker.plot_files.draw`, with a `Rendering` in pieces."""
    __tracebackhide__ = True
    from ppg.worker.plot_files import Rendering, draw  # noqa: PLC0415 (only plots need it)

    draw(plot_function, Rendering(*rendering), path, job_id, value)  # type: ignore[arg-type]


def tabulate_value(path: str, job_id: str, value: object) -> None:
    """Write a value as a table; the parameters are those of `ppg.worker.plot_files.write_table`."""
    __tracebackhide__ = True
    from ppg.worker.plot_files import write_table  # noqa: PLC0415 (only tables need it)

    write_table(path, job_id, value)


def make_files_from(
    read: Callable[[], object], make: Callable[[object], object], paths: tuple[str, ...]
) -> None:
    """Make files from a cached value, which is read before old files are removed: it may turn out to be no good.

    Parameters:
        read: gives the value.
        make: called with the value; makes the files.
        paths: the absolute names of the files.
    """
    __tracebackhide__ = True
    from ppg.worker.calls import make_files  # noqa: PLC0415 (loads do not need it)

    make_files(make, (read(),), paths)
