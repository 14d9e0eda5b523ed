"""The files of stored values: which format is chosen, what comes back, and what cannot be stored."""

import collections
import datetime
import hashlib
import sys
from pathlib import Path

import pytest

import ppg
from ppg.worker import stored_values
from ppg.worker.stored_values import AUTOMATIC, FORMATS, read_stored, write_stored


@pytest.fixture
def stored(tmp_path):
    """Writes and reads a value; gives what is read, and the beginning of the file."""

    def store(value, form=AUTOMATIC):
        path = str(tmp_path / "file")
        write_stored(lambda: value, path, "job", form, str(tmp_path))
        return read_stored(path, "job", form), Path(path).read_bytes()[:6]

    return store


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        "",
        b"",
        (),
        [],
        {},
        set(),
        {"a", "b"},
        {1: {("x", frozenset("ab"))}},
        "x" * 100_000,
        range(3),
        1.5,
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_values_come_back(stored, value):
    back, _ = stored(value)
    assert (back, type(back)) == (value, type(value))


def test_what_one_object_was_is_one_object(stored):
    shared = ["x"]
    back, _ = stored({"a": shared, "b": shared, "sets": {("p",), ("q",)}})
    assert back["a"] is back["b"]
    ring = [{"a", "b"}]
    ring.append(ring)
    back, _ = stored(ring)
    assert back[1] is back


def test_a_chain_that_is_too_deep_for_sorted_sets_is_stored_nevertheless(stored):
    chain = [{"a", "b"}]
    for _ in range(400):
        chain = [chain]
    back, _ = stored(chain)
    for _ in range(400):
        (back,) = back
    assert back == [{"a", "b"}]


def test_arrays_are_npy_if_that_gives_them_back(stored):
    numpy = pytest.importorskip("numpy")
    record = numpy.zeros(2, [("a", "<i4"), ("b", ">f8")])
    for array in (
        numpy.arange(3), numpy.array(3.5), numpy.array([], "M8[ns]"), record, numpy.array(["a", "bb"]),
        numpy.asfortranarray(numpy.ones((2, 3))), numpy.array([True]), numpy.array([1j]),
    ):  # fmt: skip
        back, beginning = stored(array)
        assert beginning == b"\x93NUMPY"
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        assert back.tobytes() == array.tobytes()
        back[...] = back  # it is no map of the file
    for other in (
        numpy.array(["a", None], dtype=object), numpy.ma.masked_array([1, 2], [True, False]), numpy.float64(3),
        numpy.rec.array([(1,)], dtype=[("a", "i4")]),
    ):  # fmt: skip
        back, beginning = stored(other)
        assert beginning[:2] == b"\x80\x05"
        assert type(back) is type(other)
        assert repr(back) == repr(other)


FRAMES = {
    "plain": (lambda pandas: pandas.DataFrame({"a": [1, 2], "b": ["x", None], "c": [True, False]}), True),
    "named rows": (
        lambda pandas: pandas.DataFrame({"a": [1.5, None]}, index=pandas.Index(["g", "h"], name="x")),
        True,
    ),
    "categories": (
        lambda pandas: pandas.DataFrame({"a": pandas.Categorical(["x"], ["y", "x"], ordered=True)}),
        True,
    ),
    "zones": (lambda pandas: pandas.DataFrame({"a": pandas.date_range("2020", periods=2, tz="UTC")}), True),
    "nullable": (lambda pandas: pandas.DataFrame({"a": pandas.array([1, None], dtype="Int64")}), True),
    "no rows": (lambda pandas: pandas.DataFrame({"a": pandas.array([], dtype="int8")}), True),
    "every second": (lambda pandas: pandas.DataFrame({"a": range(9)}).iloc[::2], True),
    "nan in texts": (
        lambda pandas: pandas.DataFrame({"a": pandas.Series(["x", float("nan")], dtype=object)}),
        False,
    ),
    "mixed": (lambda pandas: pandas.DataFrame({"a": pandas.Series(["x", 1], dtype=object)}), False),
    "lists": (lambda pandas: pandas.DataFrame({"a": [[1, 2], [3]]}), False),
    "numbered": (lambda pandas: pandas.DataFrame([[1, 2]]), False),
    "twice": (lambda pandas: pandas.DataFrame([[1, 2]], columns=["a", "a"]), False),
    "complex": (lambda pandas: pandas.DataFrame({"a": [1j]}), False),
    "empty": (lambda pandas: pandas.DataFrame(), False),
}


@pytest.mark.parametrize("name", FRAMES)
def test_data_frames_come_back_exactly_and_are_feather_only_if_so(stored, name):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    make, exactly = FRAMES[name]
    back, beginning = stored(make(pandas))
    pandas.testing.assert_frame_equal(back, make(pandas), check_exact=True, check_freq=True, check_flags=True)
    assert (beginning == b"ARROW1") == exactly


def test_attributes_of_a_data_frame_come_back(stored):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1]})
    frame.attrs["unit"] = "m"
    back, _ = stored(frame)
    assert back.attrs == {"unit": "m"}


def test_data_frames_are_pickled_without_pyarrow(stored, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr(stored_values, "_has_pyarrow", lambda: False)
    frame = pandas.DataFrame({"a": [1, 2]})
    back, beginning = stored(frame)
    assert beginning[:2] == b"\x80\x05"
    assert back.equals(frame)
    with pytest.raises(ppg.JobContractError, match=r"'job' cannot be stored.*needs pyarrow.*install pyarrow"):
        stored(frame, "feather")


def test_a_pickle_of_a_time_without_pyarrow_is_read_with_it(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2]})
    with monkeypatch.context() as without:
        without.setattr(stored_values, "_has_pyarrow", lambda: False)
        write_stored(lambda: frame, str(tmp_path / "file"), "job", AUTOMATIC, str(tmp_path))
    assert read_stored(str(tmp_path / "file"), "job", AUTOMATIC).equals(frame)


def test_a_data_frame_is_never_read_as_one_of_another_library(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = str(tmp_path / "file")
    write_stored(lambda: pandas.DataFrame({"a": [1, 2]}), path, "job", AUTOMATIC, str(tmp_path))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.ipc", None)
    with pytest.raises(ppg.CacheUnreadableError, match=r"'job' cannot be read.*pyarrow.*Remove the file"):
        read_stored(path, "job", AUTOMATIC)


def test_nothing_in_a_file_depends_on_the_version_of_a_library(tmp_path):
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    write_stored(
        lambda: pandas.DataFrame({"a": [1, 2]}), str(tmp_path / "file"), "job", "feather", str(tmp_path)
    )
    content = (tmp_path / "file").read_bytes()
    assert pyarrow.__version__.encode() not in content
    assert pandas.__version__.encode() not in content


@pytest.mark.parametrize("form", [AUTOMATIC, "feather", "parquet"])
def test_frames_of_polars_come_back(stored, form):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"a": [1, None], "b": ["x", "y"], "c": [[1], [2, 3]], "d": [datetime.timedelta(1), None]}
    ).with_columns(polars.col("b").cast(polars.Categorical).alias("e"))
    back, beginning = stored(polars.concat([frame, frame], rechunk=False), form)
    assert back.schema == frame.schema
    assert back.equals(polars.concat([frame, frame]))
    assert beginning[:3] == (b"PAR" if form == "parquet" else b"ARR")


@pytest.mark.parametrize("form", ["feather", "parquet"])
def test_a_chosen_format_of_tables_has_one_library_for_each_file(stored, form):
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=pandas.Index([5, 6], name="n"))
    back, _ = stored(frame, form)
    pandas.testing.assert_frame_equal(back, frame)
    table = pyarrow.Table.from_pandas(frame)
    back, _ = stored(table, form)
    assert type(back) is pyarrow.Table
    assert back.equals(table)
    assert back.schema.metadata == table.schema.metadata


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("json", {"a": [1, 2.5, None, True, "ü"], "b": {}}),
        ("json", None),
        ("text", ""),
        ("text", "a\r\nb\n"),
        ("bytes", b""),
        ("bytes", b"\x00\xff"),
        ("pickle", (1, {2})),
    ],
)
def test_a_chosen_format_gives_back_the_value(stored, form, value):
    back, _ = stored(value, form)
    assert (back, type(back)) == (value, type(value))


CYCLE: list[object] = []
CYCLE.append(CYCLE)
Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 (a value of a user)


@pytest.mark.parametrize(
    ("form", "value", "said"),
    [
        ("json", (1, 2), "is a tuple, which JSON cannot give back"),
        ("json", {"a": [1, (2,)]}, r"at value\['a'\]\[1\]; return lists"),
        ("json", {"a": {1: 2}}, r"the key 1 at value\['a'\]"),
        ("json", CYCLE, "contains itself"),
        ("json", Pair(1, 2), "Pair"),
        ("text", 1, "is a int.*holds texts alone; return a str"),
        ("text", "\udc80", "UTF-8 cannot encode it"),
        ("bytes", "x", "holds bytes alone; return bytes"),
        ("npy", [1], "is a list, which npy does not hold"),
        ("feather", [1], "holds data frames"),
        ("parquet", {"a": 1}, "holds data frames"),
    ],
)
def test_a_value_that_a_format_does_not_hold_fails_the_job_by_name(stored, form, value, said):
    with pytest.raises(ppg.JobContractError, match=f"(?s)The value of 'job' cannot be stored.*{said}"):
        stored(value, form)


def test_a_column_that_pyarrow_cannot_hold_fails_the_job_by_name(stored):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    with pytest.raises(ppg.JobContractError, match=r"(?s)'job' cannot be stored.*change that column"):
        stored(pandas.DataFrame({"a": pandas.Series(["x", 1], dtype=object)}), "feather")


@pytest.mark.parametrize(
    ("form", "library"), [("npy", "numpy"), ("feather", "pyarrow"), ("parquet", "pyarrow")]
)
def test_a_missing_library_of_a_format_is_named_at_the_definition(graph, monkeypatch, form, library):
    for name in ("numpy", "pyarrow", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ppg.PyPipelineGraphError, match=f"'v'.*needs {library}.*pip install {library}"):
        ppg.cached("v", format=form)(lambda: 1)


@pytest.mark.parametrize("form", ["bytes", "json", "pickle", "text"])
def test_each_format_has_a_file_of_its_own(graph, form):
    assert ppg.cached("v", format=form)(lambda: 1).path.suffix == FORMATS[form]


# -- values that cannot be stored


def test_a_value_that_cannot_be_stored_fails_the_job_with_the_way_to_the_culprit(failing_run, folder):
    def declare():
        ppg.cached("value")(lambda: {"reads": [1, (one for one in ())]})

    error, _ = failing_run(declare)
    said = str(error.exceptions["cache/values/value.value"])
    assert "cache/values/value.value" in said
    assert "cannot pickle 'generator' object" in said
    assert "the value → ['reads'] → [1] → generator" in said
    assert not (folder / "cache/values/value.value").exists()


def test_a_value_with_a_job_in_it_is_refused(failing_run, folder):
    def declare():
        job = ppg.FileGeneratingJob("a", lambda path: path.write_text("a"))
        ppg.cached("value")(lambda: {"sets": {"x", "y"}, "job": [job]})
        ppg.cached("sound")(lambda: str(job.job_id))

    error, _ = failing_run(declare, undeclared="ignore")
    said = str(error.exceptions["cache/values/value.value"])
    assert "<FileGeneratingJob 'a'> is a job" in said
    assert "return its name or its path" in said
    assert "['job'] → [0]" in said


def test_equal_files_of_equal_values(stored, tmp_path):
    digests = set()
    for names in (["x", "y", "z"], ["z", "x", "y"]):
        write_stored(
            lambda names=names: [set(names), frozenset(names)],
            str(tmp_path / "f"),
            "job",
            AUTOMATIC,
            str(tmp_path),
        )
        digests.add(hashlib.sha256((tmp_path / "f").read_bytes()).hexdigest())
    assert len(digests) == 1
