"""A loop variable that is captured late: what goes wrong is told by the variable's name, with the way to write it."""

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import ppg
from ppg.outcomes.hints import late_variable


def told(error, job_id):
    exception = error.exceptions[job_id]
    assert isinstance(exception, ppg.JobContractError)
    return str(exception)


def test_two_jobs_that_write_one_file_name_the_captured_variable_and_the_idiom(failing_run, folder):
    def declare():
        for name in ["a", "b"]:
            ppg.FileGeneratingJob(f"{name}.txt", lambda: Path(f"{name}.txt").write_text("x"))  # noqa: B023

    # One after the other: side by side, one could empty the file just as the other is done with it.
    error, _ = failing_run(declare, resource_coordinator=ppg.LocalSystem(max_cores_to_use=1))
    assert list(error.exceptions) == ["a.txt"]
    message = told(error, "a.txt")
    assert "the variable 'name' ('b')" in message
    assert "that of 'b.txt'" in message
    assert "lambda name=name: ..." in message


def test_the_idiom_that_is_shown_works(run, folder):
    def declare():
        for name in ["a", "b"]:
            ppg.FileGeneratingJob(f"{name}.txt", lambda name=name: Path(f"{name}.txt").write_text(name))

    run(declare)
    assert (folder / "a.txt").read_text() == "a"


def test_a_variable_of_the_script_itself_is_found_too(folder):
    script = """
        import ppg
        from pathlib import Path

        LAST = 3
        ppg.new_pipegraph(quiet=True)
        for number in range(LAST):
            def write(path):
                with open(f"out{number}", "w") as file:
                    print(number, file=file)
            ppg.FileGeneratingJob(f"out{number}", write)
        try:
            ppg.run()
        except ppg.RuntimeError as error:
            print(error.exceptions["out0"])
        """
    (folder / "script.py").write_text(textwrap.dedent(script))
    message = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, timeout=120
    ).stdout
    assert "the variable 'number' (2)" in message
    assert "def write(path, number=number): ..." in message


@dataclass
class Sample:
    name: str
    reads: int = 5


def test_an_object_is_recognised_by_what_it_holds_and_a_decorated_function_as_well(failing_run):
    def declare():
        for sample in [Sample("one"), Sample("two")]:

            @ppg.file(f"{sample.name}.counts")
            def count():
                Path(f"{sample.name}.counts").write_text("x")  # noqa: B023

    error, _ = failing_run(declare)
    assert "the variable 'sample' (Sample(" in told(error, "one.counts")
    assert "def count(sample=sample): ..." in told(error, "one.counts")


def test_a_name_that_is_part_of_another_one_is_distinguished(failing_run):
    def declare():
        for name in ["abc", "ab"]:
            ppg.FileGeneratingJob(f"{name}.txt", lambda: Path(f"{name}.txt").write_text("x"))  # noqa: B023

    error, _ = failing_run(declare)
    assert "the variable 'name' ('ab')" in told(error, "abc.txt")


def test_a_function_that_forgets_its_file_is_not_accused_of_it(failing_run):
    def declare():
        folder = "results"
        for name in ["a", "b"]:
            ppg.FileGeneratingJob(f"{folder}/{name}", lambda path: print(folder))
        for name in ["c", "d"]:
            ppg.FileGeneratingJob(name, lambda path, name=name: print(name))

    error, _ = failing_run(declare)
    assert set(error.exceptions) == {"results/a", "results/b", "c", "d"}
    for job_id in error.exceptions:
        assert "variable" not in told(error, job_id)


def test_generated_jobs_are_reported_as_well(failing_run):
    def declare():
        def generate():
            for name in ["a", "b"]:
                ppg.FileGeneratingJob(f"{name}.txt", lambda: Path(f"{name}.txt").write_text("x"))  # noqa: B023

        ppg.JobGeneratingJob("generator", generate)

    error, _ = failing_run(declare)
    assert "'name'" in told(error, "a.txt")


def test_many_failures_of_that_kind_are_reported_without_looking_at_all_jobs_for_each(failing_run):
    def declare():
        for number in range(3000):
            ppg.MultiFileGeneratingJob([f"{number}"], lambda: None)

    graph = ppg.new_pipegraph(quiet=True)
    declare()
    looked = 0
    original = graph._jobs

    class Counting(list):
        def __iter__(self):
            nonlocal looked
            for job in list.__iter__(self):
                looked += 1
                yield job

    graph._jobs = Counting(original)
    assert late_variable(graph.job("0")) is None
    assert looked < 3000


@pytest.mark.parametrize("callback", [print, Path("x").write_text, lambda: None])
def test_functions_without_variables_are_no_trouble(callback, folder):
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", lambda: callback)
    assert late_variable(job) is None
