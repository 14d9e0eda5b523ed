"""Jobs declared as decorated functions: what they are, what is passed, what counts, and what type checkers say."""

import functools
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ppg
from tests.api.callbacks import passing_on

HERE = Path(__file__).parent


def test_a_decorated_function_is_the_job(graph, folder):
    @ppg.file("out.txt")
    def make(out: Path) -> None:
        out.write_text("made")

    assert type(make) is ppg.FileGeneratingJob
    assert make.job_id == "out.txt"
    assert make.declared_at[0] == __file__
    make.callback(folder / "by hand")
    assert (folder / "by hand").read_text() == "made"
    graph.run()
    assert (folder / "out.txt").read_text() == "made"


def test_every_kind_of_job_has_its_decorator(graph):
    @ppg.file("a", empty_ok=True, timeout=3)
    def a(out): ...

    @ppg.files(["b", "c"], rename_broken=True)
    def bc(out): ...

    @ppg.temp_file("d", cutoff=False)
    def d(out): ...

    @ppg.temp_files({"e": "e"})
    def e(out): ...

    @ppg.data("f", retries=2)
    def f(): ...

    @ppg.generator("g", isolation="fresh")
    def g(): ...

    kinds = [
        ppg.FileGeneratingJob,
        ppg.MultiFileGeneratingJob,
        ppg.TempFileGeneratingJob,
        ppg.MultiTempFileGeneratingJob,
        ppg.ValueLoadingJob,
        ppg.JobGeneratingJob,
    ]
    assert [type(job) for job in (a, bc, d, e, f, g)] == kinds
    assert (a.empty_ok, a.execution.timeout, bc.rename_broken, d.cutoff) == (True, 3, True, False)
    assert (f.execution.retries, g.execution.isolation) == (2, "fresh")


def test_parameters_with_a_job_as_default_get_what_it_made(run, folder):
    (folder / "input").write_text("input")

    def declare():
        @ppg.file("one")
        def one(out):
            out.write_text("one")

        @ppg.files({"x": "two/x", "y": "two/y"})
        def two(out, *, one=one):
            for name, path in out.items():
                path.write_text(name + one.read_text())

        @ppg.temp_files(["three", "four"])
        def listed(out):
            for path in out:
                path.write_text(path.name)

        external = ppg.ExternalJob("five", ["echo", "five"], stdout="five")

        @ppg.data("loaded")
        def loaded(one=one):
            return {"loaded": one.read_text()}

        @ppg.file("out")
        def out(
            out,
            two=two,
            x=two["x"],
            listed=listed,
            external=external,
            loaded=loaded,
            several=[one, two["y"]],  # noqa: B006
            named={"one": one},  # noqa: B006
            given=ppg.upstream("input"),
            plain=3,
        ):
            out.write_text(
                f"{two['y'].read_text()} {x.read_text()} {[path.read_text() for path in listed]} "
                f"{external.read_text().strip()} {loaded} {[path.read_text() for path in several]} "
                f"{named['one'].read_text()} {given.read_text()} {plain}"
            )

        return out

    run(declare)
    assert (folder / "out").read_text() == (
        "yone xone ['three', 'four'] five {'loaded': 'one'} ['one', 'yone'] one input 3"
    )
    assert run(declare).ran == []
    (folder / "input").write_text("other")
    assert set(run(declare).ran) == {"out", "loaded", "four:three"}


def test_a_parameter_on_one_file_of_several_is_stale_only_with_that_file(run, folder):
    def declare(text):
        @ppg.files({"x": "x", "y": "y"})
        def both(out, text=text):
            out["x"].write_text("x")
            out["y"].write_text(text)

        @ppg.file("out x")
        def out_x(out, path=both["x"]):
            out.write_bytes(path.read_bytes())

        @ppg.file("out y")
        def out_y(out, path=both["y"]):
            out.write_bytes(path.read_bytes())

    run(lambda: declare("1"))
    assert run(lambda: declare("2")).ran == ["x:y", "out y"]


def test_a_function_that_wants_no_path_gets_none(run, folder):
    def declare():
        @ppg.file("in")
        def first():
            Path("in").write_text("in")

        @ppg.file("out")
        def second(data=first):
            Path("out").write_text(data.read_text())

    run(declare)
    assert (folder / "out").read_text() == "in"


def test_loaded_values_are_shared_and_only_loaded_if_needed(run, folder, account):
    class Table:
        pass

    table, entries = Table(), {}

    def declare(words):
        @ppg.data("text")
        def text():
            account.ran("text")
            return "abc"

        @ppg.data("length")
        def length(text=text):
            account.ran("length")
            return len(text)

        attribute = ppg.AttributeLoadingJob("attribute", table, "rows", lambda: [1, 2])
        entry = ppg.DictEntryLoadingJob("entry", entries, "key", lambda: "entry")
        for word in words:

            @ppg.file(word)
            def make(out, length=length, rows=attribute, entry=entry, word=word):
                out.write_text(f"{word} {length} {rows} {entry}")

    run(lambda: declare("ab"))
    assert (folder / "b").read_text() == "b 3 [1, 2] entry"
    assert account.taken() == ["length", "text"]
    run(lambda: declare("ab"))
    assert account.taken() == []
    run(lambda: declare("abc"))
    assert account.taken() == ["length", "text"]


def test_a_change_of_the_function_its_defaults_or_what_it_needs_counts(run):
    def declare(version):
        @ppg.file("a")
        def a(out):
            out.write_text("a")

        @ppg.file("b")
        def b(out):
            out.write_text("b")

        if version == 1:

            @ppg.file("out")
            def out(out, data=a, n=1):
                out.write_text(f"{data} {n}")

        elif version == 2:

            @ppg.file("out")
            def out(out, data=a, n=2):
                out.write_text(f"{data} {n}")

        else:

            @ppg.file("out")
            def out(out, data=b, n=2):
                out.write_text(f"{data} {n}")

    run(lambda: declare(1))
    assert run(lambda: declare(1)).ran == []
    assert run(lambda: declare(2)).ran == ["out"]
    assert run(lambda: declare(3)).ran == ["out"]
    assert run(lambda: declare(3)).ran == []


def test_the_decorated_form_and_the_class_are_the_same_job(graph):
    def make(out):
        out.write_text("x")

    job = ppg.FileGeneratingJob("out", make)
    assert ppg.file("out")(make) is job
    with pytest.raises(ppg.JobContractError, match="function"):

        @ppg.file("out")
        def other(out):
            out.write_text("y")


def test_the_source_of_a_decorated_function_is_known_to_explanations(graph):
    from ppg_invariants import fingerprint_function

    @ppg.file("out")
    def make(out, data=ppg.upstream("input")):
        out.write_text("explained")

    assert "explained" in fingerprint_function(make.callback).source


def test_what_travels_to_a_job_does_not_have_the_jobs_before_it_in_it(graph):
    from ppg.outcomes.tasks import task_for
    from ppg_exec.pickling.send import dump_alone

    sizes = []
    job = None
    for number in range(200):

        @ppg.file(f"{number}")
        def job(out, before=job):
            out.write_text("x")

        task = task_for(job, 0.0)
        sizes.append(len(dump_alone({"task": (task.function, task.arguments)})))
    assert max(sizes[1:]) - min(sizes[1:]) < 100


def test_a_generator_declares_decorated_jobs_from_loaded_values(run, folder):
    def declare(words):
        @ppg.file("first")
        def first(out):
            out.write_text("first")

        @ppg.data("words")
        def loaded(words=words):
            return words.split()

        @ppg.generator("generator")
        def generate(words=loaded, first=first):
            assert first == Path("first")
            for word in words:

                @ppg.file(f"{word}.txt")
                def make(out, first=ppg.upstream("first"), word=word):
                    out.write_text(word + first.read_text())

                @ppg.file(f"{word}.copy")
                def copy(out, made=make):
                    out.write_bytes(made.read_bytes())

    run(lambda: declare("a b"))
    assert (folder / "b.copy").read_text() == "bfirst"
    assert run(lambda: declare("a b")).ran == ["words", "generator"]
    assert set(run(lambda: declare("a b c")).ran) == {"words", "generator", "c.txt", "c.copy"}


def test_functions_of_a_module_and_of_a_script_can_be_decorated(folder, tmp_path):
    (folder / "jobs.py").write_text(
        "import ppg\n"
        "@ppg.data('greeting')\n"
        "def greeting():\n    return 'hello'\n"
        "@ppg.file('in_module')\n"
        "def in_module(out, greeting=greeting):\n    out.write_text(greeting)\n"
    )
    (folder / "script.py").write_text(
        "from pathlib import Path\n"
        "import ppg\n"
        "ppg.new_pipegraph(quiet=True)\n"
        "import jobs\n"
        "@ppg.file('out')\n"
        "def out(out: Path, data: Path = ppg.upstream(jobs.in_module)) -> None:\n"
        "    out.write_text(data.read_text() + repr(helper()))\n"
        "def helper():\n    return out.job_id\n"
        "print(ppg.run().summary())\n"
    )
    for expected in ("3 ran", "0 ran"):
        told = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=120)
        assert told.stdout.startswith(expected), told
    assert (folder / "out").read_text() == "hello'out'"


class CallableThing:
    def __call__(self, path): ...


def wants_two(a, b): ...


def positional(out, data=ppg.upstream("x"), /): ...


# ruff: noqa: B008
def test_a_function_in_another_decorator_gets_the_path(run):
    def declare():
        @ppg.file("a")
        @passing_on
        def a(path):
            path.write_text("a")

        @ppg.file("b")
        @passing_on
        def b():
            Path("b").write_text("b")

    assert run(declare).ran == ["a", "b"]


def test_a_job_behind_another_decorator_is_not_overlooked(graph):
    a = ppg.FileGeneratingJob("a", lambda: None)
    with pytest.raises(TypeError, match="'value' belongs to a function within another decorator"):

        @ppg.file("b")
        @passing_on
        def b(path, *, value=ppg.upstream(a)): ...


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.file("a")(CallableThing()), TypeError, "only functions"),
        (lambda: ppg.file("a")(Path), TypeError, "only functions"),
        (lambda: ppg.file("a")(wants_two), TypeError, "2 arguments"),
        (lambda: ppg.file("a")(positional), TypeError, "'data'"),
        (lambda: ppg.file("a", nonsense=1)(print), TypeError, "only functions"),
        (lambda: ppg.file("a", nonsense=1)(lambda: 1), TypeError, "nonsense"),
        (lambda: ppg.file(3)(lambda: 1), TypeError, "output_filename"),
        (lambda: ppg.data(lambda: 1)(lambda: 1), TypeError, "job_id"),
        (lambda: ppg.data("a")(lambda path: 1), TypeError, "needs one"),
        (
            lambda: ppg.file("a")(lambda p=ppg.upstream(ppg.DataLoadingJob("d", print)): 1),
            TypeError,
            "'p'.*makes nothing",
        ),
        (
            lambda: ppg.file("a")(lambda p=ppg.upstream(ppg.ParameterInvariant("p", 1)): 1),
            TypeError,
            "depends_on",
        ),
        (lambda: ppg.file("a")(lambda p=ppg.upstream(3): 1), TypeError, "'p'"),
        (lambda: ppg.file("a")(lambda p=ppg.upstream([3]): 1), TypeError, r"'p'\[0\]"),
        (
            lambda: ppg.file("a")(lambda p=ppg.upstream([ppg.MultiFileGeneratingJob(["x", "y"], print)]): 1),
            TypeError,
            r"'p'\[0\].*several",
        ),
    ],
)
def test_a_mistake_is_named_at_the_definition(graph, declare, error, named):
    with pytest.raises(error, match=named):
        declare()
    assert "a" not in graph


@pytest.mark.parametrize(
    "declare",
    [
        lambda function: ppg.FileGeneratingJob("b", function),
        lambda function: ppg.MultiTempFileGeneratingJob(["b"], function),
        lambda function: ppg.FileGeneratingJob("b", passing_on(function)),
        lambda function: ppg.FileGeneratingJob("b", functools.partial(function, other=1)),
        lambda function: ppg.FileGeneratingJob("b", functools.partial(print, value=ppg.upstream("a"))),
        lambda function: ppg.PlotJob("b.png", lambda: 1, function),
        lambda function: ppg.PlotJob("b.png", functools.partial(function, 1), lambda value: value),
        lambda function: ppg.DataLoadingJob("b", functools.partial(function, 1)),
        lambda function: ppg.JobGeneratingJob("b", functools.partial(function, 1)),
    ],
)
@pytest.mark.parametrize("by_name_only", [False, True])
def test_upstream_in_the_function_of_a_class_is_an_error_at_the_declaration(graph, declare, by_name_only):
    a = ppg.FileGeneratingJob("a", lambda path: None)

    def positional(out, value=ppg.upstream(a), other=None): ...

    def by_name(out, *, value=ppg.upstream(a), other=None): ...

    with pytest.raises(TypeError, match=r"b.*: the parameter 'value' is ppg.upstream.*@ppg.file.*depends_on"):
        declare(by_name if by_name_only else positional)
    assert list(graph) == [a]


def test_a_value_in_the_place_of_upstream_is_fine_in_the_function_of_a_class(run, folder):
    def write(out, value=ppg.upstream("a")):
        out.write_text(value)

    run(lambda: ppg.FileGeneratingJob("b", functools.partial(write, value="given")))
    assert (folder / "b").read_text() == "given"


def test_a_job_of_another_pipegraph_is_refused(graph):
    @ppg.file("a")
    def a(out): ...

    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match="another pipegraph"):

        @ppg.file("b")
        def b(out, a=a): ...


@pytest.mark.parametrize(
    "documented",
    [ppg.file, ppg.temp_file, ppg.files, ppg.temp_files, ppg.data, ppg.generator, ppg.Execution],
    ids=lambda documented: documented.__name__,
)
def test_the_example_of_a_docstring_runs(folder, documented):
    text = documented.__doc__.partition("Attributes:")[0]
    example = "\n".join(line for line in text.splitlines() if line.startswith(" " * 8) or not line)
    (folder / "script.py").write_text(
        "from pathlib import Path\nimport ppg\nppg.new_pipegraph(ppg.LocalSystem(4), quiet=True)\n"
        f"{textwrap.dedent(example)}\nassert ppg.run().ran\n"
    )
    subprocess.run([sys.executable, "script.py"], check=True, timeout=120)


def checkers():
    # The checkers want the library and this example as a user's project has them.
    settings = {
        "include": [str(HERE / "typed_example.py")],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
        "enableTypeIgnoreComments": False,
    }
    return {
        "mypy": (["mypy", "--strict", "--warn-unused-ignores", "--python-version", "3.11"], None),
        "basedpyright": (["basedpyright", "--pythonpath", sys.executable, "-p"], settings),
    }


@pytest.mark.parametrize("checker", checkers())
def test_type_checkers_accept_what_is_right_and_refuse_what_is_wrong(tmp_path, checker):
    """Takes seconds: it runs the checkers."""
    command, settings = checkers()[checker]
    command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
    if settings is None:
        command += ["--cache-dir", str(tmp_path / "cache"), str(HERE / "typed_example.py")]
    else:
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        command.append(str(tmp_path / "settings.json"))
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=HERE.parents[2])
    assert told.returncode == 0, told.stdout + told.stderr
