"""Names of files: paths, dictionaries and single files of jobs are taken wherever a file or a job is."""

import subprocess
import sys
from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import write


def write_all(paths):
    for path in paths.values() if isinstance(paths, dict) else paths:
        path.write_text(str(path))


def test_a_job_depends_on_paths_texts_and_files_of_jobs_alike(graph, folder):
    a = ppg.FileGeneratingJob(Path("x") / "a", write)
    pair = ppg.MultiFileGeneratingJob({"left": Path("l"), "right": folder / "r"}, write_all)
    b = ppg.FileGeneratingJob("b", write)
    b.depends_on(Path("x/a"), [folder / "x" / "a", "./x/a"], pair["left"], Path("r"))
    assert list(b.upstreams) == [a, pair]
    assert graph.dag.parts(pair._node, b._node) == {"l", "r"}
    c = ppg.FileGeneratingJob("c", write).depends_on_file(pair["right"]).depends_on_file(Path("input"))
    assert graph.dag.parts(pair._node, c._node) == {"r"}
    assert c.upstreams[1].job_id == "input"


def test_of_a_dictionary_of_jobs_the_values_are_depended_on(graph):
    jobs = {name: ppg.FileGeneratingJob(f"out/{name}", write) for name in "ab"}
    pair = ppg.MultiFileGeneratingJob(["c", "d"], write_all)
    job = ppg.FileGeneratingJob("job", write).depends_on(jobs, {"c": pair["c"], "again": Path("out/a")})
    assert list(job.upstreams) == [*jobs.values(), pair]
    assert jobs["a"] + jobs == [jobs["a"], jobs["a"], jobs["b"]]


def test_files_of_jobs_add_up_and_are_equal_by_what_they_are(graph):
    pair = ppg.MultiFileGeneratingJob({"c": "out/c", "d": "out/d"}, write_all)
    single = ppg.FileGeneratingJob("e", write)
    assert pair["c"] == pair["out/c"] == pair[Path("out/c")]
    assert pair["c"] != pair["d"]
    assert pair["c"] != "out/c"
    assert len({pair["c"], pair["out/c"], pair["d"]}) == 2
    assert pair["c"] + pair["d"] + single == [pair["c"], pair["d"], single]
    assert single + pair["c"] == [single, pair["c"]]
    assert [single] + pair["c"] == [single, pair["c"]]
    assert str(pair["c"]) == "out/c"
    assert Path(pair["c"]) == Path("out/c")


def test_the_paths_that_a_job_makes_are_at_hand(graph, folder):
    assert ppg.FileGeneratingJob(folder / "out" / "a", write).path == Path("out/a")
    assert ppg.MultiFileGeneratingJob([Path("b"), "c"], write_all).made == [Path("b"), Path("c")]
    assert ppg.MultiFileGeneratingJob({"d": Path("d")}, write_all).made == {"d": Path("d")}


def test_jobs_are_found_by_path_and_by_file(graph, folder):
    a = ppg.FileGeneratingJob("x/a", write)
    pair = ppg.MultiFileGeneratingJob({"c": "c", "d": "d"}, write_all)
    assert graph.job(Path("x/a")) is graph.job("./x/a") is graph.job(folder / "x" / "a") is a
    assert graph.job("c") is graph.job(pair["d"]) is pair
    assert graph._maker_of(Path("c")) == pair["c"]
    with pytest.raises(ppg.PyPipelineGraphError, match="no job 'nothing'"):
        graph.job(Path("nothing"))


def test_targets_are_jobs_ids_paths_files_of_jobs_and_dictionaries(graph, folder):
    a = ppg.FileGeneratingJob("a", write)
    ppg.FileGeneratingJob("b", write)
    pair = ppg.MultiFileGeneratingJob({"c": "c", "d": "d"}, write_all)
    ppg.FileGeneratingJob("e", write)
    for target in ("a", a, Path("a")):
        with pytest.raises(TypeError, match="targets must be a list"):
            graph.preview(targets=target)
    assert list(graph.preview(targets=[a, Path("b")]).will_run) == ["a", "b"]
    assert list(graph.preview(targets={"first": pair["d"]}).will_run) == ["c:d"]
    result = graph.run(targets=[folder / "a", pair["c"]])
    assert result.ran == ["a", "c:d"]
    assert result[a].was_run
    assert result.outcome(pair).was_run


def test_a_generator_may_name_files_by_path_and_by_job(run, folder):
    def declare():
        pair = ppg.MultiFileGeneratingJob({"c": "c", "d": "d"}, write_all)

        def generate():
            made = ppg.MultiFileGeneratingJob({"x": Path("x"), "y": "y"}, write_all)
            ppg.FileGeneratingJob("out", write).depends_on(made["x"], Path("y"), "c").depends_on_file(
                pair["d"]
            )
            ppg.FileGeneratingJob("out2", write).depends_on({"made": made["y"]})

        ppg.JobGeneratingJob("generator", generate).depends_on(pair)

    assert set(run(declare).ran) == {"c:d", "generator", "x:y", "out", "out2"}
    assert run(declare).ran == ["generator"]


def test_a_set_of_files_reaches_the_function_in_the_same_order_in_every_run(folder):
    script = (
        "import ppg\nppg.new_pipegraph(quiet=True)\n"
        "job = ppg.MultiFileGeneratingJob({f'file{i}' for i in range(20)}, lambda paths: 0)\n"
        "print(job.made)\n"
    )
    told = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60).stdout
        for _ in range(3)
    }
    assert len(told) == 1


def test_a_generator_of_file_names_is_taken(graph):
    assert ppg.MultiFileGeneratingJob((f"{name}.txt" for name in "ab"), write_all).files == ("a.txt", "b.txt")


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.MultiFileGeneratingJob({1: "a"}, write), TypeError, "names in filenames.*1"),
        (lambda: ppg.MultiFileGeneratingJob({"a": 1}, write), TypeError, "filenames"),
        (lambda: ppg.MultiFileGeneratingJob(b"a", write), TypeError, "filenames"),
        (lambda: ppg.FileGeneratingJob("a", write).depends_on(b"b"), TypeError, "bytes"),
        (lambda: list(ppg.MultiFileGeneratingJob(["a", "b"], write)), TypeError, "not iterable"),
        (lambda: "a" in ppg.MultiFileGeneratingJob(["a", "b"], write), TypeError, "not iterable|argument of"),
        (lambda: ppg.MultiFileGeneratingJob(["a", "b"], write)["c"], KeyError, "a, b"),
        (lambda: ppg.MultiFileGeneratingJob({"x": "a"}, write)[Path("c")], KeyError, "makes x"),
    ],
)
def test_what_is_no_file_is_reported(graph, declare, error, named):
    with pytest.raises(error, match=named):
        declare()
