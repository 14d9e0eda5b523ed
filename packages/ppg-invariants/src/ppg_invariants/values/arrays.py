"""Arrays: returns the content of numpy arrays and scalars, and of pandas and polars frames."""

import sys
from typing import Any

import xxhash

from ppg_invariants.values.tags import Unencodable, type_name

__all__ = ["content_of_array"]

# Data beyond this many bytes is represented by its hash.
_KEEP = 4096


def content_of_array(value: Any, top: str) -> tuple[str, object] | None:
    """Return name and content of a value from the package `top`; None if it is no array or frame."""
    if top == "numpy":
        return _numpy(value)
    if top == "pandas":
        return _pandas(value)
    if top == "polars":
        return _polars(value)
    raise AssertionError(top)


def _numpy(value: Any) -> tuple[str, object] | None:
    numpy: Any = sys.modules["numpy"]
    name = type_name(type(value))
    if isinstance(value, numpy.ma.MaskedArray):
        data = numpy.array(value.filled(value.dtype.type())) if value.dtype.kind != "O" else value.data
        return name, (_array(numpy, data), _array(numpy, numpy.ma.getmaskarray(value)))
    if isinstance(value, numpy.ndarray):
        return name, _array(numpy, value)
    if isinstance(value, numpy.generic):
        return name, _array(numpy, numpy.asarray(value))
    if isinstance(value, numpy.dtype):
        return "numpy.dtype", _dtype(value)
    if isinstance(value, numpy.ufunc):
        return "numpy.ufunc", value.__name__
    return None


def _dtype(dtype: Any) -> object:
    return dtype.descr if dtype.names is not None else dtype.str


def _array(numpy: Any, array: Any) -> object:
    dtype = array.dtype
    array = numpy.asarray(array)
    if dtype.names is not None:  # by field, because the padding between fields has no meaning
        return "structured", _dtype(dtype), [(name, _array(numpy, array[name])) for name in dtype.names]
    if dtype.hasobject or dtype.kind == "T":
        return "objects", _dtype(dtype) if dtype.hasobject else "T", array.shape, array.ravel().tolist()
    if dtype.kind in "fc":
        array = _with_one_nan(numpy, array)
    return "data", _dtype(dtype), array.shape, _data(numpy.ascontiguousarray(array))


def _with_one_nan(numpy: Any, array: Any) -> Any:
    missing = numpy.isnan(array)
    if not missing.any():
        return array
    array = array.copy()
    if array.dtype.kind == "c":
        array.real[numpy.isnan(array.real)] = numpy.nan
        array.imag[numpy.isnan(array.imag)] = numpy.nan
    else:
        array[missing] = numpy.nan
    return array


def _data(array: Any) -> object:
    if array.dtype.char in "gG":
        # Long doubles are 80 bits with 48 bits of padding, which may hold any bytes.
        return [repr(one) for one in array.ravel()]
    data = array.tobytes() if array.nbytes <= _KEEP else None
    if data is not None:
        return data
    return array.nbytes, xxhash.xxh3_128_digest(array.reshape(-1).view("u1"))


def _pandas(value: Any) -> tuple[str, object] | None:
    pandas: Any = sys.modules["pandas"]
    name = type_name(type(value))
    if isinstance(value, pandas.DataFrame):
        columns = [_series(value.iloc[:, position]) for position in range(value.shape[1])]
        return name, (value.columns, value.index, columns)
    if isinstance(value, pandas.Series):
        return name, (value.name, value.index, _series(value))
    if isinstance(value, pandas.MultiIndex):
        levels = [value.get_level_values(position) for position in range(value.nlevels)]
        return name, (list(value.names), levels)
    if isinstance(value, pandas.RangeIndex):
        return name, (value.name, range(value.start, value.stop, value.step))
    if isinstance(value, pandas.Index):
        return name, (value.name, _series(value))
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        return name, _series(pandas.Series(value))
    if value is pandas.NA or value is pandas.NaT:
        return name, ()
    if isinstance(value, pandas.Timestamp):
        return name, (value.value, value.unit, value.tzinfo)
    if isinstance(value, pandas.Timedelta):
        return name, (value.value, value.unit)
    if isinstance(value, (pandas.Interval, pandas.Period)):
        return name, str(value)
    if isinstance(value, pandas.api.extensions.ExtensionDtype):
        return name, str(value)
    return None


def _series(series: Any) -> object:
    """Return type and values of one column or index."""
    numpy: Any = sys.modules["numpy"]
    pandas: Any = sys.modules["pandas"]
    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        codes = series.cat.codes if hasattr(series, "cat") else series.codes
        return "categorical", bool(dtype.ordered), dtype.categories, _array(numpy, numpy.asarray(codes))
    if isinstance(dtype, numpy.dtype):
        return "numpy", _array(numpy, numpy.asarray(series))
    missing = numpy.asarray(series.isna())
    present = series[~missing]
    return "extension", str(dtype), _array(numpy, missing), list(present)


def _polars(value: Any) -> tuple[str, object] | None:
    polars: Any = sys.modules["polars"]
    name = type_name(type(value))
    if isinstance(value, polars.LazyFrame):
        raise Unencodable("a polars LazyFrame has no content before it is collected; call .collect()")
    if isinstance(value, polars.DataFrame):
        return name, [_polars_series(series) for series in value.get_columns()]
    if isinstance(value, polars.Series):
        return name, _polars_series(value)
    if isinstance(value, polars.DataType) or (isinstance(value, type) and issubclass(value, polars.DataType)):
        return name, str(value)
    return None


def _polars_series(series: Any) -> object:
    numpy = sys.modules.get("numpy")
    if numpy is not None and series.dtype.is_numeric() and series.null_count() == 0:
        return series.name, str(series.dtype), _array(numpy, series.to_numpy())
    return series.name, str(series.dtype), series.to_list()
