"""Equal and different parameters, type by type."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import os
import pathlib
import re
import subprocess
import sys
import threading
import types
import uuid
import zoneinfo

import pytest

from ppg_invariants import CannotFingerprint, encode_parameters, fingerprint_parameters, register_encoder


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Number(enum.IntEnum):
    ONE = 1


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


@dataclasses.dataclass
class OtherPoint:
    x: int
    y: object = None


Pair = collections.namedtuple("Pair", "first second")  # noqa: PYI024 (users have these)


class Text(str):
    pass


class Words(list):
    pass


class Mapping(dict):
    pass


def cyclic(depth):
    value = innermost = []
    for _ in range(depth):
        inner = []
        innermost.append(inner)
        innermost = inner
    innermost.append(value)
    return value


ALL_DIFFERENT = [
    None,
    True,
    False,
    0,
    1,
    -1,
    127,
    128,
    -128,
    -129,
    2**64,
    2**64 + 1,
    1.0,
    0.0,
    -0.0,
    float("nan"),
    float("inf"),
    1 + 0j,
    "1",
    "",
    "a",
    b"a",
    bytearray(b"a"),
    b"",
    (),
    [],
    set(),
    frozenset(),
    {},
    (1,),
    [1],
    {1},
    frozenset({1}),
    {1: None},
    {"1": None},
    (1, 2),
    (2, 1),
    [1, 1],
    [[1], 2],
    [[1, 2]],
    [[], [1]],
    [(), 1],
    {"a": 1, "b": 2},
    {"a": 2, "b": 1},
    {"a": {"b": 1}},
    collections.OrderedDict(a=1, b=2),
    collections.OrderedDict(b=2, a=1),
    collections.Counter("aab"),
    collections.defaultdict(list, a=1),
    collections.defaultdict(set, a=1),
    collections.deque([1]),
    collections.deque([1], maxlen=3),
    Colour.RED,
    Colour.GREEN,
    Number.ONE,
    Flags.A,
    Flags.A | Flags.B,
    Point(1),
    Point(2),
    Point(1, Point(1)),
    OtherPoint(1),
    Pair(1, 2),
    Text("a"),
    Words([1]),
    Mapping({1: None}),
    decimal.Decimal("1.0"),
    decimal.Decimal("1.00"),
    fractions.Fraction(1, 2),
    datetime.date(2024, 1, 1),
    datetime.datetime(2024, 1, 1),
    datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    datetime.datetime(2024, 1, 1, fold=1),
    datetime.time(1),
    datetime.timedelta(1),
    datetime.timezone(datetime.timedelta(hours=1)),
    zoneinfo.ZoneInfo("Europe/Paris"),
    pathlib.PurePosixPath("a"),
    pathlib.PureWindowsPath("a"),
    pathlib.Path("b"),
    range(0),
    range(2),
    range(0, 4, 2),
    range(0, 4, 3),
    slice(1),
    slice(1, 2),
    ...,
    NotImplemented,
    uuid.UUID(int=1),
    re.compile("a"),
    re.compile("a", re.IGNORECASE),
    array.array("i", [1]),
    array.array("d", [1]),
    memoryview(b"a"),
    types.SimpleNamespace(a=1),
    types.MappingProxyType({"a": 1}),
    int,
    Point,
    len,
    list[int],
    int | None,
    list[int] | None,
    int | str | None,
    cyclic(0),
    cyclic(1),
    "x" * (1 << 21),
    "y" * (1 << 21),
    b"x" * (1 << 21),
    list(range(1_000_000)),
]


def test_different_values_have_different_fingerprints():
    seen = {}
    for value in ALL_DIFFERENT:
        fingerprint = fingerprint_parameters(value)
        assert fingerprint not in seen, (value, seen[fingerprint])
        seen[fingerprint] = value


EQUAL = [
    ({1, 2, 3, 400, 5000}, {5000, 400, 3, 2, 1}),
    (dict.fromkeys("abc"), dict.fromkeys("cba")),
    (float("nan"), -float("nan")),
    (range(0), range(5, 5)),
    (range(0, 3, 2), range(0, 4, 2)),
    ([(1, 2)] * 2, [(1, 2), (1, 2)]),
    (pathlib.Path("a/b"), pathlib.Path("a//b")),
    (int | None, None | int),
    (fractions.Fraction(2, 4), fractions.Fraction(1, 2)),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values_have_one_fingerprint(one, other):
    assert encode_parameters(one) == encode_parameters(other)


def test_sharing_does_not_count_but_takes_no_exponential_time():
    shared = [1]
    assert encode_parameters([shared, shared]) == encode_parameters([[1], [1]])
    for _ in range(100):
        shared = [shared, shared]
    assert fingerprint_parameters(shared) != fingerprint_parameters(shared[0])


CANNOT = [
    (threading.Lock(), "parameters", "_thread.lock"),
    ({"a": [0, threading.Lock()]}, "parameters['a'][1]", "_thread.lock"),
    ([lambda: 1], "parameters[0]", "depends_on_func"),
    (Point(1, object()), "parameters['y']", "builtins.object"),
    ((number for number in ()), "parameters", "builtins.generator"),
    ({threading.Lock(): 1}, "parameters.keys()", "_thread.lock"),
    ({(threading.Lock(),)}, "parameters{…}[0]", "_thread.lock"),
    ([].append, "parameters", "method bound to an object"),
]


@pytest.mark.parametrize(("value", "path", "why"), CANNOT)
def test_a_value_without_content_is_refused_with_its_path_and_a_remedy(value, path, why):
    with pytest.raises(CannotFingerprint) as caught:
        encode_parameters(value)
    assert isinstance(caught.value, TypeError)
    assert caught.value.path == path
    assert why in str(caught.value)


def test_nesting_beyond_the_limit_is_a_clear_error():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(CannotFingerprint, match="nested more than"):
        encode_parameters(value)
    while value:
        value = value.pop()


def test_types_that_no_value_has_are_not_imported_and_count_as_soon_as_they_are():
    program = """
import collections, sys
import ppg_invariants

ppg_invariants.encode_parameters(collections.deque([slice(1)]))
print(sorted({"decimal", "fractions", "numbers", "platform", "uuid"} & set(sys.modules)))
import decimal, fractions, uuid
for value in (decimal.Decimal("1.50"), fractions.Fraction(2, 6), uuid.UUID(int=1)):
    print(ppg_invariants.encode_parameters(value).hex())
"""
    run = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    imported, *encodings = run.stdout.splitlines()
    assert imported == "[]", run.stderr
    values = (decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=1))
    assert encodings == [encode_parameters(value).hex() for value in values], run.stderr


def test_a_class_is_not_taken_for_one_of_the_same_name_in_the_standard_library():
    class Decimal:
        def as_tuple(self):
            return ()

    Decimal.__module__, Decimal.__qualname__ = "decimal", "Decimal"
    with pytest.raises(CannotFingerprint, match=r"decimal\.Decimal has no content"):
        encode_parameters(Decimal())


def test_a_registered_type_counts_by_what_its_function_makes_of_it():
    class Connection:
        def __init__(self, address, handle):
            self.address, self.handle = address, handle

    with pytest.raises(CannotFingerprint, match="register_encoder"):
        encode_parameters(Connection("a", object()))
    register_encoder(Connection, lambda connection: connection.address)
    assert encode_parameters(Connection("a", object())) == encode_parameters(Connection("a", object()))
    assert encode_parameters(Connection("a", 1)) != encode_parameters(Connection("b", 1))
    with pytest.raises(TypeError, match="must be a class"):
        register_encoder("Connection", str)  # type: ignore[arg-type]


def test_a_field_that_was_never_set_is_named():
    point = Point(1)
    del point.y
    Point_y_default = Point.__dict__["y"]
    assert Point_y_default is None  # the class's default is what the instance has then
    encode_parameters(point)

    @dataclasses.dataclass
    class NoDefault:
        x: int

    broken = NoDefault(1)
    del broken.x
    with pytest.raises(CannotFingerprint, match="'x' of this"):
        encode_parameters(broken)


def test_classes_with_fields_by_attrs_and_pydantic_count_by_their_fields():
    attrs = pytest.importorskip("attrs", reason="attrs is not installed")

    @attrs.define
    class A:
        x: int

    assert encode_parameters(A(1)) == encode_parameters(A(1))
    assert encode_parameters(A(1)) != encode_parameters(A(2))


def test_pydantic_models_count_by_their_fields():
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")

    class Model(pydantic.BaseModel):
        x: int
        y: list[str] = []  # noqa: RUF012 (pydantic copies it)

    assert encode_parameters(Model(x=1)) == encode_parameters(Model(x=1, y=[]))
    assert encode_parameters(Model(x=1)) != encode_parameters(Model(x=1, y=["a"]))


def test_numpy_values_count_by_content_and_type():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    matrix = numpy.arange(6, dtype="int64").reshape(2, 3)
    same = [
        (matrix, matrix.copy()),
        (matrix, numpy.asfortranarray(matrix)),
        (matrix[:, ::2], matrix[:, ::2].copy()),
        (numpy.array([1.0, numpy.nan]), numpy.array([1.0, -numpy.nan])),
        (numpy.array(["a", None], dtype=object), numpy.array(["a", None], dtype=object)),
        (numpy.zeros(100_000), numpy.zeros(100_000)),
        (numpy.float32(1), numpy.float32(1)),
    ]
    for one, other in same:
        assert encode_parameters(one) == encode_parameters(other)
    changed = numpy.zeros(100_000)
    changed[77_777] = 1
    different = [
        1,
        numpy.int64(1),
        numpy.int32(1),
        numpy.float64(1),
        numpy.array(1),
        numpy.array([1]),
        numpy.array([1], dtype="int32"),
        numpy.array([[1]]),
        numpy.array(["1"]),
        numpy.array([b"1"]),
        numpy.array([1], dtype=object),
        numpy.array([1], dtype="M8[s]"),
        numpy.array([1], dtype="M8[ms]"),
        numpy.array([(1, 2)], dtype=[("a", "i1"), ("b", "i8")]),
        numpy.array([(1, 2)], dtype=[("a", "i1"), ("c", "i8")]),
        numpy.ma.masked_array([1, 2], [False, True]),
        numpy.ma.masked_array([1, 2], [True, False]),
        numpy.array([], dtype="f8"),
        numpy.zeros(100_000),
        changed,
        numpy.dtype("i8"),
        numpy.float64,
        numpy.longdouble(1),
        numpy.longdouble(1) + numpy.finfo(numpy.longdouble).eps,
    ]
    assert len({fingerprint_parameters(value) for value in different}) == len(different)


def test_structured_arrays_do_not_count_the_padding_between_their_fields():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    dtype = numpy.dtype([("a", "i1"), ("b", "i8")], align=True)
    one = numpy.frombuffer(b"\1" + b"\0" * 7 + b"\2" + b"\0" * 7, dtype=dtype)
    other = numpy.frombuffer(b"\1" + b"\xff" * 7 + b"\2" + b"\0" * 7, dtype=dtype)
    assert encode_parameters(one) == encode_parameters(other)


def test_pandas_frames_count_by_content_types_and_labels():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")

    def frame(**changes):
        return pandas.DataFrame(
            {
                "a": [1, 2],
                "b": ["x", None],
                "c": pandas.Categorical(["u", "v"]),
                "d": pandas.to_datetime(["2024", "2025"]),
            }
            | changes
        )

    base = frame()
    different = [
        base,
        frame(a=[1, 3]),
        frame(a=[1.0, 2.0]),
        frame(b=["x", "y"]),
        frame(c=["u", "v"]),
        frame(c=pandas.Categorical(["u", "v"], ordered=True)),
        base.rename(columns={"a": "A"}),
        base.set_index("a"),
        base[["b", "a", "c", "d"]],
        base["a"],
        base.index,
        base.columns,
        base.astype({"a": "Int64"}),
        pandas.MultiIndex.from_product([[1, 2], ["a"]]),
        pandas.Timestamp("2024-01-01"),
        pandas.Timestamp("2024-01-01", tz="Europe/Berlin"),
        pandas.Timedelta("1 day"),
        pandas.NA,
        pandas.NaT,
    ]
    assert len({fingerprint_parameters(value) for value in different}) == len(different)
    for value in different:
        if hasattr(value, "copy"):
            assert encode_parameters(value.copy()) == encode_parameters(value)


def test_polars_frames_count_by_content_types_and_names():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    base = polars.DataFrame({"a": [1, 2], "b": ["x", None], "c": [[1], [2, 3]]})
    different = [
        base,
        base.with_columns(a=polars.Series([1, 3])),
        base.with_columns(a=polars.Series([1, None])),
        base.with_columns(polars.col("a").cast(polars.Int32)),
        base.rename({"a": "A"}),
        base.select("b", "a", "c"),
        base["a"],
        base["b"],
    ]
    assert len({fingerprint_parameters(value) for value in different}) == len(different)
    assert encode_parameters(base.clone()) == encode_parameters(base)
    with pytest.raises(CannotFingerprint, match="collect"):
        encode_parameters(base.lazy())


def test_the_error_of_each_value_that_cannot_be_encoded_has_the_remedy():
    class Local:
        """A class that has no lasting name."""

    class Zone(datetime.tzinfo):
        """A time zone of the user."""

    for value, remedy in [
        (Local, "has no lasting name; define it outside"),
        (datetime.datetime(2020, 1, 1, tzinfo=Zone()), "is not supported; use zoneinfo.ZoneInfo"),
        ([].append, "not a value; pass the data of that object"),
    ]:
        with pytest.raises(CannotFingerprint, match=remedy):
            encode_parameters(value)
    with pytest.raises(TypeError, match="to_plain must be a function, not 3"):
        register_encoder(Local, 3)
