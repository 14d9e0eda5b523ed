"""Notebooks: real kernels execute real cells; jobs are redefined, graphs run again, and show themselves."""

import os
import tempfile
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import nbclient
import nbformat
import pytest
from jupyter_client.manager import KernelManager

import ppg

PATIENCE = 120


@pytest.fixture
def kernels(folder, monkeypatch):
    """Makes managers of kernels that talk through sockets in a folder of their own, which has to have a short name.

    Starting a kernel takes a second or two.
    """
    monkeypatch.setenv("IPYTHONDIR", str(folder / ".ipython"))
    with tempfile.TemporaryDirectory(prefix="ppg-") as runtime:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", runtime)
        yield lambda kind: kind(transport="ipc", connection_file=f"{runtime}/kernel.json")


@pytest.fixture
def notebook(folder, kernels):
    """Executes cells in a new kernel; gives what each of them printed or showed."""

    def execute(*cells):
        book = nbformat.v4.new_notebook()
        book.cells = [nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in cells]
        client = nbclient.NotebookClient(
            book, timeout=PATIENCE, resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
        return [
            "".join(
                output.get("text") or output.get("data", {}).get("text/html", "") for output in cell.outputs
            )
            for cell in book.cells
        ]

    return execute


START = """
import ppg
from pathlib import Path
graph = ppg.new_pipegraph(quiet=True, redefine=True)
def ran():
    result = graph.run()
    print(result.ran)
"""


@pytest.mark.parametrize("options", ["quiet=True", "quiet=True, redefine=True"])
def test_a_new_pipegraph_that_drops_jobs_that_did_not_run_says_so_at_once(notebook, options):
    outputs = notebook(
        "import ppg",
        "ppg.new_pipegraph(" + options + ")",
        "job = ppg.FileGeneratingJob('a', lambda path: path.write_text('a'))",
        "ppg.new_pipegraph(" + options + "); None",
        "job = ppg.FileGeneratingJob('a', lambda path: path.write_text('a')); ppg.run(); None",
        "ppg.new_pipegraph(" + options + "); None",
    )
    assert "the 1 job of the pipegraph of " in outputs[3]
    assert (
        "did not run, and are not in the new one; declare them again, or run that pipegraph by its variable"
        in outputs[3]
    )
    assert outputs[5] == ""


def test_a_redefined_cell_reruns_what_it_affects_and_nothing_else(notebook, folder):
    outputs = notebook(
        START,
        """
        def clean(text):
            return text.strip()
        """,
        """
        @ppg.file("a")
        def a(out):
            out.write_text(clean(" a "))

        @ppg.file("b")
        def b(out, a=a):
            out.write_text(a.read_text() + "b")
        """,
        "c = ppg.FileGeneratingJob('c', lambda path: path.write_text('c'))",
        "ran()",
        "ran()",
        # A cell edited so that the bytes stay, one so that they do not, and a helper.
        """
        @ppg.file("a")
        def a(out):
            print("edited")
            out.write_text(clean(" a "))
        """,
        "ran()",
        """
        @ppg.file("a")
        def a(out):
            out.write_text(clean(" A "))
        """,
        "ran()",
        """
        def clean(text):
            return text.strip() * 2
        """,
        "ran()",
        "ran(); print(Path('b').read_text(), a.was_run, a.reasons)",
    )
    assert [outputs[index].strip() for index in (4, 5, 7, 9, 11, 12)] == [
        "['a', 'b', 'c']",
        "[]",
        "['a']",
        "['a', 'b']",
        "['a', 'b']",
        "[]\nAAb False ()",
    ]


def test_the_next_kernel_finds_everything_up_to_date_and_sources_are_known(notebook, folder):
    cells = [
        START,
        "factor = 2",
        """
        class Table:
            rows = None
            def size(self):
                return len(self.rows) * factor
        table = Table()
        load = ppg.AttributeLoadingJob("load", table, "rows", lambda: [1, 2, 3])
        count = ppg.FileGeneratingJob("count", lambda path: path.write_text(str(table.size())))
        count.depends_on(load)
        """,
        "ran()",
        """
        from ppg_invariants import fingerprint_function
        print(fingerprint_function(count.callback).source.strip())
        """,
    ]
    first = notebook(*cells)
    assert first[3].strip() == "['load', 'count']"
    assert (folder / "count").read_text() == "6"
    assert first[4].strip().startswith("lambda path: path.write_text(str(table.size()))")
    assert notebook(*cells)[3].strip() == "[]"
    cells[1] = "factor = 3"
    assert notebook(*cells)[3].strip() == "['load', 'count']"  # a method of `table` reads it
    cells[2] = cells[2].replace("[1, 2, 3]", "[1, 2]")
    assert notebook(*cells)[3].strip() == "['load', 'count']"


def test_generators_and_failures_run_again_in_one_kernel(notebook, folder):
    outputs = notebook(
        START,
        "words = ['x', 'y']",
        """
        @ppg.generator("generator")
        def generate(words=tuple(words)):
            for word in words:
                ppg.FileGeneratingJob(word, lambda path, word=word: path.write_text(word))
        """,
        """
        @ppg.file("bad")
        def bad(out):
            raise ValueError("not yet")
        """,
        """
        try:
            ran()
        except ppg.RuntimeError as error:
            print(sorted(graph.result.ran), error.exceptions)
        """,
        """
        @ppg.file("bad")
        def bad(out):
            out.write_text("good")
        """,
        "ran()",
        """
        @ppg.generator("generator")
        def generate():
            for word in ["x", "z"]:
                ppg.FileGeneratingJob(word, lambda path, word=word: path.write_text(word))
        """,
        "ran()",
    )
    assert outputs[4].strip() == "['generator', 'x', 'y'] {'bad': ValueError('not yet')}"
    assert outputs[6].strip() == "['generator', 'bad']"
    assert outputs[8].strip() == "['generator', 'z']"


def test_a_cell_comes_with_its_own_dependencies_and_those_of_other_cells_stay(notebook):
    outputs = notebook(
        START,
        """
        a, b, c = (ppg.FileGeneratingJob(name, lambda path, name=name: path.write_text(name)) for name in "abc")
        """,
        "job = ppg.FileGeneratingJob('job', lambda path: path.write_text('1')).depends_on(a).depends_on_params(1)",
        "_ = job.depends_on(b)",
        "ran()",
        "again = ppg.FileGeneratingJob('job', lambda path: path.write_text('2')).depends_on(c)",
        "print(again is job, list(job.upstreams))",
        "ran()",
        "job.depends_on(a); print(sorted(map(str, job.upstreams)))",
    )
    assert outputs[6].strip() == "True [<FileGeneratingJob 'b'>, <FileGeneratingJob 'c'>]"
    assert outputs[7].strip() == "['job']"
    assert outputs[8].strip() == "['a', 'b', 'c']"


def test_one_cell_cannot_declare_a_job_in_two_ways(notebook):
    outputs = notebook(
        START,
        """
        try:
            for text in "ab":
                ppg.FileGeneratingJob("out", lambda path, text=text: path.write_text(text))
        except ppg.JobContractError as error:
            print(error)
        """,
    )
    assert "declared twice" in outputs[1]


def test_a_notebook_shows_graphs_and_results_as_tables(notebook):
    outputs = notebook(
        START,
        "job = ppg.FileGeneratingJob('<b>', lambda path: path.write_text('x'))",
        "graph",
        "graph.run()",
        "graph",
    )
    for html in outputs[2:]:
        assert "<table>" in html
        assert "&lt;b&gt;" in html
        assert "<b>" not in html
    assert "1 ran" in outputs[3]
    assert "Last run: 1 ran" in outputs[4]


def test_an_interrupted_kernel_lives_on_and_nothing_else_does(folder, kernels):
    os.mkfifo(folder / "began")
    manager = kernels(KernelManager)
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)

        def execute(code):
            printed = []

            def hear(message):
                if message["msg_type"] == "stream":
                    printed.append(message["content"]["text"])

            reply = client.execute_interactive(textwrap.dedent(code), timeout=PATIENCE, output_hook=hear)
            assert reply["content"]["status"] == "ok"
            return "".join(printed).strip()

        execute(START)
        execute(
            """
            import time, os
            def slow(path):
                path.write_text("partial")
                Path("began").write_text(str(os.getpid()))
                time.sleep(1000)
            ppg.FileGeneratingJob("slow", slow)
            ppg.FileGeneratingJob("quick", lambda path: path.write_text("quick"))
            """
        )
        # After an error a kernel refuses all cells that reach it in the next moment, unless it is told not to.
        client.execute("graph.run()", stop_on_error=False)
        pid = int((folder / "began").read_text())
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=PATIENCE))["msg_type"] != "execute_reply":
            continue
        assert reply["content"]["status"] == "error"
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert not Path(f"/proc/{pid}").exists()
        printed = execute("print(graph.result.interrupted_by, graph.result['slow'].state.value)")
        assert printed == "2 not done"
        execute("slow_job = ppg.FileGeneratingJob('slow', lambda path: path.write_text('done'))")
        printed = execute("print('slow' in graph.run().ran, Path('slow').read_text())")
        assert printed == "True done"
        children = Path(f"/proc/{manager.provisioner.pid}/task/{manager.provisioner.pid}/children")
        assert children.read_text().strip() == ""
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


# -- without a kernel: the same graph in a plain interpreter ----------------------------------------------


@pytest.fixture
def graph(folder):
    return ppg.new_pipegraph(quiet=True, redefine=True)


def write(text):
    return lambda path: path.write_text(text)


def test_a_graph_that_can_be_redefined_is_a_pipegraph(folder, graph):
    assert isinstance(graph, ppg.Pipegraph)
    assert isinstance(ppg.Pipegraph(redefine=True), ppg.Pipegraph)
    assert type(ppg.Pipegraph(redefine=False)) is ppg.Pipegraph


def test_between_runs_jobs_are_redefined_and_before_a_run_they_are_not(graph, folder):
    job = ppg.FileGeneratingJob("a", write("1")).use_cores(2)
    with pytest.raises(ppg.JobContractError, match=r"twice.*remove"):
        ppg.FileGeneratingJob("a", write("2"))
    graph.run()
    assert ppg.FileGeneratingJob("a", write("2"), empty_ok=True) is job
    assert job.empty_ok
    assert job.cores_needed == 1
    assert graph.run().ran == ["a"]
    assert (folder / "a").read_text() == "2"


def test_a_job_can_become_another_kind_of_job(graph, folder, account):
    def account_for(name):
        return lambda path: (account.ran(name), path.write_text(name))

    a = ppg.FileGeneratingJob("a", account_for("a"))
    ppg.FileGeneratingJob("b", account_for("b")).depends_on(a)
    graph.run()
    account.taken()
    ppg.TempFileGeneratingJob("a", account_for("a"))
    ppg.FileGeneratingJob("b", account_for("B")).depends_on(a)
    assert graph.run().ran == ["b"]
    ppg.FileGeneratingJob("b", account_for("BB")).depends_on("a")
    (folder / "a").unlink(missing_ok=True)
    assert sorted(graph.run().ran) == ["a", "b"]
    assert not (folder / "a").exists()
    (folder / "a").write_text("input")
    ppg.FileChecksumInvariant("a")
    assert graph.run().ran == ["b"]


def test_what_is_not_declared_any_more_can_be_removed(graph, folder):
    pair = ppg.MultiFileGeneratingJob(["a", "b"], lambda paths: [path.write_text("x") for path in paths])
    below = ppg.FileGeneratingJob("below", write("below")).depends_on(pair["a"])
    pruned = ppg.FileGeneratingJob("pruned", write("pruned")).prune()
    graph.run()
    with pytest.raises(ppg.JobContractError, match="remove"):
        ppg.FileGeneratingJob("b", write("b"))
    graph.remove("a")
    ppg.FileGeneratingJob("b", write("b"))
    assert list(below.upstreams) == []
    assert graph._pruned == {pruned._node}
    assert graph.run().ran == ["below", "b"]
    with pytest.raises(ppg.PyPipelineGraphError, match="no job 'a'"):
        graph.remove("a")


def test_a_removed_job_is_refused_where_a_variable_still_names_it(graph, folder):
    removed = ppg.FileGeneratingJob("removed", write("x"))
    stays = ppg.FileGeneratingJob("stays", write("x"))
    graph.run()
    graph.remove(removed)
    for declare in (lambda: stays.depends_on(removed), lambda: removed.depends_on(stays)):
        with pytest.raises(ppg.PyPipelineGraphError, match="'removed' is not in the graph any more"):
            declare()
    assert graph.run().ran == []
    stays.depends_on(ppg.FileGeneratingJob("removed", write("x")))
    assert graph.run().ran == ["stays"]


def test_a_preview_and_a_declaration_after_it_agree(graph):
    a = ppg.FileGeneratingJob("a", write("a"))
    assert list(graph.preview().will_run) == ["a"]
    assert list(graph.preview().will_run) == ["a"]
    ppg.FileGeneratingJob("b", write("b")).depends_on(a)
    assert list(graph.preview().will_run) == ["a", "b"]
    assert graph.run().ran == ["a", "b"]
    assert graph.preview().is_up_to_date
    assert graph.run().ran == []


def test_a_cycle_that_was_declared_can_be_mended(graph):
    a = ppg.FileGeneratingJob("a", write("a"))
    b = ppg.FileGeneratingJob("b", write("b")).depends_on(a)
    a.depends_on(b)
    with pytest.raises(ppg.CycleError):
        graph.run()
    ppg.FileGeneratingJob("a", write("a"))
    assert graph.run().ran == ["a", "b"]


def test_other_pipegraphs_run_once(folder):
    graph = ppg.new_pipegraph(quiet=True)
    graph.run()
    with pytest.raises(ppg.PyPipelineGraphError, match="only once"):
        graph.run()
    with pytest.raises(ppg.PyPipelineGraphError, match="new_pipegraph"):
        ppg.FileGeneratingJob("a", write("a"))


class Strict(HTMLParser):
    """Notes which elements and attributes there are, and that all are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), set()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(html):
    parser = Strict()
    parser.feed(html)
    assert parser.open == []
    assert parser.tags <= {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "span"}
    assert parser.attributes <= {"style"}
    assert "url(" not in html
    assert "http" not in html
    return html


def test_whatever_names_and_messages_say_is_shown_as_text(folder):
    graph = ppg.new_pipegraph(quiet=True)
    hostile = '<script>alert("1")</script>&amp;\'\udcff' + "x" * 100

    def fail(path):
        raise ValueError("<img src=x onerror=alert(1)> \udcff")

    bad = ppg.FileGeneratingJob(hostile.replace("/", ""), fail)
    ppg.FileGeneratingJob("below", write("x")).depends_on(bad)
    checked(graph._repr_html_())
    with pytest.raises(ppg.RuntimeError):
        graph.run()
    assert "because of" in checked(graph.result._repr_html_())
    checked(graph._repr_html_())


def test_large_graphs_are_shown_in_part(folder):
    graph = ppg.new_pipegraph(quiet=True)
    jobs = [ppg.FileGeneratingJob(f"{number}" * 40, write("x")) for number in range(3000)]
    ppg.FileGeneratingJob("0 all", write("x")).depends_on(jobs)
    html = checked(graph._repr_html_())
    assert "and 2,951 more jobs" in html
    assert len(html) < 50_000


def test_failures_are_shown_first(folder):
    graph = ppg.new_pipegraph(quiet=True)
    for number in range(60):
        ppg.FileGeneratingJob(f"{number}", write("x"))
    ppg.FileGeneratingJob("bad", lambda: None)
    with pytest.raises(ppg.RuntimeError):
        graph.run()
    html = checked(graph.result._repr_html_())
    assert html.index("bad") < html.index("<code>0</code>")
    assert "and 11 more jobs" in html


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
def test_a_traceback_shows_the_lines_of_the_cell(notebook, start_method):
    outputs = notebook(
        f"""
        import ppg
        graph = ppg.new_pipegraph(ppg.LocalSystem(2, start_method="{start_method}"), quiet=True, redefine=True)
        """,
        """
        def helper(n):
            return 1 / n  # the helper
        """,
        """
        job = ppg.FileGeneratingJob("a", lambda path: helper(0))  # the callback
        load = ppg.DataLoadingJob("load", lambda: helper(0))  # the load
        ppg.FileGeneratingJob("below", lambda path: None).depends_on(load)
        try:
            graph.run()
        except ppg.RuntimeError:
            print(job.traceback, load.traceback)
        """,
    )
    shown = [line.strip() for line in outputs[2].splitlines()]
    assert shown.count("return 1 / n  # the helper") == 2
    assert shown.count('job = ppg.FileGeneratingJob("a", lambda path: helper(0))  # the callback') == 1
    assert shown.count('load = ppg.DataLoadingJob("load", lambda: helper(0))  # the load') == 1
