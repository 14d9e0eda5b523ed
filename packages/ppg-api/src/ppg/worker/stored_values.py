"""Stored values: write and read the value of a job, in the processes that need it.

A file is read by what it is. The formats of ppg have beginnings of their own, so a value that is stored without a
`format` may be written as something else by the next run: a data frame as a pickle where pyarrow is missing, and as
feather where it is there. Whichever it is, the value that is read is the same: without a `format`, only what comes
back exactly is written as npy or feather.

Nothing in a file depends on the time, or on the version of a library that wrote it.
"""

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["AUTOMATIC", "FORMATS", "read_stored", "write_stored"]

AUTOMATIC = "automatic"
"""The format of values for which the user has chosen none."""

FORMATS = {
    AUTOMATIC: ".value",
    "bytes": ".bin",
    "feather": ".feather",
    "json": ".json",
    "npy": ".npy",
    "parquet": ".parquet",
    "pickle": ".pickle",
    "text": ".txt",
}
"""The formats, with the ends of the names of their files."""

_FROM_PANDAS = b"ppg: written from a pandas.DataFrame"
_FROM_ARROW = b"ppg: written from a pyarrow.Table"
"""Names in the metadata of files, which tell what is to be read; files that polars has written have none."""


def write_stored(calculate: Callable[[], object], path: str, job_id: str, form: Any, root: str) -> None:
    """Write the value that a function returns.

    Parameters:
        calculate: called without arguments.
        path: the file, absolute.
        job_id: the name of the job in messages.
        form: one of `FORMATS`, or an object of the user with the method `write(value, path)`.
        root: the folder of the project, absolute.

    Raises:
        JobContractError: the format cannot hold the value.
    """
    __tracebackhide__ = True
    value = calculate()
    if not isinstance(form, str):
        from pathlib import Path  # noqa: PLC0415 (few jobs need it)

        form.write(value, Path(path))
        return
    if form == AUTOMATIC:
        form = _write_automatically(value, path)
    if form == "pickle":
        _write_pickle(value, path, job_id, root)
    elif form:
        _WRITERS[form](value, path, job_id)


def read_stored(path: str, job_id: str, form: Any, _names: object = None) -> object:
    """Read a stored value.

    Parameters:
        path: the file, absolute.
        job_id: the name of the job in messages.
        form: one of `FORMATS`, or an object of the user with the method `read(path)`.
        _names: the function that calculates; never called here. It brings the objects that it names into this
            process, such as the classes of the user's script.

    Raises:
        ValueUnreadableError: the file cannot be read.
    """
    __tracebackhide__ = True
    try:
        if not isinstance(form, str):
            from pathlib import Path  # noqa: PLC0415 (few jobs need it)

            return form.read(Path(path))
        if form == AUTOMATIC:
            form = _format_of_file(path)
        return _READERS[form](path)
    except Exception as error:
        # Reading runs code of the value's classes, so it can raise any exception.
        from ppg.exceptions import ValueUnreadableError  # noqa: PLC0415 (only a job that failed needs it)

        raise ValueUnreadableError(job_id, f"{type(error).__name__}: {error}") from error


def _refused(job_id: str, value: object, why: str) -> Exception:
    from ppg.exceptions import JobContractError  # noqa: PLC0415 (only a job that failed needs it)

    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return JobContractError(f"The value of '{job_id}' cannot be stored: it is a {name}, {why}")


# -- without a format ----------------------------------------------------------------------------------------


def _write_automatically(value: object, path: str) -> str:
    """Write an array or a data frame; returns the format of all else."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library == "numpy" and _is_plain_array(value):
        return "npy"
    if library == "polars" and kind is sys.modules["polars"].DataFrame and _polars_keeps(value):
        return "feather"
    if library == "pandas" and kind is sys.modules["pandas"].DataFrame and _has_pyarrow():
        table = _exact_table(value)
        if table is not None:
            _write_table(table, path, "feather")
            return ""
    return "pickle"


def _format_of_file(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        start = file.read(6)
    if start == b"ARROW1":
        return "feather"
    return "npy" if start == b"\x93NUMPY" else "pickle"


def _library(module: str) -> Any:
    """Return a module of a library that not all users have, and of which type checkers know nothing."""
    import importlib  # noqa: PLC0415 (not all formats need it)

    return importlib.import_module(module)


def _has_pyarrow() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 (only data frames need it)

    return find_spec("pyarrow") is not None


# -- pickles, texts, arrays ----------------------------------------------------------------------------------


def _write_pickle(value: object, path: str, job_id: str, root: str) -> None:
    from ppg.worker.cache_pickler import dump  # noqa: PLC0415 (readers do not need it)

    with open(path, "w+b") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        dump(value, file, job_id, root, refuses_jobs=True)


def _read_pickle(path: str) -> object:
    import pickle  # noqa: PLC0415 (not all formats need it)

    with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        return pickle.load(file)  # noqa: S301 (written by a job of the user's own)


def _write_bytes(value: object, path: str, job_id: str) -> None:
    if type(value) is not bytes:
        raise _refused(
            job_id, value, 'and format="bytes" holds bytes alone; return bytes, or leave the format out'
        )
    with open(path, "wb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        file.write(value)


def _read_bytes(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        return file.read()


def _write_text(value: object, path: str, job_id: str) -> None:
    if type(value) is not str:
        raise _refused(
            job_id, value, 'and format="text" holds texts alone; return a str, or leave the format out'
        )
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise _refused(
            job_id,
            value,
            f"and UTF-8 cannot encode it ({error.reason} at {error.start}); leave the format out",
        ) from error
    _write_bytes(encoded, path, job_id)


def _read_text(path: str) -> str:
    return _read_bytes(path).decode()


def _write_json(value: object, path: str, job_id: str) -> None:
    import json  # noqa: PLC0415 (only this format needs it)

    _require_json(value, job_id)
    _write_bytes(f"{json.dumps(value, indent=1)}\n".encode(), path, job_id)


def _read_json(path: str) -> object:
    import json  # noqa: PLC0415 (only this format needs it)

    return json.loads(_read_bytes(path))


def _require_json(value: object, job_id: str) -> None:
    """Refuse what JSON would give back as something else.

    Raises:
        JobContractError: a part is of another type; the message has the way to it.
    """
    pending: list[tuple[object, str, frozenset[int]]] = [(value, "", frozenset())]
    while pending:
        part, way, within = pending.pop()
        if part is None or type(part) in (bool, int, float, str):
            continue
        place = f" at value{way}" if way else ""
        if type(part) is list or type(part) is dict:
            if id(part) in within:
                raise _refused(job_id, part, f"which contains itself{place}; leave that part out")
            inner = within | {id(part)}
            if isinstance(part, list):
                pending += ((one, f"{way}[{index}]", inner) for index, one in enumerate(part))
                continue
            for key, one in part.items():
                if type(key) is not str:
                    raise _refused(
                        job_id,
                        part,
                        f"with the key {key!r}{place}, and JSON has texts as keys alone; use texts",
                    )
                pending.append((one, f"{way}[{key!r}]", inner))
            continue
        raise _refused(
            job_id,
            part,
            f'which JSON cannot give back{place}; return lists, dictionaries, texts and numbers, or use format="pickle"',
        )


def _is_plain_array(value: Any) -> bool:
    """Whether npy gives back the same array: not one of a class that adds something, and not of objects."""
    numpy = sys.modules["numpy"]
    if type(value) is not numpy.ndarray or value.dtype.hasobject or value.dtype.metadata is not None:
        return False
    layout = numpy.lib.format
    return bool(
        value.dtype.isbuiltin != 2
        and layout.descr_to_dtype(layout.dtype_to_descr(value.dtype)) == value.dtype
    )


def _write_array(value: Any, path: str, job_id: str) -> None:
    numpy = _library("numpy")
    if type(value) is not numpy.ndarray or value.dtype.hasobject:
        what = "of objects " if type(value) is numpy.ndarray else ""
        raise _refused(
            job_id,
            value,
            f"{what}which npy does not hold; return an array of numbers, or leave the format out",
        )
    with open(path, "wb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        numpy.lib.format.write_array(file, value, allow_pickle=False)


def _read_array(path: str) -> object:
    numpy = _library("numpy")
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        return numpy.lib.format.read_array(file, allow_pickle=False)


# -- data frames ---------------------------------------------------------------------------------------------


def _write_frame(value: Any, path: str, job_id: str, form: str) -> None:
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library == "polars" and kind is sys.modules["polars"].DataFrame:
        _write_polars(value, path, form)
        return
    if library == "pyarrow" and kind is sys.modules["pyarrow"].Table:
        _write_table(_marked(value, _FROM_ARROW, value.schema.metadata or {}), path, form)
        return
    if library != "pandas" or kind is not sys.modules["pandas"].DataFrame:
        raise _refused(
            job_id,
            value,
            f'and format="{form}" holds data frames of pandas and polars, and tables of pyarrow; return one',
        )
    if not _has_pyarrow():
        raise _refused(
            job_id,
            value,
            f'and format="{form}" needs pyarrow for it; install pyarrow, or leave the format out',
        )
    try:
        table = _table_of(value)
    except Exception as error:
        raise _refused(
            job_id,
            value,
            f'which pyarrow cannot hold ({type(error).__name__}: {error}); change that column, or use format="pickle"',
        ) from error
    _write_table(table, path, form)


def _write_feather(value: object, path: str, job_id: str) -> None:
    _write_frame(value, path, job_id, "feather")


def _write_parquet(value: object, path: str, job_id: str) -> None:
    _write_frame(value, path, job_id, "parquet")


def _polars_keeps(value: Any) -> bool:
    """Whether all columns are of types that files of arrow hold."""
    return not any("Object" in repr(kind) or "Unknown" in repr(kind) for kind in value.schema.values())


def _write_polars(value: Any, path: str, form: str) -> None:
    # How a frame is cut into chunks depends on the threads that made it.
    whole = value.rechunk()
    if form == "parquet":
        whole.write_parquet(path)
    else:
        whole.write_ipc(path, compression="lz4")


def _table_of(frame: Any) -> Any:
    """Return a data frame of pandas as a table, without what would differ between versions."""
    import json  # noqa: PLC0415 (only data frames need it)

    table = _library("pyarrow").Table.from_pandas(frame, nthreads=1)
    about = json.loads(table.schema.metadata[b"pandas"])
    about.pop("creator", None)
    about["pandas_version"] = ""
    return _marked(table, _FROM_PANDAS, {b"pandas": json.dumps(about).encode()})


def _marked(table: Any, mark: bytes, metadata: Any) -> Any:
    return table.replace_schema_metadata({**metadata, mark: b""})


def _write_table(table: Any, path: str, form: str) -> None:
    if form == "parquet":
        _library("pyarrow.parquet").write_table(table, path)
        return
    ipc = _library("pyarrow.ipc")
    options = ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with ipc.new_file(path, table.schema, options=options) as file:
        file.write_table(table.combine_chunks())


def _read_feather(path: str) -> object:
    mark = _mark_of(path, tail=10)
    if mark is None:
        return _library("polars").read_ipc(path)
    ipc = _library("pyarrow.ipc")
    # From memory, because the threads of pyarrow that read files would stay in a compute node.
    options = ipc.IpcReadOptions(use_threads=False)
    with ipc.open_file(_library("pyarrow").py_buffer(_read_bytes(path)), options=options) as file:
        return _from_table(file.read_all(), mark)


def _read_parquet(path: str) -> object:
    mark = _mark_of(path, tail=8)
    if mark is None:
        return _library("polars").read_parquet(path)
    source = _library("pyarrow").BufferReader(_read_bytes(path))
    return _from_table(
        _library("pyarrow.parquet").ParquetFile(source, pre_buffer=False).read(use_threads=False), mark
    )


def _from_table(table: Any, mark: bytes) -> object:
    if mark == _FROM_PANDAS:
        return table.to_pandas(use_threads=False)
    metadata = {name: value for name, value in (table.schema.metadata or {}).items() if name != mark}
    return table.replace_schema_metadata(metadata or None)


def _mark_of(path: str, *, tail: int) -> bytes | None:
    """Return what the last part of a file says about the library that wrote it, without that library.

    Parameters:
        path: the file, of which the last bytes are the length of that part, and a name of the format.
        tail: how many bytes these are.
    """
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib is not imported in job processes)
        size = file.seek(-tail, 2)
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - length))
        about = file.read(length)
    return next((mark for mark in (_FROM_PANDAS, _FROM_ARROW) if mark in about), None)


def _exact_table(frame: Any) -> Any:
    """Return a data frame of pandas as a table; None if it would not come back exactly."""
    if frame.attrs:
        return None
    try:
        table = _table_of(frame)
        back = table.to_pandas(use_threads=False)
    except Exception:  # noqa: BLE001 (what pyarrow cannot hold is pickled; pickle says what it cannot hold)
        return None
    alike = (
        type(back.index) is type(frame.index)
        and back.index.identical(frame.index)
        and type(back.columns) is type(frame.columns)
        and back.columns.identical(frame.columns)
        and frame.flags.allows_duplicate_labels
        and all(_same_column(frame.iloc[:, at].array, back.iloc[:, at].array) for at in range(frame.shape[1]))
        and _same_labels(frame.columns)
        and _same_labels(frame.index)
    )
    return table if alike else None


def _same_labels(labels: Any) -> bool:
    """Whether all labels are of types that come back as such."""
    return labels.dtype != object or all(type(label) is str for label in labels)


def _same_column(left: Any, right: Any) -> bool:
    if left.dtype != right.dtype or type(left) is not type(right):
        return False
    if left.dtype == object:
        # Only these have one form in arrow: nan, for example, would come back as None.
        return all(
            one is other if one is None else type(one) is type(other) is str and one == other
            for one, other in zip(left, right, strict=True)
        )
    if hasattr(left, "categories"):
        return bool(left.categories.identical(right.categories) and left.equals(right))
    return bool(left.equals(right))


_WRITERS: dict[str, Callable[[Any, str, str], None]] = {
    "bytes": _write_bytes,
    "feather": _write_feather,
    "json": _write_json,
    "npy": _write_array,
    "parquet": _write_parquet,
    "text": _write_text,
}
_READERS: dict[str, Callable[[str], object]] = {
    "bytes": _read_bytes,
    "feather": _read_feather,
    "json": _read_json,
    "npy": _read_array,
    "parquet": _read_parquet,
    "pickle": _read_pickle,
    "text": _read_text,
}
