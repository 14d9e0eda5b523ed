"""Reading values in the script: after a run, without one, and whenever the value is not what a run would give."""

import os
import subprocess
import sys

import pytest

import ppg
from ppg.session.current import SESSION
from tests.api.recipes.value_formats import Lines

VALUE = "cache/values/value.value"


def declare_value(number=1, **options):
    @ppg.cached("value", **options)
    def value():
        if number < 0:
            raise ValueError("no number")
        return [number]

    return value


@pytest.fixture(autouse=True)
def _nothing_declared(monkeypatch):
    """No pipegraph of an earlier test is the current one."""
    monkeypatch.setattr(SESSION, "pipegraph", None)


@pytest.fixture
def declared(folder):
    """Declares the value in a new pipegraph; gives the job."""

    def declare(number=1, **options):
        ppg.new_pipegraph(quiet=True)
        return declare_value(number, **options)

    return declare


def test_before_the_first_run_there_is_no_value(declared):
    job = declared()
    with pytest.raises(
        ppg.PyPipelineGraphError, match=f"'{VALUE}' is not up to date.*Run the pipegraph first"
    ):
        job.read()
    with pytest.raises(ppg.PyPipelineGraphError, match=f"'{VALUE}'.*has not succeeded yet"):
        job.read(stale_ok=True)


def test_a_value_of_an_earlier_run_is_read_without_running_if_it_is_up_to_date(declared):
    declared().pipegraph.run()
    job = declared()
    assert job.read() == [1]
    assert ppg.read("value") == ppg.read(VALUE) == [1]
    ppg.FileGeneratingJob("later", lambda path: path.write_text("x"))  # the graph is still open
    assert "later" in job.pipegraph.run().ran
    assert job.read() == [1]


def test_a_value_of_changed_code_is_not_read_without_a_word(declared):
    declared().pipegraph.run()
    job = declared(2)
    with pytest.raises(
        ppg.PyPipelineGraphError,
        match=rf"(?s)'{VALUE}' is not up to date: '{VALUE}' has to run.*stale_ok=True",
    ):
        job.read()
    with pytest.raises(ppg.PyPipelineGraphError, match="not up to date"):
        ppg.read("value")
    assert job.read(stale_ok=True) == [1]
    assert ppg.read("value", stale_ok=True) == [1]
    job.pipegraph.run()
    assert job.read() == [2]


def test_a_value_of_changed_inputs_further_up_is_not_read_without_a_word(folder):
    (folder / "in").write_text("1")

    def declare():
        ppg.new_pipegraph(quiet=True)

        @ppg.file("copy")
        def copy(out, source=ppg.upstream("in")):
            out.write_text(source.read_text())

        @ppg.cached("value")
        def value(copy=copy):
            return copy.read_text()

        return value

    declare().pipegraph.run()
    assert declare().read() == "1"
    (folder / "in").write_text("2")
    with pytest.raises(ppg.PyPipelineGraphError, match="'copy' has to run"):
        declare().read()


def test_a_file_that_is_missing_or_not_as_it_was_left_is_never_read(declared, folder):
    job = declared()
    job.pipegraph.run()
    file = folder / VALUE
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    for read in (job.read, lambda: job.read(stale_ok=True), lambda: ppg.read("value")):
        with pytest.raises(
            ppg.PyPipelineGraphError, match=f"(?s)'{VALUE}'.*not as its job has left it.*run the"
        ):
            read()
    file.write_bytes(content)
    os.utime(file, (1, 1))
    assert job.read() == [1]
    file.unlink()
    for read in (job.read, lambda: job.read(stale_ok=True)):
        with pytest.raises(ppg.PyPipelineGraphError, match="the file is not there"):
            read()
    with pytest.raises(ppg.PyPipelineGraphError, match=r"has to run \(.*missing"):
        declared().read()


def test_after_a_failed_run_the_error_says_which_job_failed(folder):
    graph = ppg.new_pipegraph(quiet=True)
    above = declare_value(-1)

    @ppg.cached("below")
    def below(above=above):
        return above

    with pytest.raises(ppg.RuntimeError):
        graph.run()
    with pytest.raises(ppg.PyPipelineGraphError, match=f"'{VALUE}' failed .ValueError: no number.*mend it"):
        above.read()
    with pytest.raises(
        ppg.PyPipelineGraphError, match=f"did not run, because '{VALUE}' failed; mend that job"
    ):
        below.read()
    with pytest.raises(ppg.PyPipelineGraphError, match=r"the file is not there|has not succeeded"):
        above.read(stale_ok=True)


def test_a_value_that_was_left_out_of_the_run_is_not_read_without_a_word(declared):
    declared().pipegraph.run()
    job = declared()
    ppg.FileGeneratingJob("a", lambda path: path.write_text("a"))
    job.pipegraph.run(targets=["a"])
    with pytest.raises(ppg.PyPipelineGraphError, match="was left out in the last run; run it"):
        job.read()
    assert job.read(stale_ok=True) == [1]


def test_callbacks_cannot_read_but_take(folder):
    graph = ppg.new_pipegraph(quiet=True, undeclared="ignore")
    value = declare_value()

    @ppg.file("out")
    def out(out):
        value.read()

    @ppg.file("named")
    def named(out):
        ppg.read("value")

    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run()
    for job in ("out", "named"):
        said = str(caught.value.exceptions[job])
        assert "A callback cannot read the value of" in said
        assert "take the value as a parameter" in said


@pytest.mark.parametrize("options", [{"inline": True}, {"start_method": "fork"}])
def test_callbacks_that_share_the_scripts_memory_cannot_read_either(folder, options):
    graph = ppg.new_pipegraph(ppg.LocalSystem(**options), quiet=True, undeclared="ignore")
    value = declare_value()

    @ppg.file("out")
    def out(out):
        value.read()

    out.depends_on(value)
    with pytest.raises(ppg.RuntimeError, match="A callback cannot read the value"):
        graph.run()
    assert value.read() == [1]


# -- by name, without the script


def test_a_name_is_read_in_a_process_that_declares_nothing(declared, folder):
    declared().pipegraph.run()
    code = "import ppg; print(ppg.read('value'))"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "[1]\n"


def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are(declared, folder):
    with pytest.raises(ppg.PyPipelineGraphError, match=r"no stored value 'valve'.*run the script"):
        ppg.read("valve")
    declared().pipegraph.run()
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match=r"no stored value 'valve'.*there are: value"):
        ppg.read("valve")
    with pytest.raises(ppg.PyPipelineGraphError, match="no stored value 'val'"):
        ppg.read("val")
    with pytest.raises(TypeError, match="name must be a str"):
        ppg.read(3)


def test_a_name_is_that_of_the_last_format(declared, folder):
    declared().pipegraph.run()
    declared(2, format="json").pipegraph.run()
    ppg.new_pipegraph(quiet=True)
    assert ppg.read("value") == [2]


def test_a_format_of_the_scripts_own_needs_the_script(folder, account):
    graph = ppg.new_pipegraph(quiet=True)
    job = ppg.cached("value", format=Lines(account))(lambda: ["x"])
    graph.run()
    assert job.read() == ppg.read("value") == ["x"]
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match=r"format of the script's own.*import the module"):
        ppg.read("value")


def test_a_file_of_which_nothing_is_recorded_is_not_read(folder):
    (folder / "cache/values").mkdir(parents=True)
    (folder / VALUE).write_bytes(b"\x80\x05N.")
    with pytest.raises(ppg.PyPipelineGraphError, match="no stored value 'value'"):
        ppg.read("value")


def test_a_file_that_cannot_be_read_names_the_file_and_the_way_out(folder):
    (folder / "shapes.py").write_text("class Shape:\n    pass\n")
    script = (
        "import ppg, shapes\nppg.new_pipegraph(quiet=True)\nppg.cached('value')(shapes.Shape)\nppg.run()\n"
    )
    script = script.replace("(shapes.Shape)", "(lambda: shapes.Shape())")
    subprocess.run([sys.executable, "-c", script], cwd=folder, timeout=60, check=True)
    (folder / "shapes.py").write_text("")
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(
        ppg.CacheUnreadableError, match=f"(?s)'{VALUE}' cannot be read.*shapes.*Remove the file"
    ):
        ppg.read("value")


def test_a_notebook_reads_the_value_of_a_redefined_job(folder):
    graph = ppg.new_pipegraph(quiet=True, redefine=True)
    declare_value(1)
    graph.run()
    assert ppg.read("value") == [1]
    job = declare_value(2)
    with pytest.raises(ppg.PyPipelineGraphError, match="not up to date"):
        job.read()
    graph.run()
    assert job.read() == [2]


# -- values of loads


def test_a_value_of_data_is_read_by_loading(folder, account):
    (folder / "in").write_text("3")

    def declare():
        ppg.new_pipegraph(quiet=True)
        stored = declare_value(2)

        @ppg.data("number")
        def number(path=ppg.upstream("in")):
            account.ran("number")
            return int(path.read_text())

        @ppg.data("all")
        def everything(number=number, stored=stored, nested=[number]):  # noqa: B006
            return number, stored, nested

        return everything

    job = declare()
    with pytest.raises(ppg.PyPipelineGraphError, match=f"'all' is not up to date: '{VALUE}' has to run"):
        job.read()
    job.pipegraph.run()
    assert account.taken() == []
    assert job.read() == ppg.read("all") == (3, [2], [3])
    assert account.taken() == ["number", "number"]
    assert not hasattr(job.object, "value")
    assert declare().read() == (3, [2], [3])


def test_a_load_that_fills_something_else_is_not_done_in_the_script(graph):
    class Owner:
        pass

    filled = ppg.AttributeLoadingJob("filled", Owner(), "x", lambda: 1)

    @ppg.data("value")
    def value(filled=filled): ...

    with pytest.raises(ppg.JobContractError, match=r"'value' cannot be read here.*'filled'.*runs alone"):
        value.read()


def test_a_value_of_data_needs_its_temporary_files(graph):
    @ppg.temp_file("temporary")
    def temporary(out):
        out.write_text("x")

    @ppg.data("value")
    def value(path=temporary):
        return path.read_text()

    @ppg.file("out")
    def out(out, value=value):
        out.write_text(value)

    graph.run()
    with pytest.raises(
        ppg.PyPipelineGraphError, match="'temporary', which it depends on, is not there; keep"
    ):
        value.read()


def test_a_value_of_data_is_read_in_the_folder_of_the_pipegraph(folder):
    (folder / "project").mkdir()
    ppg.new_pipegraph(quiet=True, root=folder / "project")
    (folder / "project" / "in").write_text("found")

    @ppg.data("value")
    def value(path=ppg.upstream("in")):
        return path.read_text()

    assert value.read() == "found"
