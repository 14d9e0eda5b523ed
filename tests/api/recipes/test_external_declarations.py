"""Jobs of programs that are temporary, generated, or declared wrongly."""

import os
from pathlib import Path

import pytest

import ppg


def test_a_temporary_file_of_a_program_is_made_when_needed_and_removed(run, folder):
    def declare(word):
        middle = ppg.TempExternalJob("middle", ["echo", "middle"], stdout="middle")
        ppg.ExternalJob("out", ["sh", "-c", f"cat middle > out; echo {word} >> out"]).depends_on(middle)

    run(lambda: declare("a"))
    assert (folder / "out").read_text() == "middle\na\n"
    assert not (folder / "middle").exists()
    assert run(lambda: declare("a")).ran == []
    assert run(lambda: declare("b")).ran == ["middle", "out"]


def test_a_generator_can_declare_programs(run, folder):
    (folder / "input").write_text("input")

    def declare(word):
        def generate():
            made = ppg.ExternalJob("made", ["echo", word], stdout="made")
            ppg.ExternalJob(
                "out",
                ["cat", Path("input"), made, Path("late")],
                stdout="out",
                version=["sh", "-c", "echo 1"],
            )
            ppg.ExternalJob("late", ["echo", "late"], stdout="late")

        ppg.JobGeneratingJob("generator", generate)

    assert sorted(run(lambda: declare("a")).ran) == ["generator", "late", "made", "out"]
    assert (folder / "out").read_text() == "inputa\nlate\n"
    assert run(lambda: declare("a")).ran == ["generator"]
    (folder / "input").write_text("other")
    assert sorted(run(lambda: declare("b")).ran) == ["generator", "made", "out"]


def test_the_same_command_twice_is_one_job_and_another_one_an_error(folder):
    ppg.new_pipegraph(quiet=True)
    job = ppg.ExternalJob("out", ["echo", "x"], stdout="out")
    assert ppg.ExternalJob("out", ["echo", "x"], stdout="out") is job
    for changed in ({"command": ["echo", "y"]}, {"success": [1]}, {"version": ["x"]}, {"timeout": 3}):
        with pytest.raises(ppg.JobContractError, match=next(iter(changed))):
            ppg.ExternalJob("out", **({"command": ["echo", "x"], "stdout": "out"} | changed))


def test_a_file_observed_by_its_time_is_not_observed_by_its_content_as_well(run, folder):
    (folder / "input").write_text("x")

    def declare():
        ppg.FileTimeInvariant("input")
        return ppg.ExternalJob("out", ["cat", Path("input")], stdout="out")

    run(declare)
    os.utime(folder / "input", ns=(1, 1))
    assert run(declare).ran == ["out"]


@pytest.mark.parametrize(
    ("declare", "error", "named"),
    [
        (lambda: ppg.ExternalJob("a", "sort b"), TypeError, "shell=True"),
        (lambda: ppg.ExternalJob("a", []), ValueError, "program"),
        (lambda: ppg.ExternalJob("a", [""]), ValueError, "program"),
        (lambda: ppg.ExternalJob("a", [None]), ValueError, "program"),
        (lambda: ppg.ExternalJob("a", 3), TypeError, "command"),
        (lambda: ppg.ExternalJob("a", ["x", True]), TypeError, "True"),
        (lambda: ppg.ExternalJob("a", ["x", ["y"]]), TypeError, "list"),
        (lambda: ppg.ExternalJob("a", ["x", "\0"]), ValueError, "NUL"),
        (lambda: ppg.ExternalJob("a", ["x"], stdout="b"), ValueError, "none of its outputs"),
        (lambda: ppg.ExternalJob("a", ["x"], success=0), TypeError, "success"),
        (lambda: ppg.ExternalJob("a", ["x"], success=[]), ValueError, "success"),
        (lambda: ppg.ExternalJob("a", ["x"], success=[256]), ValueError, "success"),
        (lambda: ppg.ExternalJob("a", ["x"], environment=["A=1"]), TypeError, "environment"),
        (lambda: ppg.ExternalJob("a", ["x"], environment={"A": 1}), TypeError, "environment"),
        (lambda: ppg.ExternalJob("a", ["x"], environment={"A=": "1"}), ValueError, "environment"),
        (lambda: ppg.ExternalJob("a", ["x"], version="x --version"), TypeError, "command must be a list"),
        (lambda: ppg.ExternalJob("a", ["x"], version=[]), TypeError, "command"),
        (lambda: ppg.ExternalJob("a", ["x", ppg.DataLoadingJob("l", print)]), TypeError, "makes no files"),
        (lambda: ppg.ExternalJob("a", ["x"], stdin=["b"]), TypeError, "stdin"),
        (lambda: ppg.ExternalJob("a", ["x"], stdin="./a"), ValueError, "one of its outputs"),
        (lambda: ppg.ExternalJob([], ["x"]), ValueError, "filenames"),
        (lambda: ppg.ExternalJob(3, ["x"]), TypeError, "filenames"),
        (lambda: ppg.ExternalJob(["a", "./a"], ["x"]), ValueError, "twice"),
        (lambda: ppg.ExternalJob("a", ["x"], working_directory=3), TypeError, "working_directory"),
    ],
)
def test_a_wrong_argument_is_named_at_the_definition(folder, declare, error, named):
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(error, match=named):
        declare()


def test_a_job_of_another_pipegraph_is_refused(folder, writer):
    ppg.new_pipegraph(quiet=True)
    old = ppg.FileGeneratingJob("a", writer("a"))
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.PyPipelineGraphError, match="another pipegraph"):
        ppg.ExternalJob("b", ["cat", old], stdout="b")
