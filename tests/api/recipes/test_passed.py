"""What a parameter with jobs as its default gets: nested shapes, files and values mixed, and what is refused."""

import re
from pathlib import Path

import pytest

import ppg


def test_jobs_in_nested_lists_and_dictionaries_are_dependencies_and_get_passed_in_the_same_shape(run, folder):
    def declare(version="1"):
        raw = {
            name: ppg.FileGeneratingJob(
                f"raw/{name}", lambda out, name=name: out.write_text(f"{name} {version}")
            )
            for name in ("s1", "s2")
        }
        parts = ppg.MultiFileGeneratingJob(
            {"x": "x", "y": "y"}, lambda out: [p.write_text("p") for p in out.values()]
        )

        @ppg.file("out")
        def out(out, x={"reads": [raw["s1"], [raw["s2"]]], "one": {"y": parts["y"]}}):  # noqa: B006
            out.write_text(repr(x))

        return out

    assert set(run(declare).ran) == {"raw/s1", "raw/s2", "x:y", "out"}
    shape = {"reads": [Path("raw/s1"), [Path("raw/s2")]], "one": {"y": Path("y")}}
    assert (folder / "out").read_text() == repr(shape)
    assert run(declare).ran == []
    assert set(run(lambda: declare("2")).ran) == {"raw/s1", "raw/s2", "out"}


def test_values_and_files_are_mixed_in_any_shape(run, folder):
    (folder / "input").write_text("input")

    def declare(number=3):
        made = ppg.FileGeneratingJob("made", lambda out: out.write_text("made"))

        @ppg.data("value")
        def value():
            return number

        @ppg.file("out")
        def out(out, given=ppg.upstream({"deep": [value, {"file": made}], "given": "input", "value": value})):
            out.write_text(repr(given))

    assert set(run(declare).ran) == {"made", "value", "out"}
    shape = {"deep": [3, {"file": Path("made")}], "given": Path("input"), "value": 3}
    assert (folder / "out").read_text() == repr(shape)
    assert run(declare).ran == []
    assert set(run(lambda: declare(4)).ran) == {"value", "out"}
    assert "[4, " in (folder / "out").read_text()
    (folder / "input").write_text("other")
    assert "out" in run(lambda: declare(4)).ran


def test_a_value_in_a_list_is_no_permission_to_read_loads_in_a_fresh_process(graph):
    value = ppg.data("value")(lambda: 1)
    with pytest.raises(ppg.JobContractError, match="fresh"):
        ppg.file("out", isolation="fresh")(lambda out, x=ppg.upstream([value]): out.write_text("x"))


def test_a_set_of_jobs_has_the_same_order_in_every_run(run, folder):
    def declare():
        jobs = {
            ppg.FileGeneratingJob(name, lambda out, name=name: out.write_text(name))
            for name in ("c", "a", "d", "b")
        }

        @ppg.file("out")
        def out(out, jobs=jobs):
            out.write_text("".join(path.read_text() for path in jobs))

    run(declare)
    assert (folder / "out").read_text() == "abcd"
    assert run(declare).ran == []


@pytest.mark.parametrize(
    "mixed",
    [lambda job: [job, 3], lambda job: {"a": job, "b": "text"}, lambda job: {"a": [{"b": job}, None]}],
)
def test_jobs_beside_other_values_are_refused(graph, mixed):
    default = mixed(ppg.FileGeneratingJob("job", lambda out: out.write_text("x")))
    with pytest.raises(
        TypeError, match=r"FileGeneratingJob 'out': the parameter 'x' has jobs and other values"
    ) as caught:
        ppg.file("out")(lambda out, x=default: out.write_text("x"))
    assert "ppg.upstream(...)" in str(caught.value)
    assert "out" not in graph


def test_a_list_that_contains_itself_is_refused_if_it_has_jobs(graph):
    job = ppg.FileGeneratingJob("job", lambda out: out.write_text("x"))
    endless: list[object] = [job]
    endless.append(endless)
    with pytest.raises(TypeError, match="'x'"):
        ppg.file("out")(lambda out, x=endless: out.write_text("x"))
    with pytest.raises(TypeError, match=r"'x'.* contains itself"):
        ppg.file("out")(lambda out, x=ppg.upstream(endless): out.write_text("x"))


def test_plain_defaults_may_be_nested_and_shared_in_any_way(graph):
    shared: list[object] = [1]
    deep: list[object] = [1]
    for _ in range(3000):
        shared, deep = [shared, shared], [deep]
    endless: list[object] = [1]
    endless.append(endless)
    for default in (shared, deep, endless):
        job = ppg.file("out")(lambda out, x=default: out.write_text("x"))
        assert list(job.upstreams) == []
        ppg.new_pipegraph(quiet=True)


def test_jobs_that_are_nested_too_deeply_are_refused(graph):
    nested: object = ppg.FileGeneratingJob("job", lambda out: out.write_text("x"))
    for _ in range(3000):
        nested = [nested]
    for default in (nested, ppg.upstream(nested)):
        with pytest.raises(TypeError, match="'x' is nested more than 100 times"):
            ppg.file("out")(lambda out, x=default: out.write_text("x"))


@pytest.mark.parametrize(
    "decorator",
    [ppg.file, ppg.files, ppg.temp_file, ppg.temp_files, ppg.data, ppg.generator],
    ids=lambda d: d.__name__,
)
def test_a_decorator_without_parentheses_is_an_error_at_its_line(graph, decorator):
    with pytest.raises(TypeError, match=re.escape(f"write @ppg.{decorator.__name__}(...) above it")):

        @decorator
        def make(out): ...

    assert len(graph) == 0
