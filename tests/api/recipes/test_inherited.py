"""Jobs that are declared with jobs belong to the graph of these, if the declaration names no graph."""

from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import write


@pytest.fixture
def graphs(folder):
    """Two graphs that are not the current one; there is no current one."""
    ppg.session.current.SESSION.pipegraph = None
    return [ppg.Pipegraph(root=folder / name, quiet=True) for name in ("one", "two")]


@pytest.fixture
def raw(graphs):
    """A job of each graph."""
    jobs = []
    for number, graph in enumerate(graphs, 1):
        with graph:
            jobs.append(ppg.file("raw.txt")(lambda out, number=number: out.write_text(str(number))))
    return jobs


def test_a_decorated_function_belongs_to_the_graph_of_its_upstreams(graphs, raw, folder):
    one, two = graphs

    @ppg.file("total.txt")
    def total(out, raws=ppg.upstream({"a": [raw[0]], "b": "input.txt"})):
        out.write_text(raws["a"][0].read_text())

    bound = ppg.data("loaded")(lambda raw: raw.read_text(), raw=raw[1])
    assert total.pipegraph is one
    assert bound.pipegraph is two
    with two:
        last = ppg.file("last.txt")(lambda out, total=total: out.write_text(total.read_text()))
        assert last.pipegraph is one, "also in a block of another graph"
        own = ppg.file("own.txt")(lambda out, loaded=bound: out.write_text(loaded))
        assert own.pipegraph is two
    (folder / "one").mkdir()
    (folder / "one" / "input.txt").touch()
    one.run()
    two.run()
    assert (folder / "one" / "last.txt").read_text() == "1"
    assert (folder / "two" / "own.txt").read_text() == "2"


def test_commands_and_plots_belong_to_the_graph_of_the_jobs_that_they_are_given(graphs, raw):
    one, two = graphs
    several = ppg.MultiFileGeneratingJob(["x", "y"], write, pipegraph=two)
    assert ppg.ExternalJob("a", ["cp", raw[0], Path("a")]).pipegraph is one
    assert ppg.ExternalJob("b", ["cp", ("--from=", several["x"]), Path("b")]).pipegraph is two
    assert ppg.ExternalJob("c", "sort", shell=True, stdin=raw[1], stdout="c").pipegraph is two
    plot = ppg.PlotJob("p.png", lambda: 1, write, pipegraph=one)
    assert ppg.PlotJob("q.png", plot.cache_job, write).pipegraph is one


def test_upstreams_of_two_graphs_are_an_error_that_names_both(graphs, raw, folder):
    for declare in (
        lambda: ppg.file("a")(lambda out, a=raw[0], b=raw[1]: None),
        lambda: ppg.ExternalJob("a", ["cat", raw[0], raw[1]], stdout="a"),
    ):
        with pytest.raises(ppg.PyPipelineGraphError) as caught:
            declare()
        message = str(caught.value)
        assert f"'raw.txt' of <Pipegraph in '{folder}/one'" in message
        assert f"another pipegraph: <Pipegraph in '{folder}/two'" in message
    assert "a" not in graphs[0]
    assert "a" not in graphs[1]


def test_the_graph_of_the_declaration_comes_first(graphs, raw):
    with pytest.raises(ppg.PyPipelineGraphError, match="belongs to another pipegraph"):
        ppg.file("a", pipegraph=graphs[1])(lambda out, raw=raw[0]: None)


def test_a_job_of_a_graph_that_new_pipegraph_replaced_is_refused(folder):
    old = ppg.new_pipegraph(quiet=True)
    raw = ppg.file("raw.txt")(write)
    ppg.new_pipegraph(quiet=True)

    def declare():
        return ppg.file("a")(lambda out, raw=raw: None)

    with pytest.raises(ppg.PyPipelineGraphError, match=r"new_pipegraph\(\) has made a new one"):
        declare()
    with old:
        assert declare().pipegraph is old


def test_a_graph_that_ran_takes_no_jobs_and_names_the_upstream_that_it_has(graphs, raw):
    graphs[0].run()
    with pytest.raises(ppg.PyPipelineGraphError, match=r"to which 'raw.txt' belongs: the graph has run"):
        ppg.file("a")(lambda out, raw=raw[0]: None)


def test_in_a_generator_jobs_belong_to_the_generators_graph(folder):
    for inline in (False, True):
        with ppg.Pipegraph(quiet=True, root=folder / str(inline), inline=inline) as graph:
            raw = ppg.file("raw.txt")(write)

            def generate(raw=raw):
                ppg.file("a.txt")(lambda out, raw=raw: out.write_text(raw.read_text()))

            ppg.JobGeneratingJob("g", generate)
        graph.run()
        assert (folder / str(inline) / "a.txt").read_text() == "x"
