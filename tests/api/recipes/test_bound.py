"""One function for many jobs: bound values are dependencies or parameters; and jobs that are called as functions."""

import dataclasses
import math
from pathlib import Path

import pytest

import ppg


def count(out: Path, reads: Path, k: int) -> None:
    """Write how many times `k` the file has."""
    out.write_text(str(len(reads.read_text()) * k))


def raw(name: str, text: str) -> ppg.FileGeneratingJob:
    return ppg.FileGeneratingJob(name, lambda out, text=text: out.write_text(text))


def test_samples_times_parameters_are_one_comprehension(run, folder):
    def declare(text="ab", ks=(1, 2)):
        samples = {name: raw(f"raw/{name}", text * length) for name, length in (("s", 1), ("t", 2))}
        counts = [
            ppg.file(f"count/{name}_{k}")(count, reads=sample, k=k)
            for name, sample in samples.items()
            for k in ks
        ]

        @ppg.file("report")
        def report(out, counts=counts):
            out.write_text(" ".join(path.read_text() for path in counts))

    assert len(run(declare).ran) == 7
    assert (folder / "report").read_text() == "2 4 4 8"
    assert run(declare).ran == []
    # Only what is made with the changed value, and what is made of that, runs again.
    result = run(lambda: declare(ks=(1, 3)))
    assert set(result.ran) == {"count/s_3", "count/t_3", "report"}
    assert (folder / "report").read_text() == "2 6 4 12"


def test_a_changed_value_is_a_reason_in_words(run):
    def declare(k):
        ppg.file("out")(count, reads=raw("raw", "a"), k=k)

    run(lambda: declare(1))
    result = run(lambda: declare(2))
    assert result.ran == ["out"]
    (reason,) = result["out"].reasons
    assert str(reason) == "k: 1 → 2"


def test_the_function_is_not_changed_and_its_code_counts_once_for_all(run, folder):
    def declare(change):
        def make(out, k, scale=1):
            out.write_text(str(k * scale * change))

        jobs = [ppg.file(f"out{k}")(make, k=k) for k in (1, 2)]
        assert make.__defaults__ == (1,)
        assert jobs[0].callback is not make

    run(lambda: declare(1))
    assert [(folder / f"out{k}").read_text() for k in (1, 2)] == ["1", "2"]
    assert set(run(lambda: declare(10)).ran) == {"out1", "out2"}


@pytest.mark.parametrize("value", [[1, {"a": (2, None)}], "text", Path("path"), 1.5, {"s"}, b"bytes", True])
def test_any_value_that_can_be_a_parameter_can_be_bound(run, folder, value):
    def show(out, value):
        out.write_text(repr(value))

    run(lambda: ppg.file("out")(show, value=value))
    assert (folder / "out").read_text() == repr(value)
    assert run(lambda: ppg.file("out")(show, value=value)).ran == []


def test_all_decorators_bind(run, folder):
    def declare(k):
        def load(k):
            return {"k": k}

        def parts(out, value, k):
            for name, path in out.items():
                path.write_text(f"{name} {value['k']} {k}")

        def more(k):
            ppg.FileGeneratingJob(f"more{k}", lambda out: out.write_text("more"))

        value = ppg.data("value")(load, k=k)
        ppg.files({"a": "a", "b": "b"})(parts, value=value, k=k)
        ppg.temp_file("temporary")(count, reads=raw("raw", "x"), k=k)
        ppg.generator("generator")(more, k=k)

    run(lambda: declare(1))
    assert (folder / "a").read_text() == "a 1 1"
    assert (folder / "more1").exists()
    assert run(lambda: declare(1)).ran == ["generator"]
    assert {"value", "a:b", "generator", "more2"} <= set(run(lambda: declare(2)).ran)


def test_jobs_of_a_generator_can_be_bound(run, folder):
    def declare(k):
        def generate():
            ppg.file("out")(count, reads=raw("raw", "abc"), k=k)

        ppg.JobGeneratingJob("generate", generate)

    run(lambda: declare(2))
    assert (folder / "out").read_text() == "6"
    assert run(lambda: declare(2)).ran == ["generate"]
    assert set(run(lambda: declare(3)).ran) == {"generate", "out"}


@pytest.mark.parametrize(
    ("bound", "named"),
    [
        ({"reads": "x", "k": 1, "z": 2}, r"'count' has no parameter 'z'; it has out, reads, k"),
        ({"reads": "x"}, "'k' of the function has no value; bind it, too"),
        ({"k": 1}, "takes 2 arguments"),
        ({"out": "a", "reads": "b", "k": 1}, "'out'.*is what ppg passes"),
        ({"reads": "x", "k": object()}, "object"),
        ({"reads": "x", "k": [ppg.FileChecksumInvariant, 3]}, ""),
    ],
)
def test_what_cannot_be_bound_is_an_error_at_the_declaration(graph, bound, named):
    if named:
        with pytest.raises(TypeError, match=named):
            ppg.file("out")(count, **bound)
    else:
        ppg.file("out")(count, **bound)


@dataclasses.dataclass
class Config:
    """A value with a part that may be a job."""

    part: object


@pytest.mark.parametrize("hide", [Config, lambda job: {"a": [Config(job)]}, lambda job: [Config({"b": job})]])
def test_a_job_within_a_bound_object_is_refused_as_it_would_be_no_dependency(graph, hide):
    with pytest.raises(
        TypeError, match=r"'k' is bound to an object that has <FileGeneratingJob 'raw'>.*bind that job itself"
    ):
        ppg.file("out")(count, reads=ppg.upstream("x"), k=hide(raw("raw", "x")))
    assert "out" not in graph


def test_a_function_that_takes_any_parameters_gets_them_by_name(run, folder):
    def show(out, **values):
        out.write_text(f"{values['reads'].read_text()} {values['k']}")

    def declare(k):
        ppg.file("out")(show, reads=raw("raw", "x"), k=k)

    run(lambda: declare(1))
    assert (folder / "out").read_text() == "x 1"
    assert run(lambda: declare(1)).ran == []
    assert run(lambda: declare(2)).ran == ["out"]


def test_two_jobs_of_one_name_with_other_values_contradict_each_other(graph):
    first = ppg.file("out")(count, reads=ppg.upstream("x"), k=1)
    assert ppg.file("out")(count, reads=ppg.upstream("x"), k=1) is first
    with pytest.raises(ppg.JobContractError, match="out"):
        ppg.file("out")(count, reads=ppg.upstream("x"), k=2)


def test_a_decorated_function_can_be_called_without_a_run(graph, folder):
    (folder / "input").write_text("1 2 3")

    @ppg.data("values")
    def values(path=ppg.upstream("input")):
        return [int(word) for word in path.read_text().split()]

    @ppg.file("total")
    def total(out: Path, values=ppg.upstream(values), *, scale=2) -> int:
        return out.write_text(str(sum(values) * scale))

    assert values() == [1, 2, 3]
    assert total(folder / "by hand", values=[1]) == 1
    assert (folder / "by hand").read_text() == "2"
    assert total(folder / "by hand", [2], scale=3) == 1
    assert (folder / "by hand").read_text() == "6"
    with pytest.raises(
        TypeError, match="'total' was called without 'values', which only jobs of a run get: pass the value"
    ):
        total(folder / "by hand")
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        total(folder / "by hand", values=[1], other=1)
    assert not (folder / "total").exists()


def test_a_job_with_bound_values_gets_them_also_when_it_is_called(graph, folder):
    (folder / "reads").write_text("abc")
    job = ppg.file("out")(count, reads=ppg.upstream("reads"), k=2)
    job(folder / "x")
    assert (folder / "x").read_text() == "6"
    job(folder / "x", k=3)
    assert (folder / "x").read_text() == "9"


def test_a_job_of_a_class_can_be_called_too(graph, folder):
    job = ppg.FileGeneratingJob("out", lambda out: out.write_text("made"))
    job(folder / "x")
    assert (folder / "x").read_text() == "made"


@pytest.mark.parametrize(
    "declare",
    [
        lambda job: ppg.FileGeneratingJob("x", job),
        lambda job: ppg.MultiFileGeneratingJob(["x", "y"], job),
        lambda job: ppg.DataLoadingJob("x", job),
        lambda job: ppg.JobGeneratingJob("x", job),
        lambda job: ppg.FunctionInvariant("x", job),
        lambda job: ppg.CachedAttributeLoadingJob("x", math, "attribute", job),
        lambda job: ppg.file("x")(job),
    ],
)
def test_a_job_is_no_function_of_another_job(graph, declare):
    job = ppg.FileGeneratingJob("job", lambda out: out.write_text("x"))
    with pytest.raises(TypeError, match="job"):
        declare(job)


def test_a_job_gets_the_values_that_are_compared_also_if_the_script_changes_them_later(run, folder):
    def show(out, values):
        out.write_text(str(values))

    def declare():
        values: list[int] = []
        for number in range(3):
            values.append(number)
            ppg.file(f"out{number}")(show, values=values)

    run(declare)
    assert [(folder / f"out{number}").read_text() for number in range(3)] == ["[0]", "[0, 1]", "[0, 1, 2]"]
    assert run(declare).ran == []


def test_a_mistake_leaves_no_job_behind(graph):
    with pytest.raises(TypeError):
        ppg.file("out")(count, reads=ppg.upstream("x"), k=object())
    assert "out" not in graph


def test_a_job_cannot_be_called_within_another_one(failing_run):
    """The other one would not run again when its function changes."""

    def declare():
        @ppg.file("a")
        def a(out):
            out.write_text("a")
            return 3

        ppg.FileGeneratingJob("b", lambda out: out.write_text(str(a(Path("scratch"))))).depends_on(a)

    error, _ = failing_run(declare)
    assert "The function of the job 'a' was called within a job" in str(error)
