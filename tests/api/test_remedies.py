"""Messages that say what to do: each names its job or its argument, and ends with the remedy."""

import re
from pathlib import Path

import pytest

import ppg
from ppg_graph import NodeKind


class Bytes:
    """Path of bytes, which the file system knows and ppg does not."""

    def __fspath__(self):
        return b"a"


class Owner:
    """Owner of a loaded attribute."""


def two(paths):
    for path in paths:
        path.write_text(path.name)


WRONG = [
    (
        lambda: ppg.FileGeneratingJob("a", lambda *, name: name),
        ("a: the function needs the keyword argument 'name', which ppg would not pass; give it a default"),
    ),
    (
        lambda: ppg.FileGeneratingJob("a", Owner),
        ("a: the function must be a function, but is the class Owner; write a function that calls it"),
    ),
    (lambda: ppg.FileGeneratingJob(Bytes(), print), "must be a str or a Path of text, not of bytes: "),
    (lambda: ppg.FileGeneratingJob("\ud800", print), "; use characters that UTF-8 can encode"),
    (
        lambda: ppg.MultiFileGeneratingJob(["a", "./a"], two),
        "MultiFileGeneratingJob: the file 'a' is named twice; name it once",
    ),
    (
        lambda: ppg.AttributeLoadingJob("load", Owner(), "not a name", lambda: 1),
        "AttributeLoadingJob 'load': 'not a name' is no attribute's name; use a Python identifier",
    ),
    (
        lambda: ppg.AttributeLoadingJob("load", Owner(), "data", lambda value: value),
        (
            "AttributeLoadingJob 'load': the callback is called without arguments, but needs one; "
            "give its parameter a default"
        ),
    ),
    (
        lambda: ppg.DictEntryLoadingJob("load", [], "key", lambda: 1),
        "DictEntryLoadingJob 'load': dictionary must be a dictionary, not []",
    ),
    (
        lambda: ppg.ParameterInvariant("p", 1).depends_on(ppg.ParameterInvariant("q", 1)),
        "cannot depend on anything: it only observes. Let the jobs that depend on it depend on both",
    ),
    (
        lambda: ppg.ExternalJob("a", ["x"], stdin=ppg.MultiFileGeneratingJob(["b", "c"], two)),
        "ExternalJob 'a': stdin must be one file, but <MultiFileGeneratingJob 'b:c'> makes 2",
    ),
    (lambda: ppg.ExternalJob("a", ["x"], stdin="a"), "which is one of its outputs; let it read another file"),
    (
        lambda: ppg.ExternalJob("a", ["x"], environment={"A=": "1"}),
        "environment cannot have 'A=': '1'; a name has no '=', and no text has a NUL",
    ),
    (
        lambda: ppg.new_pipegraph(quiet=True).job("lost"),
        (
            "There is no job 'lost' in this pipegraph, and no job makes that file; "
            "declare it first, or correct the name"
        ),
    ),
]


@pytest.mark.parametrize(("declare", "message"), WRONG)
def test_what_is_wrong_with_a_declaration_is_said_with_its_remedy(graph, declare, message):
    with pytest.raises((TypeError, ValueError, ppg.PyPipelineGraphError)) as caught:
        declare()
    assert message in str(caught.value)


def test_a_job_that_the_run_did_not_have_is_named(run):
    result = run(lambda: ppg.FileGeneratingJob("a", lambda path: path.write_text("a")))
    with pytest.raises(ppg.PyPipelineGraphError, match="The run had no job 'b'; correct the name"):
        result.outcome("b")
    with pytest.raises(KeyError):
        result["b"]


def generate_twice():
    ppg.MultiFileGeneratingJob(["a", "b"], two)
    ppg.FileGeneratingJob("a", lambda path: path.write_text("a"))


def generate_again():
    ppg.FileGeneratingJob("a", lambda path: path.write_text("a"))


def test_two_generated_jobs_with_one_file_are_named_with_the_remedy(failing_run):
    error, _ = failing_run(lambda: ppg.JobGeneratingJob("generator", generate_twice))
    assert re.search(
        "'generator': .*the file 'a': .*'a:b'.* and .*'a'.*; give one of them another file", str(error)
    )


def test_a_generated_job_with_a_file_of_another_job_is_named_with_the_remedy(failing_run):
    def declare():
        ppg.MultiFileGeneratingJob(["a", "b"], two)
        ppg.JobGeneratingJob("generator", generate_again)

    error, _ = failing_run(declare)
    assert re.search(
        "'generator': .*the file 'a': .*the generated .*; give one of them another file", str(error)
    )


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda job: job.pipegraph.result,
            "A job's callback cannot run jobs, so it has no result of them; ask the script's pipegraph, after its run",
        ),
        (
            lambda job: job.pipegraph.job("lost"),
            "There is no job 'lost' among those that this callback declared; declare it first",
        ),
    ],
)
def test_what_a_callback_cannot_ask_of_the_jobs_that_it_declares_is_told(failing_run, ask, message):
    error, _ = failing_run(
        lambda: ppg.FileGeneratingJob("a", lambda: ask(ppg.FileGeneratingJob("inner", lambda path: None)))
    )
    assert f"'a': PyPipelineGraphError: {message}" in str(error)


def test_an_invariant_that_cannot_observe_is_told_so(graph):
    class Blind(ppg.Job):
        __slots__ = ()
        kind = NodeKind.INVARIANT

    ppg.FileGeneratingJob("a", lambda path: path.write_text("a")).depends_on(Blind("blind", None))
    with pytest.raises(ppg.PyPipelineGraphError) as caught:
        graph.run()
    assert "'blind' cannot be observed: Blind defines no observe; define it" in str(caught.value)


def test_a_tool_that_the_system_cannot_execute_is_told_with_the_remedy(failing_run, folder):
    tool = Path("tool")
    tool.write_text("no program")
    tool.chmod(0o755)
    error, _ = failing_run(
        lambda: ppg.FileGeneratingJob("a", lambda path: path.write_text("a")).depends_on(
            ppg.ToolVersionInvariant(["./tool"])
        )
    )
    assert "the tool './tool' cannot be started: " in str(error)
    assert "; see that it may be executed" in str(error)
