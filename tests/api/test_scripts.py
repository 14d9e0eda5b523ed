"""Scripts that run by themselves, as `python script.py`: what their functions may do in job processes."""

import subprocess
import sys
import textwrap


def run_script(folder, text):
    (folder / "script.py").write_text(textwrap.dedent(text))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_job_may_use_multiprocessing_on_functions_and_classes_of_the_script(tmp_path):
    run_script(
        tmp_path,
        """
        import multiprocessing
        import ppg

        class Number:
            def __init__(self, value):
                self.value = value

        def square(number):
            return Number(number.value ** 2)

        def compute(path):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                squares = pool.map(square, [Number(i) for i in range(5)])
            path.write_text(str([number.value for number in squares]))

        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("out", compute)
        ppg.run_pipegraph()
        """,
    )
    assert (tmp_path / "out").read_text() == "[0, 1, 4, 9, 16]"


def test_a_run_imports_of_the_standard_library_only_what_it_needs(tmp_path):
    """Jobs need an executor, and with it much of the library; a run that finds all up to date needs neither."""
    script = """
        import sys

        brought_by_the_interpreter = set(sys.modules)
        import ppg

        def write(path):
            path.write_text(str(len(path.name)))

        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("lambda", lambda path: path.write_text("x"))
        ppg.FileGeneratingJob("function", write).depends_on_params({"a": 1.5})
        print(sorted(ppg.run_pipegraph().ran))
        print(*set(sys.modules) - brought_by_the_interpreter)
        """
    ran, imported = run_script(tmp_path, script).stdout.splitlines()
    assert ran == "['function', 'lambda']"
    assert "ppg_exec.controller.local" in imported.split()
    assert not {"difflib", "ppg.jobs.tool_version"} & set(imported.split())
    ran, imported = run_script(tmp_path, script).stdout.splitlines()
    assert ran == "[]"
    unneeded = "bz2 decimal difflib fractions heapq locale lzma numbers platform random shutil statistics"
    unneeded += " subprocess tempfile uuid zlib ppg_exec.controller.local"
    assert not set(unneeded.split()) & set(imported.split())


def test_without_a_pipegraph_a_script_gets_an_error_that_says_to_make_one(folder):
    for line in ('ppg.FileGeneratingJob("a", print)', "ppg.run_pipegraph()", "ppg.run()"):
        ended = subprocess.run(
            [sys.executable, "-c", f"import ppg; {line}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "PyPipelineGraphError" in ended.stderr
        assert "call ppg.new_pipegraph()" in ended.stderr


def test_the_original_thirty_second_example_works_as_a_script(folder):
    (folder / "example.py").write_text(
        """
import ppg as pypipegraph

pypipegraph.new_pipegraph()


def write():
    with open("output_filename.txt", "w") as op:
        op.write("hello world")


job = pypipegraph.FileGeneratingJob("output_filename.txt", write)
job.depends_on(pypipegraph.ParameterInvariant("parameter", (1, "two")))
pypipegraph.run()
"""
    )
    for counted in ("1 ran, 0 up to date", "0 ran, 1 up to date"):
        ended = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, timeout=120, check=True
        )
        assert counted in ended.stderr
    assert (folder / "output_filename.txt").read_text() == "hello world"
