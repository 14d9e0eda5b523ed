"""Namespaces: a sub-pipeline is a function that declares jobs, and can be used several times in one graph."""

from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import nothing, write, write_all


class Genome:
    """What attributes are loaded on."""


def sub_pipeline(text):
    """Jobs of many kinds, all of them with relative names; returns the last one."""
    words = ppg.file("words.txt")(lambda out: out.write_text(text))

    @ppg.data("loaded")
    def loaded(words=words):
        return words.read_text().split()

    both = ppg.files({"first": "out/first.txt", "rest": "out/rest.txt"})(
        lambda outs: [out.write_text(text) for out in outs.values()]
    )
    numbered = ppg.ExternalJob("numbered.txt", ["nl", both["out/first.txt"]], stdout="numbered.txt")
    cached = ppg.CachedAttributeLoadingJob("cache/kept", Genome(), "length", lambda: len(text))

    def generate():
        ppg.FileGeneratingJob("generated.txt", lambda out: out.write_text(text)).depends_on_params(text)

    ppg.JobGeneratingJob("generator", generate)

    @ppg.file("count.txt")
    def count(out, loaded=loaded, first=both["first"], source=ppg.upstream("input.txt")):
        out.write_text(f"{len(loaded)} {first} {source.read_text()}")

    return count.depends_on(numbered, cached).depends_on(ppg.ParameterInvariant("p", text))


def test_a_sub_pipeline_is_used_twice_in_two_namespaces(folder):
    (folder / "input.txt").write_text("in")

    def declare(other):
        with ppg.Pipegraph(quiet=True) as graph:
            with ppg.namespace("short"):
                short = sub_pipeline("one two")
            with ppg.namespace("long"):
                long = sub_pipeline(other)
            ppg.file("all.txt")(lambda out, a=short, b=long: out.write_text(a.read_text() + b.read_text()))
        return graph

    result = declare("one two three").run()
    assert Path("all.txt").read_text() == "2 short/out/first.txt in3 long/out/first.txt in"
    own = ("words.txt", "loaded", "out/first.txt:", "numbered.txt", "count.txt", "generator", "generated.txt")
    for name in own:
        for space in ("short", "long"):
            assert sum(job.startswith(f"{space}/{name}") for job in result) == 1, name
    assert {"PI:short/p", "PI:long/p", "input.txt", "short/cache/kept", "long/cache/kept_load"} <= set(result)
    assert not [job for job in result if job.startswith(("short/short", "PI:short/short", "long/long"))]
    assert Path("long/generated.txt").read_text() == "one two three"
    assert not Path("words.txt").exists()
    assert declare("one two three").run().ran == ["short/generator", "long/generator"]
    ran = declare("one").run().ran
    assert "all.txt" in ran
    assert [job for job in ran if job.startswith("short/")] == ["short/generator"]


def test_namespaces_are_nested_and_used_again(graph):
    inner = ppg.namespace("lane1/x/")
    with ppg.namespace(Path("qc")):
        with inner, inner:
            assert ppg.FileGeneratingJob("a", write).job_id == "qc/lane1/x/lane1/x/a"
        with pytest.raises(KeyError), inner:
            raise KeyError
        assert ppg.FileGeneratingJob("a", write).job_id == "qc/a"
    assert ppg.FileGeneratingJob("a", write).job_id == "a"
    with inner:
        assert ppg.FileGeneratingJob("./b/../a", write).job_id == "lane1/x/a"


def test_every_kind_gets_the_prefix_for_its_id_and_its_files(graph):
    genome = Genome()
    with ppg.namespace("n"):
        jobs = [
            ppg.FileGeneratingJob("a", write),
            ppg.TempFileGeneratingJob("b", write),
            ppg.MultiFileGeneratingJob(["m1", "m2"], write_all),
            ppg.MultiTempFileGeneratingJob(["m3"], write_all),
            ppg.AttributeLoadingJob("attribute", genome, "a", nothing),
            ppg.DictEntryLoadingJob("entry", {}, "a", nothing),
            ppg.DataLoadingJob("data", nothing),
            ppg.JobGeneratingJob("generator", nothing),
            ppg.DependencyInjectionJob("injector", nothing),
            ppg.CachedDictEntryLoadingJob("c1", {}, "b", lambda: 1),
            ppg.CachedDataLoadingJob("c2", lambda: 1, lambda value: None),
            ppg.PlotJob("p.png", nothing, write, table_filename="p.tsv"),
            ppg.ExternalJob("e", ["touch", Path("e")]),
            ppg.FunctionInvariant("f", nothing),
            ppg.ParameterInvariant("p", 1),
        ]
    ids = [
        "a",
        "b",
        "m1:n/m2",
        "m3",
        "attribute",
        "entry",
        "data",
        "generator",
        "injector",
        "c1_load",
        "c2_load",
        "p.png",
        "e",
    ]
    assert [job.job_id for job in jobs] == [f"n/{name}" for name in ids] + ["function:n/f", "PI:n/p"]
    assert [jobs[index].cache_job.job_id for index in (9, 10, 11)] == ["n/c1", "n/c2", "cache/n/p.png.pickle"]
    assert jobs[11].table_job.job_id == "n/p.tsv"
    assert all(type(job.job_id) is str for job in graph)


def test_inputs_references_and_absolute_names_are_whole_names(graph, folder):
    outside = ppg.FileGeneratingJob("outside", write)
    with ppg.namespace("n"):
        assert ppg.FileInvariant("input").job_id == "input"
        assert ppg.FileTimeInvariant("other").job_id == "other"
        assert ppg.ToolVersionInvariant(["true"]).job_id == "version:true"
        assert ppg.FileGeneratingJob(folder / "a", write).job_id == "a"
        job = ppg.FileGeneratingJob("b", write).depends_on("outside").depends_on_file("input")
        ppg.file("c")(lambda out, source=ppg.upstream("outside"): None)
        assert graph["n/b"] is job
        assert "b" not in graph
        assert graph["a"].job_id == "a"
    assert next(iter(job.upstreams)) is outside
    assert next(iter(graph["n/c"].upstreams)) is outside


def test_what_ppg_names_after_a_job_gets_the_prefix_once(graph, folder):
    (folder / "input").touch()

    def helper():
        pass

    with ppg.namespace("n"):
        job = (
            ppg.FileGeneratingJob("a", write)
            .depends_on_params(1)
            .depends_on_func(helper)
            .depends_on_func(nothing)
        )
        ppg.file("b")(lambda out, k: out.write_text(str(k)), k=1)
        ppg.ExternalJob("c", ["touch", Path("c")], version=["echo", "1"], empty_ok=True)
        result = graph.run()
    assert "PI:n/a" in [str(upstream) for upstream in job.upstreams]
    assert not [job_id for job_id in result if job_id.count("n/") > 1 and "tests" not in job_id]
    assert {"FI:n/a", "PI:n/b (bound)", "command:n/c", "version:echo 1"} <= set(result)


def test_the_same_run_inside_and_outside_of_a_namespace_observes_the_same(folder):
    def run(inside):
        with ppg.Pipegraph(quiet=True) as graph:
            ppg.JobGeneratingJob("g", lambda: ppg.FileGeneratingJob("made", write).depends_on_params(1))
            ppg.FileGeneratingJob("a", write).depends_on_params(2)
        if not inside:
            return graph.run().ran
        with ppg.namespace("n"):
            assert graph.preview() is not None
            graph.verify()
            graph.accept(dry_run=True)
            return graph.run().ran

    assert run(inside=True) == ["g", "a", "made"]
    assert run(inside=False) == ["g"]
    assert run(inside=True) == ["g"]


def test_one_of_several_files_is_named_as_in_the_declaration_or_by_its_whole_name(graph):
    with ppg.namespace("n"):
        job = ppg.MultiFileGeneratingJob(["x/a", "b"], write_all)
        assert job["x/a"].path == job["n/x/a"].path == Path("n/x/a")
    assert job["b"].path == job["n/b"].path == Path("n/b")
    assert job[Path("./b")].path == Path("n/b")
    with pytest.raises(KeyError, match="makes no file 'c'"):
        job["c"]


def test_a_command_names_its_outputs_as_they_are_declared_and_its_inputs_as_they_are(graph, folder):
    (folder / "data").mkdir()
    (folder / "data" / "in.txt").write_text("b\na\n")
    with ppg.namespace("n"):
        ppg.ExternalJob("sorted.txt", ["sort", "-o", Path("sorted.txt"), Path("data/in.txt")])
        copied = ppg.ExternalJob(
            {"copy": "dir/sorted.txt"}, ["cp", Path("n/sorted.txt"), Path("dir")], success=[0]
        )
    ppg.ExternalJob("n2", ["cp", copied, Path("n2")])
    result = graph.run()
    assert not result.failed
    assert Path("n/sorted.txt").read_text() == "a\nb\n"
    assert Path("n2").read_text() == Path("n/dir/sorted.txt").read_text() == "a\nb\n"
    assert graph["data/in.txt"].observes_file


def test_names_in_messages_are_whole_names(graph):
    with ppg.namespace("n"):
        ppg.FileGeneratingJob("a", write)
        for declare in (
            lambda: ppg.FileGeneratingJob("a", write_all),
            lambda: ppg.FileGeneratingJob("a", write, timeout="x"),
            lambda: ppg.DataLoadingJob("a", write),
            lambda: ppg.file("a")(lambda out, k: None, no=1),
            lambda: ppg.data("a", timeout="x")(nothing),
            lambda: ppg.ExternalJob("a", "x"),
            lambda: ppg.ParameterInvariant("a", object()),
        ):
            with pytest.raises((ppg.PyPipelineGraphError, TypeError, ValueError), match=r"'(PI:)?n/a'"):
                declare()


@pytest.mark.parametrize("name", ["", "/", "/qc", "..", "a/../b", "a//b", ".", "a\0b"])
def test_a_name_that_is_no_relative_folder_is_refused(name):
    with pytest.raises(ValueError, match="relative name of a folder"):
        ppg.namespace(name)


@pytest.mark.parametrize("name", [3, None, b"qc"])
def test_a_name_that_is_no_text_is_refused(name):
    with pytest.raises(TypeError, match="must be a text"):
        ppg.namespace(name)


def test_a_file_that_leads_out_of_the_namespace_is_refused(graph):
    with ppg.namespace("qc"), pytest.raises(ppg.PyPipelineGraphError, match="not in the namespace 'qc'"):
        ppg.FileGeneratingJob("x/../../a", write)


def test_wrong_names_are_refused_as_without_a_namespace(graph):
    with ppg.namespace("qc"):
        with pytest.raises(ValueError, match="must not be empty"):
            ppg.DataLoadingJob("", nothing)
        with pytest.raises(TypeError, match="job_id must be a str"):
            ppg.DataLoadingJob(3, nothing)
        with pytest.raises(ValueError, match="must name a file"):
            ppg.FileGeneratingJob("", write)
        with pytest.raises(TypeError, match="must be a str or a Path"):
            ppg.FileGeneratingJob(3, write)


def test_a_kind_of_the_users_own_says_how_it_is_named(graph):
    from ppg.session.namespaces import full_id
    from tests.api.jobs.table_jobs import TableJob, VariableInvariant

    class NamedTableJob(TableJob):
        def __init__(self, database, table, function, **options):
            super(TableJob, self).__init__(
                full_id(f"{database}#{table}"), function, options.get("pipegraph"), ppg.Execution()
            )
            self.database = database
            self.table = full_id(table)

    class OwnFile(ppg.FileGeneratingJob):
        pass

    with ppg.namespace("n"):
        with pytest.raises(ppg.JobContractError, match=r"TableJob 'db#t' is declared in the namespace 'n'"):
            TableJob("db", "t", nothing)
        assert NamedTableJob("db", "t", nothing).job_id == "n/db#t"
        assert VariableInvariant("HOME").job_id == "variable:HOME"
        assert OwnFile("a", write).job_id == "n/a"
    assert TableJob("db", "t", nothing).job_id == "db#t"


def test_a_generator_that_is_declared_in_two_namespaces_is_two_generators(graph, folder):
    def generate():
        ppg.FileGeneratingJob("a", write)
        with ppg.namespace("in"):
            ppg.FileGeneratingJob("a", write)

    for space in ("x", "y"):
        with ppg.namespace(space):
            ppg.JobGeneratingJob("g", generate)
    assert sorted(graph.run().ran) == ["x/a", "x/g", "x/in/a", "y/a", "y/g", "y/in/a"]


def test_in_one_process_generated_jobs_get_the_namespace_too(folder):
    with ppg.Pipegraph(quiet=True, inline=True) as graph, ppg.namespace("x"):
        ppg.JobGeneratingJob("g", lambda: ppg.FileGeneratingJob("a", write))
        assert graph.run().ran == ["x/g", "x/a"]
        assert ppg.FileInvariant("b", pipegraph=ppg.Pipegraph(quiet=True)).job_id == "b"
        with pytest.raises(ppg.PyPipelineGraphError, match="'x/b'"):
            ppg.FileGeneratingJob("b", write)


def write_pages(folder):
    for name in ("1.txt", "2.txt"):
        (folder / name).write_text(name)


def test_folders_get_the_prefix_and_their_files_are_found_in_it(graph, folder):
    with ppg.namespace("qc"):
        pages = ppg.directory("pages")(write_pages)
        assert ppg.TempDirectoryGeneratingJob("t/", write_pages).job_id == "qc/t"
        assert ppg.DirectoryGeneratingJob(folder / "absolute", write_pages).job_id == "absolute"

        @ppg.file("joined.txt")
        def joined(out, all_pages=pages["*.txt"], first=pages["1.txt"], whole=pages):
            out.write_text(f"{[page.name for page in all_pages]} {first} {whole}")

        mapped = ppg.map(pages, "*.txt", lambda out, page: out.write_text(f"{page}!"), to="copies/{stem}")
        ppg.file("end.txt")(lambda out: out.write_text("end")).depends_on(mapped)
    assert graph["qc/pages/1.txt"].job is pages
    assert all(part in graph for part in (pages["1.txt"], pages["*.txt"]))
    assert "pages/1.txt" not in graph
    graph.run()
    assert Path("qc/joined.txt").read_text() == "['1.txt', '2.txt'] qc/pages/1.txt qc/pages"
    assert Path("qc/copies/2").read_text() == "qc/pages/2.txt!"


def test_an_input_folder_is_a_whole_name(graph):
    with ppg.namespace("qc"):
        assert ppg.FolderInvariant("reads", "*.fq").job_id == "folder:reads/*.fq"


def test_stored_values_get_the_prefix_for_their_names_and_files(folder):
    def declare(number):
        with ppg.Pipegraph(quiet=True) as graph:
            for space in ("x", "y"):
                with ppg.namespace(space):
                    value = ppg.cached("value")(lambda: number)
                    loaded = ppg.cached("large", format="json")(lambda: [number]).loaded
                    ppg.file("seen.txt")(lambda out, a=value, b=loaded: out.write_text(f"{a} {b}"))
        return graph, value

    graph, value = declare(1)
    assert value.name == "y/value"
    assert value.job_id == "cache/values/y/value.value"
    graph.run()
    assert Path("x/seen.txt").read_text() == Path("y/seen.txt").read_text() == "1 [1]"
    with graph, ppg.namespace("y"):
        assert ppg.read("y/value") == value.read() == 1
        with pytest.raises(ppg.PyPipelineGraphError, match="no stored value 'value'"):
            ppg.read("value")
    graph, value = declare(1)
    with ppg.namespace("y"):
        assert value.read() == 1
    assert graph.run().ran == []


def test_the_parameters_that_are_bound_are_those_of_each_namespace(folder):
    def write_number(out, number, other):
        out.write_text(f"{number} {other.read_text()}")

    def ran(numbers):
        with ppg.Pipegraph(quiet=True) as graph:
            for space, number in numbers.items():
                with ppg.namespace(space):
                    other = ppg.file("other.txt")(lambda out: out.write_text("o"))
                    ppg.file("a.txt")(write_number, number=number, other=other)
                    ppg.map(write_number_of, [1, 2], to="mapped/{item}.txt")
        assert f"PI:{space}/a.txt (bound)" in graph
        return graph.run().ran

    def write_number_of(out, item):
        out.write_text(str(item))

    assert len(ran({"x": 1, "y": 2})) == 8
    assert Path("y/a.txt").read_text() == "2 o"
    assert Path("y/mapped/2.txt").read_text() == "2"
    assert ran({"x": 1, "y": 3}) == ["y/a.txt"]


def test_a_file_is_awaited_by_its_whole_name(graph, folder):
    (folder / "input.txt").write_text("i")

    def joined(out, made, given):
        out.write_text(made.read_text() + given.read_text())

    with ppg.namespace("qc"):
        late = ppg.upstream("qc/late.txt")
        job = ppg.file("joined.txt")(joined, made=late, given=ppg.upstream("input.txt"))
        ppg.FileGeneratingJob("used.txt", write).depends_on("qc/in/2.txt")
    with ppg.namespace("qc"):
        ppg.file("late.txt")(lambda out: out.write_text("l"))
        ppg.DirectoryGeneratingJob("in", write_pages)
    graph.run()
    assert Path("qc/joined.txt").read_text() == "li"
    assert {"qc/late.txt", "input.txt"} <= {str(one) for one in job.upstreams}
    assert "qc/in" in {str(one) for one in graph["qc/used.txt"].upstreams}


def by_depends_on(name):
    ppg.FileGeneratingJob("user", write).depends_on(name)


def by_upstream(name):
    ppg.file("user")(lambda out, raw: out.write_text(raw[0].read_text()), raw=ppg.upstream([name]))


def by_command(name):
    ppg.ExternalJob("user", ["cp", Path(name), Path("user")])


def by_generator(name):
    ppg.JobGeneratingJob("g", lambda: by_depends_on(name))


def by_command_of_a_generator(name):
    ppg.JobGeneratingJob("g", lambda: by_command(name))


ways = pytest.mark.parametrize(
    "way", [by_depends_on, by_upstream, by_command, by_generator, by_command_of_a_generator]
)


@ways
@pytest.mark.parametrize("is_later", [True, False])
@pytest.mark.parametrize("around", ["qc", "a/qc", "a"])
def test_a_name_that_two_files_have_is_an_error_that_names_both(graph, folder, way, is_later, around):
    (folder / "raw.txt").write_text("input")

    def declare_other():
        with ppg.namespace(around):
            ppg.FileGeneratingJob("raw.txt", write)

    if not is_later:
        declare_other()
    with ppg.namespace("a" if around != "qc" else "qc"), ppg.namespace("qc" if around == "a/qc" else "in"):
        way("raw.txt")
    if is_later:
        declare_other()
    with pytest.raises(ppg.PyPipelineGraphError) as caught:
        graph.run()
    message = str(caught.value)
    assert "needs the file 'raw.txt' by its name" in message
    assert f"in the namespace '{around}', where <FileGeneratingJob '{around}/raw.txt'> makes" in message
    assert "ppg.FileChecksumInvariant('raw.txt')" in message


@ways
def test_a_name_that_only_one_file_can_have_is_no_error(graph, folder, way):
    (folder / "raw.txt").write_text("input")
    with ppg.namespace("qc"):
        way("raw.txt")
    with ppg.namespace("other"):
        ppg.FileGeneratingJob("raw.txt", write)
    ppg.FileGeneratingJob("unnamed/raw.txt", write).depends_on("raw.txt")
    assert "qc/user" in graph.run().ran


def test_files_that_are_named_beyond_doubt_are_no_error(graph, folder):
    (folder / "raw.txt").write_text("input")
    outside = ppg.FileGeneratingJob("out.txt", write)
    with ppg.namespace("qc"):
        # Its own output cannot be meant.
        ppg.ExternalJob("raw.txt", ["cp", folder / "raw.txt", Path("raw.txt")])
        made = ppg.FileGeneratingJob("out.txt", write)
        ppg.FileGeneratingJob("a", write).depends_on(outside, ppg.FileChecksumInvariant("raw.txt"))
        ppg.FileGeneratingJob("b", write).depends_on(made, folder / "raw.txt", "qc/raw.txt")
        ppg.file("filtered.txt")(write_all_of, raw=ppg.upstream("filtered.txt"))
        ppg.ExternalJob("c", ["cp", outside, Path("c")])
        with ppg.namespace("in"):
            # The job's file has the name of its own output, as that is declared.
            copied = ppg.ExternalJob("out.txt", ["cp", outside, Path("out.txt")])
    (folder / "filtered.txt").write_text("f")
    graph.run()
    assert Path("qc/filtered.txt").read_text() == "f"
    assert "out.txt" in {str(one) for one in copied.upstreams}


def write_all_of(out, raw):
    out.write_text(raw.read_text())


def test_a_cell_that_names_the_file_otherwise_mends_the_error(folder):
    (folder / "raw.txt").write_text("input")
    graph = ppg.new_pipegraph(quiet=True, redefine=True)
    with ppg.namespace("qc"):
        ppg.FileGeneratingJob("raw.txt", write)
        ppg.FileGeneratingJob("user", write).depends_on("raw.txt")
    with pytest.raises(ppg.JobContractError, match=r"needs the file 'raw\.txt' by its name"):
        graph.run()
    with ppg.namespace("qc"):
        ppg.FileGeneratingJob("user", write).depends_on("qc/raw.txt")
    assert graph.run().ran == ["qc/raw.txt", "qc/user"]
