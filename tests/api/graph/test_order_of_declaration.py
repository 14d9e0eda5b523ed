"""A file may be needed by its name before the job that makes it is declared."""

import inspect
from pathlib import Path

import pytest

import ppg


def by_depends_on(name):
    return ppg.FileGeneratingJob("out", lambda out: copy(name, out)).depends_on(name)


def by_depends_on_file(name):
    return ppg.FileGeneratingJob("out", lambda out: copy(name, out)).depends_on_file(name)


def by_upstream(name):
    return ppg.file("out")(lambda out, path=ppg.upstream(name): copy(path, out))


def by_nested_upstream(name):
    return ppg.file("out")(lambda out, paths=ppg.upstream({"a": [name]}): copy(paths["a"][0], out))


def by_external(name):
    return ppg.ExternalJob("out", ["cat", name], stdout="out").depends_on(name)


def copy(name, out):
    with open(name, "rb") as file:
        out.write_bytes(file.read())


WAYS = [by_depends_on, by_depends_on_file, by_upstream, by_nested_upstream, by_external]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [ppg.FileGeneratingJob, ppg.TempFileGeneratingJob])
def test_a_job_that_makes_the_file_may_be_declared_later(run, folder, way, kind):
    def declare(text="made"):
        out = way("needed")
        maker = kind("needed", lambda path: path.write_text(text))
        out.pipegraph._complete()
        assert maker in out.upstreams
        assert all(not isinstance(one, ppg.FileChecksumInvariant) for one in out.upstreams)

    assert run(declare).ran == ["out", "needed"]
    assert (folder / "out").read_text() == "made"
    assert run(declare).ran == []
    assert run(lambda: declare("other")).ran == ["out", "needed"]
    assert (folder / "out").read_text() == "other"


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_no_job_makes_is_an_input(run, folder, way):
    (folder / "needed").write_text("input")
    assert run(lambda: way("needed")).ran == ["out"]
    assert run(lambda: way("needed")).ran == []
    (folder / "needed").write_text("changed")
    assert run(lambda: way("needed")).ran == ["out"]
    assert (folder / "out").read_text() == "changed"


@pytest.mark.parametrize("way", WAYS)
def test_an_input_that_is_not_there_is_named(failing_run, way):
    error, _ = failing_run(lambda: way("needed"))
    assert "the input file 'needed' does not exist" in str(error)


@pytest.mark.parametrize("way", WAYS)
def test_one_file_of_several_is_the_dependency(graph, way):
    out = way("sub/../b")
    both = ppg.MultiFileGeneratingJob(["a", "b"], print)
    graph._complete()
    assert graph.dag.parts(both._node, out._node) == {"b"}


def test_jobs_in_any_order_are_one_pipeline(run, folder):
    def declare(order):
        def chain(number):
            before = Path(f"f{number - 1}")
            job = ppg.FileGeneratingJob(
                f"f{number}",
                lambda path: path.write_text(f"{number}" + (before.read_text() if number else "")),
            )
            return job.depends_on(before) if number else job

        for number in order:
            chain(number)

    assert run(lambda: declare([3, 1, 2, 0])).ran == ["f3", "f1", "f2", "f0"]
    assert (folder / "f3").read_text() == "3210"
    assert run(lambda: declare([0, 2, 1, 3])).ran == []


def test_a_circle_of_names_is_found_before_anything_runs(graph):
    ppg.FileGeneratingJob("a", print).depends_on("b")
    ppg.FileGeneratingJob("b", print).depends_on("c")
    ppg.FileGeneratingJob("c", print).depends_on("a")
    with pytest.raises(ppg.CycleError):
        graph.run()


def test_an_invariant_that_the_script_declares_later_is_the_one(graph):
    out = ppg.FileGeneratingJob("out", print).depends_on("input")
    chosen = ppg.FileTimeInvariant("input")
    graph._complete()
    assert chosen in out.upstreams


def test_a_notebook_can_declare_the_maker_in_a_later_cell(folder):
    graph = ppg.new_pipegraph(redefine=True, quiet=True)
    (folder / "needed").write_text("input")
    ppg.FileGeneratingJob("out", lambda out: copy("needed", out)).depends_on("needed")
    assert graph.run().ran == ["out"]
    ppg.FileGeneratingJob("needed", lambda path: path.write_text("made"))
    assert graph.run().ran == ["out", "needed"]
    assert (folder / "out").read_text() == "made"
    assert graph.run().ran == []
    graph.remove("needed")
    (folder / "needed").write_text("by hand")
    assert graph.run().ran == ["out"]
    assert (folder / "out").read_text() == "by hand"


def test_a_notebook_that_declares_a_job_again_without_the_file_needs_it_no_more(folder):
    graph = ppg.new_pipegraph(redefine=True, quiet=True)
    ppg.FileGeneratingJob("out", lambda out: out.write_text("x")).depends_on("needed")
    with pytest.raises(ppg.RuntimeError, match="needed"):
        graph.run()
    ppg.FileGeneratingJob("out", lambda out: out.write_text("x"))
    assert graph.run().ran == ["out"]


def test_a_running_graph_takes_no_more_files(graph):
    job = ppg.FileGeneratingJob("out", lambda out: out.write_text("x"))
    graph.run()
    with pytest.raises(ppg.PyPipelineGraphError, match="Cannot add a dependency to 'out'"):
        job.depends_on("needed")


def test_an_input_is_declared_where_its_name_was_given(graph):
    out = ppg.FileGeneratingJob("out", print)
    out.depends_on("needed")
    line = inspect.currentframe().f_lineno - 1
    graph._complete()
    assert graph.job("needed").declared_at == (__file__, line)


def test_a_notebook_that_declares_a_command_again_without_its_input_needs_that_no_more(folder):
    graph = ppg.new_pipegraph(redefine=True, quiet=True)
    (folder / "needed").write_text("input")
    ppg.ExternalJob("out", ["cat", Path("needed")], stdout="out")
    assert graph.run().ran == ["out"]
    ppg.ExternalJob("out", ["echo", "x"], stdout="out")
    assert graph.run().ran == ["out"]
    (folder / "needed").unlink()
    assert graph.run().ran == []


@pytest.mark.parametrize("look", [lambda job: job.upstreams, lambda job: job.pipegraph.preview()])
@pytest.mark.parametrize("files", [["needed"], ["needed", "other"]])
def test_a_maker_that_comes_after_a_look_at_the_graph_is_refused_with_the_reason(graph, look, files):
    look(ppg.FileGeneratingJob("out", print).depends_on("needed"))
    with pytest.raises(
        ppg.JobContractError,
        match=r"makes the file 'needed'.*an input since then; declare .* before that look",
    ):
        ppg.MultiFileGeneratingJob(files, print) if len(files) > 1 else ppg.FileGeneratingJob(files[0], print)


@pytest.mark.parametrize("redefine", [False, True])
def test_showing_a_graph_decides_nothing(folder, redefine):
    graph = ppg.new_pipegraph(redefine=redefine, quiet=True)
    ppg.FileGeneratingJob("out", lambda out: copy("needed", out)).depends_on("needed")
    assert "out" in graph._repr_html_()
    ppg.FileGeneratingJob("needed", lambda path: path.write_text("made"))
    assert graph.run().ran == ["out", "needed"]


def test_a_notebook_goes_on_after_looks_at_a_graph_that_has_run(folder):
    graph = ppg.new_pipegraph(redefine=True, quiet=True)
    (folder / "needed").write_text("input")
    job = ppg.FileGeneratingJob("out", lambda out: copy("needed", out)).depends_on("needed")
    for number in range(3):
        graph.run()
        assert "out" in graph._repr_html_()
        assert sorted(one.job_id for one in job.upstreams) == ["FI:out", "needed"]
        ppg.FileGeneratingJob(f"more{number}", lambda out: out.write_text("x"))
    assert graph.run().ran == ["more2"]


@pytest.mark.parametrize("way", [by_depends_on, by_depends_on_file, by_upstream])
@pytest.mark.parametrize("kind", [ppg.DataLoadingJob, ppg.JobGeneratingJob])
def test_a_job_that_makes_no_file_cannot_have_the_name_of_an_input(graph, folder, way, kind):
    (folder / "needed").write_text("input")
    way("needed")
    kind("needed", lambda: None)
    with pytest.raises(ppg.JobContractError, match="'needed' is declared twice, with another kind of job"):
        graph.run()
