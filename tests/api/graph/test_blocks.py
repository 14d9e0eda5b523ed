"""Graphs as objects: `with graph:` blocks, and names of jobs in graphs and results."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import nothing, write, write_all


@pytest.fixture
def other(folder):
    """Another graph, with its own folder."""
    return ppg.Pipegraph(root=folder / "other", quiet=True)


def declared_in():
    """The graph in which a job is declared here."""
    return ppg.ParameterInvariant("here", 1).pipegraph


# -- blocks


def test_a_block_declares_into_its_graph_and_restores_the_one_before(graph, other, folder):
    with other as entered:
        assert entered is other
        assert ppg.current_pipegraph() is other
        job = ppg.FileGeneratingJob("a.txt", write)
    assert job.pipegraph is other
    assert ppg.current_pipegraph() is graph
    assert "a.txt" not in graph
    assert not other.was_run
    assert other.run().ran == ["a.txt"]
    assert (folder / "other" / "a.txt").read_text() == "x"
    assert ppg.run_pipegraph().ran == []


def test_a_block_needs_no_graph_before_and_leaves_none(other, monkeypatch):
    ppg.session.current.SESSION.pipegraph = None
    with other:
        ppg.FileGeneratingJob("a.txt", write)
    with pytest.raises(ppg.PyPipelineGraphError, match=r"call ppg\.new_pipegraph"):
        ppg.FileGeneratingJob("b.txt", write)


def test_blocks_are_nested_also_of_one_graph_and_end_with_exceptions(graph, other, folder):
    third = ppg.Pipegraph(root=folder / "third", quiet=True)
    with other:
        with third, other:
            assert declared_in() is other
        assert declared_in() is other
        with pytest.raises(KeyError), third:
            raise KeyError(ppg.FileGeneratingJob("a", write))
        assert declared_in() is other
    assert declared_in() is graph
    assert "a" in third, "what was declared before the exception stays"


def test_a_graph_is_entered_again_to_declare_more_and_refuses_after_its_run(graph, other):
    with other:
        first = ppg.FileGeneratingJob("a", write)
    with other:
        ppg.FileGeneratingJob("b", write).depends_on(first)
        assert ppg.run_pipegraph().ran == ["a", "b"]
    with other:
        assert other["a"] is first
        with pytest.raises(ppg.PyPipelineGraphError, match="declare the job 'c': the graph has run"):
            ppg.FileGeneratingJob("c", write)


def test_new_pipegraph_in_a_block_counts_until_the_block_ends(graph, other):
    with other:
        made = ppg.new_pipegraph(quiet=True)
        assert declared_in() is made
    assert ppg.current_pipegraph() is graph
    with ppg.new_pipegraph(quiet=True) as made:
        assert declared_in() is made
    assert ppg.current_pipegraph() is made


def test_blocks_of_generator_functions_end_in_any_order(graph, other, folder):
    def declaring(entered):
        with entered:
            yield

    third = ppg.Pipegraph(root=folder / "third", quiet=True)
    first, second = declaring(other), declaring(third)
    next(first)
    next(second)
    first.close()
    assert declared_in() is third
    second.close()
    assert declared_in() is graph


def test_a_block_counts_for_its_own_thread(graph, other):
    """A thread with a block of its own declares there, and the main thread is not touched by it."""
    entered, looked = threading.Event(), threading.Event()
    found = []

    def work():
        with other:
            entered.set()
            looked.wait(60)
            found.append(declared_in())

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(60)
    assert declared_in() is graph
    looked.set()
    thread.join()
    assert found == [other]


def test_a_thread_without_a_block_is_refused_while_another_one_has_one(graph, other):
    def declare(name):
        return ppg.FileGeneratingJob(name, write, pipegraph=other if name == "given" else None)

    with ThreadPoolExecutor(1) as pool:
        with (
            other,
            pytest.raises(ppg.PyPipelineGraphError, match="which pipegraph and namespace this thread"),
        ):
            pool.submit(declare, "a").result()
        with ppg.namespace("n"), pytest.raises(ppg.PyPipelineGraphError, match="in this thread, too"):
            pool.submit(declare, "given").result()
        assert pool.submit(declare, "b").result().pipegraph is graph
    assert "a" not in graph
    assert "a" not in other


def test_tasks_of_asyncio_have_their_own_blocks(graph, other, folder):
    third = ppg.Pipegraph(root=folder / "third", quiet=True)

    async def work(entered, name):
        with entered, ppg.namespace(name):
            await asyncio.sleep(0)
            return ppg.FileGeneratingJob("a", write)

    async def both():
        return await asyncio.gather(work(other, "x"), work(third, "y"))

    jobs = asyncio.run(both())
    assert [(job.pipegraph, job.job_id) for job in jobs] == [(other, "x/a"), (third, "y/a")]
    assert declared_in() is graph


@pytest.mark.parametrize("inline", [False, True])
def test_in_a_generator_a_block_of_the_graph_that_runs_declares_into_that_run(folder, inline):
    with ppg.Pipegraph(quiet=True, inline=inline) as graph:

        def generate():
            with graph:
                ppg.FileGeneratingJob("a", write)
            with ppg.Pipegraph(root="inner", quiet=True) as inner:
                ppg.FileGeneratingJob("b", write)
            assert len(inner) == 1
            ppg.FileGeneratingJob("c", write)
            assert "a" in ppg.current_pipegraph()
            assert ppg.current_pipegraph()["./a"].job_id == "a"

        ppg.JobGeneratingJob("generator", generate)
        result = graph.run()
        assert ppg.current_pipegraph() is graph
    assert result.ran == ["generator", "a", "c"]
    assert "b" not in result


def test_a_job_that_shares_the_script_s_blocks_declares_nowhere(folder):
    with ppg.Pipegraph(ppg.LocalSystem(start_method="fork"), quiet=True) as graph, ppg.namespace("n"):

        def make(path):
            with graph:
                ppg.FileGeneratingJob("nowhere", write)
                path.write_text(str(len(list(ppg.current_pipegraph()))))

        ppg.FileGeneratingJob("a", make)
        assert graph.run().ran == ["n/a"]
    assert Path("n/a").read_text() == "1"


def test_what_a_generator_does_not_know_is_an_error_that_says_so(folder):
    with ppg.Pipegraph(quiet=True) as graph:
        ppg.FileGeneratingJob("known", write)
        ppg.JobGeneratingJob("generator", lambda: ppg.current_pipegraph()["known"])
    with pytest.raises(ppg.RuntimeError, match="finds only the jobs that it has declared itself"):
        graph.run()


# -- cores and inline


def test_cores_and_inline_need_no_coordinator(folder):
    graph = ppg.new_pipegraph(cores=4, inline=True, quiet=True)
    assert graph.resource_coordinator == ppg.LocalSystem(4, inline=True)
    seen = []
    ppg.FileGeneratingJob("a", lambda path: (seen.append(1), path.write_text("x")))
    ppg.run_pipegraph()
    assert seen == [1], "the job ran in this process"
    assert ppg.Pipegraph(cores=2).resource_coordinator == ppg.LocalSystem(2)
    assert ppg.Pipegraph().resource_coordinator == ppg.LocalSystem()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cores": 0}, ValueError, "cores must be at least 1"),
        ({"cores": "4"}, TypeError, "cores must be an int"),
        ({"inline": 1}, TypeError, "inline"),
        (
            {"resource_coordinator": ppg.LocalSystem(), "cores": 2},
            TypeError,
            "without a resource_coordinator",
        ),
        ({"resource_coordinator": ppg.LocalSystem(), "inline": True}, TypeError, "without a resource_coord"),
    ],
)
def test_wrong_cores_are_refused(folder, options, error, message):
    with pytest.raises(error, match=message):
        ppg.new_pipegraph(**options)


# -- names


@pytest.fixture
def jobs(graph):
    """A graph with one job of each sort of name."""
    ppg.FileGeneratingJob("out/a.txt", write)
    ppg.MultiFileGeneratingJob(["x.txt", "y.txt"], write_all)
    ppg.MultiFileGeneratingJob(["only.txt"], write_all)
    ppg.DataLoadingJob("load", nothing)
    ppg.ParameterInvariant("p", 1)
    ppg.FileInvariant("input.txt")
    return graph


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("out/a.txt", "out/a.txt"),
        ("./out/../out/a.txt", "out/a.txt"),
        (Path("out/a.txt"), "out/a.txt"),
        ("{root}/out/a.txt", "out/a.txt"),
        ("only.txt", "only.txt"),
        ("x.txt:y.txt", "x.txt:y.txt"),
        ("load", "load"),
        ("PI:p", "PI:p"),
        ("./input.txt", "input.txt"),
    ],
)
def test_a_graph_and_its_result_give_jobs_by_id_and_by_file_in_any_spelling(jobs, folder, name, found):
    Path("input.txt").touch()
    name = name.format(root=folder) if isinstance(name, str) else name
    assert jobs[name] is jobs.job(found)
    assert name in jobs
    result = jobs.run()
    assert result[name].job_id == found
    assert name in result


def test_the_name_of_one_of_several_files_gives_that_file(jobs):
    Path("input.txt").touch()
    both = jobs.job("x.txt:y.txt")
    assert jobs["./x.txt"] == both["x.txt"]
    assert jobs[both["y.txt"]] == both["y.txt"]
    assert both["x.txt"] in jobs
    ppg.FileGeneratingJob("needs", write).depends_on(jobs["x.txt"])
    result = jobs.run()
    assert result["y.txt"].job_id == result[both["x.txt"]].job_id == "x.txt:y.txt"


def test_jobs_are_in_their_own_graph_and_its_result_only(jobs, folder):
    Path("input.txt").touch()
    job = jobs["load"]
    with ppg.Pipegraph(root=folder / "other", quiet=True) as other:
        namesake = ppg.DataLoadingJob("load", nothing)
    assert job in jobs
    assert jobs[job] is job
    assert namesake not in jobs
    result = jobs.run()
    assert job in result
    assert result[job].state is ppg.JobState.NOT_NEEDED
    assert namesake not in result
    assert job not in other
    for place in (jobs, result):
        with pytest.raises(KeyError, match="declare it in this one"):
            place[namesake]


@pytest.mark.parametrize("name", ["nothing.txt", "", "out/", "a\0b", 3, None, b"load"])
def test_other_names_are_in_no_graph(jobs, name):
    Path("input.txt").touch()
    assert name not in jobs
    assert name not in jobs.run()


def test_an_unknown_name_is_a_key_error_with_names_like_it_and_the_remedy(jobs):
    Path("input.txt").touch()
    result = jobs.run()
    for place in (jobs, result):
        with pytest.raises(KeyError) as caught:
            place["out/b.txt"]
        assert str(caught.value).startswith("there is no job 'out/b.txt'; there is 'out/a.txt'")
        assert str(caught.value).endswith("Correct the name; `list(graph)` has all jobs")
        assert isinstance(caught.value, ppg.UnknownJobError)
        assert isinstance(caught.value, ppg.PyPipelineGraphError)


def test_a_job_that_was_declared_after_the_run_of_a_notebook_is_not_in_its_result(folder):
    graph = ppg.new_pipegraph(quiet=True, redefine=True)
    first = ppg.FileGeneratingJob("a", write)
    result = graph.run()
    second = ppg.FileGeneratingJob("b", write)
    assert (first in result, second in result, second in graph) == (True, False, True)
    graph.remove(first)
    assert first not in graph
    assert first in result, "the result is that of its run"


def test_folders_values_bound_parameters_and_awaited_files_belong_to_the_graph_of_the_block(folder):
    def write_pages(pages):
        (pages / "1.txt").write_text("one")

    def joined(out, page, value, late, number):
        out.write_text(f"{page.read_text()} {value} {late.read_text()} {number}")

    other = ppg.new_pipegraph(quiet=True)
    with ppg.Pipegraph(root="plots", quiet=True) as graph:
        pages = ppg.directory("pages")(write_pages)
        value = ppg.cached("value")(lambda: 3)
        job = ppg.file("joined.txt")(
            joined, page=pages["1.txt"], value=value, late=ppg.upstream("late.txt"), number=7
        )
        late = ppg.file("late.txt")(lambda out: out.write_text("late"))
    # Beyond the block, jobs that are given jobs belong to their graph.
    copies = ppg.map(pages, "*.txt", lambda out, page: out.write_text(page.read_text()), to="copies/{name}")
    again = ppg.map(lambda out, source: out.write_text(source.read_text()), [job], to="again/{name}")
    assert len(other) == 0
    assert all(one in graph for one in (pages, pages["1.txt"], value, job, late, copies, *again))
    graph.run()
    assert (folder / "plots/joined.txt").read_text() == "one 3 late 7"
    assert (folder / "plots/copies/1.txt").read_text() == "one"
    assert (folder / "plots/again/joined.txt").exists()
    assert value.read() == 3
    assert {"late.txt", "pages"} <= {str(one) for one in job.upstreams}
