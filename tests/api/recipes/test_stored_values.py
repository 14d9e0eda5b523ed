"""Stored values: when they are calculated, who gets them, and what runs again."""

import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ppg
from tests.api.recipes.value_formats import Lines
from tests.landlock import needs_landlock


def script(folder, text, *arguments, name="script.py"):
    """Write a script, run it, and give what it printed."""
    (folder / name).write_text(textwrap.dedent(text))
    ended = subprocess.run(
        [sys.executable, name, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize(
    "public",
    [
        ppg.cached,
        ppg.read,
        ppg.StoredValueJob,
        ppg.StoredValueJob.read,
        ppg.StoredValueJob.loaded,
        ppg.ValueFormat,
        ppg.ValueLoadingJob.read,
    ],
    ids=lambda public: getattr(public, "fget", public).__name__,
)
def test_the_example_of_a_docstring_runs(folder, public):
    text = inspect.getdoc(public).partition("\nParameters:")[0]
    example = "\n".join(line for line in text.splitlines() if line.startswith("    ") or not line)
    known = "from pathlib import Path\nimport ppg\nppg.new_pipegraph(quiet=True)\n"
    assert "assert " in example
    script(folder, known + textwrap.dedent(example))


def test_a_value_is_stored_once_and_given_to_jobs_and_to_the_script(run, folder, account):
    def declare():
        @ppg.cached("qc/counts")
        def counts():
            account.ran("counts")
            return {"reads": 3}

        @ppg.file("out")
        def out(out, counts=counts, nested={"a": [counts]}):  # noqa: B006
            account.ran("out")
            out.write_text(f"{counts} {nested}")

        return counts

    jobs = []
    run(lambda: jobs.append(declare()))
    assert account.taken() == ["counts", "out"]
    assert jobs[0].read() == {"reads": 3}
    assert jobs[0].job_id == "cache/values/qc/counts.value"
    assert (folder / "out").read_text() == "{'reads': 3} {'a': [{'reads': 3}]}"
    run(lambda: jobs.append(declare()))
    assert account.taken() == []
    assert jobs[1].read() == {"reads": 3}


def test_a_value_that_no_job_takes_is_calculated_for_the_script(graph):
    @ppg.cached("answer")
    def answer():
        return None

    assert graph.run().ran == [answer.job_id]
    assert answer.read() is None


@pytest.mark.parametrize("second", [{"a", "b", "c"}, {"c", "b", "a"}])
def test_the_same_value_reruns_nothing_downstream(run, folder, second):
    def declare(value, version):
        @ppg.cached("value")
        def stored():
            return version and value

        @ppg.file("out")
        def out(out, value=stored):
            out.write_text(str(sorted(value)))

    run(lambda: declare({"a", "b", "c"}, 1))
    assert run(lambda: declare(second, 2)).ran == ["cache/values/value.value"]
    assert run(lambda: declare({"a"}, 2)).ran == ["cache/values/value.value", "out"]


def test_sets_make_the_same_bytes_in_every_process(folder):
    made = set()
    for seed in ("1", "2", "3"):
        (folder / seed).mkdir()
        code = (
            "import ppg\nppg.new_pipegraph(quiet=True)\n"
            "@ppg.cached('value')\ndef value():\n"
            "    names = {'chr%d' % one for one in range(50)}\n"
            "    return [names, frozenset(names), {'of': {(one, frozenset([one, 'x'])) for one in names}}]\n"
            "ppg.run()\nassert value.read()[0] == value.read()[1]\n"
        )
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=folder / seed,
            timeout=120,
            check=True,
        )
        made.add((folder / seed / "cache/values/value.value").read_bytes())
    assert len(made) == 1


def test_a_fresh_process_gets_a_stored_value_and_no_loaded_one(graph, folder):
    @ppg.cached("value")
    def value():
        return [1, 2]

    @ppg.file("out", isolation="fresh")
    def out(out, value=value):
        out.write_text(str(sum(value)))

    with pytest.raises(ppg.JobContractError, match="gets loaded data by its parameters value"):

        @ppg.file("other", isolation="fresh")
        def other(out, value=value.loaded): ...

    graph.run(targets=[out])
    assert (folder / "out").read_text() == "3"


@needs_landlock
def test_a_confined_process_gets_a_stored_value(run, folder):
    def declare():
        @ppg.cached("value")
        def value():
            return {"a": 1}

        @ppg.file("out")
        def out(out, value=value):
            out.write_text(str(value))

    run(declare, confine=True)
    assert (folder / "out").read_text() == "{'a': 1}"


def test_many_jobs_can_share_one_loaded_copy(run, folder, account):
    def declare():
        @ppg.cached("value", format=Lines(account))
        def value():
            return ["x"] * 3

        for name in "abc":

            @ppg.file(name)
            def out(out, value=value.loaded):
                out.write_text(str(len(value)))

        assert value.loaded is value.loaded
        return value

    jobs = []
    run(lambda: jobs.append(declare()))
    assert account.taken() == ["read"]
    assert [(folder / name).read_text() for name in "abc"] == ["3", "3", "3"]
    assert jobs[0].loaded.read() == ["x"] * 3
    assert run(declare).ran == []


def test_a_program_gets_the_file(run, folder):
    def declare():
        @ppg.cached("value", format="text")
        def value():
            return "a text\n"

        ppg.ExternalJob("out", ["cat", value], stdout="out")

    run(declare)
    assert (folder / "out").read_text() == "a text\n"


def test_the_code_of_a_format_counts(run, folder, account):
    def declare(lines):
        @ppg.cached("value", format=lines)
        def value():
            return ["x", "y"]

        @ppg.file("out")
        def out(out, value=value):
            out.write_text(str(value))

        @ppg.file("loading")
        def loading(out, value=value.loaded):
            out.write_text(str(value))

    both = {"out", "loading", "cache/values/value.lines_load"}
    assert set(run(lambda: declare(Lines(account))).ran) == {"cache/values/value.lines", *both}
    assert (folder / "cache/values/value.lines").read_text() == "x\ny"
    assert run(lambda: declare(Lines(account))).ran == []

    class Reversed(Lines):
        def read(self, path):
            return super().read(path)[::-1]

    assert set(run(lambda: declare(Reversed(account))).ran) == both
    assert (folder / "out").read_text() == (folder / "loading").read_text() == "['y', 'x']"

    class Longer(Lines):
        def write(self, value, path):
            super().write([*value, "z"], path)

    assert set(run(lambda: declare(Longer(account))).ran) == {"cache/values/value.lines", *both}
    assert (folder / "out").read_text() == "['x', 'y', 'z']"


def test_an_input_of_the_function_counts(run, folder):
    (folder / "in").write_text("1")

    def declare():
        @ppg.cached("value")
        def value(path=ppg.upstream("in")):
            return path.read_text().strip()

        @ppg.file("out")
        def out(out, value=value):
            out.write_text(value)

    run(declare)
    (folder / "in").write_text("1\n")
    assert run(declare).ran == ["cache/values/value.value"]
    (folder / "in").write_text("2")
    assert run(declare).ran == ["cache/values/value.value", "out"]


def test_a_removed_or_damaged_file_is_made_again(run, folder):
    def declare():
        @ppg.cached("value")
        def value():
            return [1]

    file = folder / "cache/values/value.value"
    run(declare)
    file.unlink()
    assert run(declare).ran == ["cache/values/value.value"]
    file.write_bytes(b"")
    assert run(declare).ran == ["cache/values/value.value"]
    file.write_bytes(b"damaged")
    assert run(declare).ran == ["cache/values/value.value"]


def test_a_function_with_bound_values_stores_a_value_under_each_name(run, folder):
    def times(k, base=2):
        return k * base

    def declare():
        jobs = [ppg.cached(f"times {k}")(times, k=k) for k in (1, 2)]

        @ppg.file("out")
        def out(out, values=jobs):
            out.write_text(str(values))

        with pytest.raises(TypeError, match=r"'.*times' with bound parameters need names"):
            ppg.cached()(times, k=3)

    run(declare)
    assert (folder / "out").read_text() == "[2, 4]"


def test_jobs_of_a_generator_store_and_take_values(run, folder):
    def declare():
        @ppg.cached("above")
        def above():
            return 2

        @ppg.generator("more")
        def more():
            @ppg.cached("below")
            def below(above=above):
                return above * 10

            @ppg.file("out")
            def out(out, below=below, above=above):
                out.write_text(f"{above} {below}")

            @ppg.file("loading")
            def loading(out, above=above.loaded, below=below.loaded):
                out.write_text(f"{above} {below}")

    run(declare)
    assert (folder / "out").read_text() == (folder / "loading").read_text() == "2 20"
    assert ppg.read("below") == 20
    assert run(declare).ran == ["more"]


def test_a_value_is_taken_from_the_shared_cache(folder, account):
    for place in ("one", "two"):
        graph = ppg.new_pipegraph(quiet=True, root=folder / place, shared_cache=folder / "shared")

        @ppg.cached("value", share=True)
        def value():
            account.ran("value")
            return {"a": 1}

        (folder / place).mkdir()
        graph.run()
        assert value.read() == {"a": 1}
    assert account.taken() == ["value"]


# -- names


def test_the_name_is_that_of_the_module_and_of_the_function_however_it_is_imported(folder):
    (folder / "analysis.py").write_text(
        "import ppg\n@ppg.cached\ndef counts() -> int:\n    return 3\n"
        "class Tools:\n    @ppg.cached()\n    def inner() -> int:\n        return 4\n"
    )
    told = script(
        folder,
        """
        import ppg
        ppg.new_pipegraph(quiet=True)
        import analysis
        @ppg.cached
        def own():
            return 1
        ppg.run()
        print(analysis.counts.name, analysis.Tools.inner.name, own.name)
        """,
    )
    assert told == "analysis.counts analysis.Tools.inner script.own\n"
    imported = "import ppg; ppg.new_pipegraph(quiet=True); import script as one; print(one.own.name)"
    (folder / "script.py").write_text("import ppg\n@ppg.cached\ndef own():\n    return 1\n")
    told = subprocess.run(
        [sys.executable, "-c", imported], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "script.own\n"


def test_functions_without_a_name_of_their_own_need_one(graph):
    with pytest.raises(TypeError, match=r"'.*<lambda>' is a lambda.*@ppg.cached\(\"name\"\)"):
        ppg.cached(lambda: 1)
    with pytest.raises(TypeError, match=r"'.*local' is defined in another function"):

        @ppg.cached
        def local(): ...

    assert ppg.cached("named")(lambda: 1).name == "named"


def test_two_functions_of_one_name_are_refused(graph):
    ppg.cached("value")(lambda: 1)
    with pytest.raises(ppg.JobContractError, match=r"'cache/values/value.value' is declared twice"):
        ppg.cached("value")(lambda: 2)


@pytest.mark.parametrize(
    ("declare_wrongly", "error", "named"),
    [
        (lambda: ppg.cached("")(lambda: 1), ValueError, "name"),
        (lambda: ppg.cached("a/../b")(lambda: 1), ValueError, "leads elsewhere"),
        (lambda: ppg.cached("/a")(lambda: 1), ValueError, "leads elsewhere"),
        (lambda: ppg.cached("a/")(lambda: 1), ValueError, "name"),
        (lambda: ppg.cached("x" * 300)(lambda: 1), ValueError, "300 bytes"),
        (lambda: ppg.cached(3)(lambda: 1), TypeError, "name must be a str"),
        (lambda: ppg.cached("a")(lambda path: 1), TypeError, "without arguments"),
        (lambda: ppg.cached("a", format="xlsx")(lambda: 1), ValueError, "no format 'xlsx'; use one of"),
        (lambda: ppg.cached("a", format="automatic")(lambda: 1), ValueError, "no format"),
        (lambda: ppg.cached("a", format=3)(lambda: 1), TypeError, "write.*read"),
        (lambda: ppg.cached("a", format=Lines)(lambda: 1), TypeError, "write.*read"),
        (lambda: ppg.cached("a", format=Lines(None, "x"))(lambda: 1), ValueError, "suffix"),
        (lambda: ppg.cached("a", format=Lines(None, ".json"))(lambda: 1), ValueError, "ppg's own formats"),
        (lambda: ppg.cached("a", speed=1)(lambda: 1), TypeError, "speed"),
        (lambda: ppg.cached("a")(3), TypeError, "only functions"),
        (lambda: ppg.StoredValueJob("a", (one for one in ())), TypeError, "callable"),
    ],
)
def test_a_wrong_argument_of_a_stored_value_is_named_at_the_definition(graph, declare_wrongly, error, named):
    with pytest.raises(error, match=named):
        declare_wrongly()
    assert len(graph) == 0


def test_a_function_that_yields_is_refused(graph):
    with pytest.raises(TypeError, match="is a generator"):

        @ppg.cached("value")
        def value():
            yield 1


def test_a_job_can_be_called_as_its_function(graph):
    @ppg.cached("value")
    def value(scale=2):
        return scale

    assert value() == 2
    assert value(3) == 3


def test_paths_of_classes_of_the_script_come_back_as_these(folder):
    text = """
        import sys
        from dataclasses import dataclass
        import ppg

        @dataclass
        class Point:
            x: int

        ppg.new_pipegraph(quiet=True)

        @ppg.cached
        def point() -> Point:
            return Point(3)

        @ppg.file("out" + sys.argv[1])
        def out(out, point=point):
            out.write_text(str(point == Point(3)))

        print(ppg.run().ran, point.read() == Point(3))
        """
    assert script(folder, text, "1") == "['cache/values/script.point.value', 'out1'] True\n"
    assert script(folder, text, "2") == "['out2'] True\n"
    assert (folder / "out1").read_text() == (folder / "out2").read_text() == "True"
    assert Path("cache/values/script.point.value").exists()
