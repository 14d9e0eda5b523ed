"""Loads that bind globals of the script, or variables of a function around them: which jobs read what."""

import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import os, signal
import multiprocessing
from pathlib import Path
import ppg

graph = ppg.new_pipegraph(ppg.LocalSystem(start_method="{start_method}"), quiet=True)

def write(name, function, *needed, **options):
    job = ppg.FileGeneratingJob(name, lambda path: path.write_text(str(function())), **options)
    return job.depends_on(*needed)

def load(name, function, *needed, **options):
    return ppg.DataLoadingJob(name, function, **options).depends_on(*needed)

"""


@pytest.fixture(params=["forkserver", "fork"])
def script(request, folder):
    """Runs a script with plain Python; gives what is in the files that it names, and what it printed."""

    def run(text, *names, code=0):
        prelude = PRELUDE.format(start_method=request.param)
        (folder / "script.py").write_text(prelude + textwrap.dedent(text))
        ended = subprocess.run(
            [sys.executable, "script.py"], capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == code, ended.stderr
        assert ended.stdout == ""
        return {name: (folder / name).read_text() for name in names}

    return run


def test_a_global_that_a_load_binds_is_read_by_jobs_and_the_script_never_has_it(script):
    assert script(
        """
        genome = None
        def load_genome():
            global genome, only_loaded
            genome = "ACGT"
            only_loaded = "new"
        def length():
            return len(genome)
        def through_another():
            return length()
        loaded = load("load", load_genome)
        write("lambda", lambda: genome, loaded)
        write("function", length, loaded)
        write("indirect", through_another, loaded)
        write("new", lambda: only_loaded, loaded)
        write("many", lambda: genome, loaded, *(write(str(n), lambda: genome, loaded) for n in range(20)))
        ppg.run_pipegraph()
        assert genome is None
        assert "only_loaded" not in globals()
        """,
        "lambda", "function", "indirect", "new", "many",
    ) == {"lambda": "ACGT", "function": "4", "indirect": "4", "new": "new", "many": "ACGT"}  # fmt: skip


def test_a_global_that_a_load_adds_to_or_deletes_is_so_for_its_jobs_and_for_the_next_load(script):
    assert script(
        """
        total, names, text, gone = 1, ["a"], "a", "still there"
        def first():
            global total, names, text, gone
            total += 10
            names += ["b"]
            text += "b"
            del gone
        def second():
            global total, text
            total += 100
            text += "c"
        one = load("one", first)
        write("between", lambda: (total, names, text), one)
        two = load("two", second, one)
        write("after", lambda: (total, names, text, "gone" in globals()), two)
        ppg.run_pipegraph()
        assert (total, names, text, gone) == (1, ["a"], "a", "still there")
        """,
        "after",
    ) == {"after": "(111, ['a', 'b'], 'abc', False)"}  # fmt: skip


def test_a_global_that_a_load_binds_by_its_name_only_is_read_by_jobs(script):
    assert script(
        """
        table = matrix = rows = None
        def through_globals():
            globals()["table"] = "loaded"
            exec("matrix = 'too'", globals())
            import __main__
            __main__.rows = "also"
        loaded = load("load", through_globals)
        write("all", lambda: (table, matrix, rows), loaded)
        def main_module():
            import __main__
            return __main__.table
        write("module", main_module, loaded)
        ppg.run_pipegraph()
        """,
        "all", "module",
    ) == {"all": "('loaded', 'too', 'also')", "module": "loaded"}  # fmt: skip


def test_a_global_of_main_that_a_module_of_the_project_binds_first_is_read_by_jobs(script, folder):
    (folder / "project.py").write_text(
        "TABLE = None\n"
        "def load():\n    global TABLE\n    TABLE = 'of the module'\n"
        "def table():\n    return TABLE\n"
        "def load_into_main():\n    import __main__\n    __main__.rows = 'of main'\n"
    )
    assert script(
        """
        import project
        rows = None
        loaded = ppg.DataLoadingJob("load", project.load)
        into_main = ppg.DataLoadingJob("main", project.load_into_main)
        write("module", project.table, loaded)
        write("attribute", lambda: project.TABLE, loaded)
        write("main.txt", lambda: rows, into_main)
        ppg.run_pipegraph()
        """,
        "module", "attribute", "main.txt",
    ) == {"module": "of the module", "attribute": "of the module", "main.txt": "of main"}  # fmt: skip


def test_a_variable_that_a_load_binds_by_nonlocal_is_read_by_jobs(script):
    assert script(
        """
        def define():
            genome, count, never = None, 1, None
            def load_genome():
                nonlocal genome, count
                genome = "ACGT"
                count += 1
            def add():
                def inner():
                    nonlocal count
                    count += 10
                inner()
            one = load("one", load_genome)
            two = load("two", add, one)
            write("nonlocal", lambda: (genome, count, never), two)
            def check():
                add()
                return count
            write("own", check, two)
            ppg.run_pipegraph()
            assert (genome, count) == (None, 1)
        define()
        """,
        "nonlocal", "own",
    ) == {"nonlocal": "('ACGT', 12, None)", "own": "22"}  # fmt: skip


def test_a_variable_that_a_load_fills_or_deletes_is_so_for_its_jobs(script):
    assert script(
        """
        def define():
            late, gone = None, "there"
            def fill():
                nonlocal late, gone
                late = fill  # which is in a variable, too
                del gone
            def look():
                try:
                    return gone
                except NameError:
                    return late.__name__
            write("look", look, load("load", fill))
        define()
        ppg.run_pipegraph()
        """,
        "look",
    ) == {"look": "fill"}  # fmt: skip


def test_generators_and_the_jobs_that_they_define_read_what_a_load_has_bound(script):
    assert script(
        """
        genome = None
        def define():
            table = None
            def load_both():
                global genome
                nonlocal table
                genome, table = "ACGT", "rows"
            def generate():
                write("generated", lambda: (genome, table, seen))
                def again():
                    write("nested", lambda: (genome, table))
                ppg.JobGeneratingJob("again", again)
                rows = None
                def load_rows():
                    global genome
                    nonlocal rows, table
                    rows = genome = genome + "!"
                    table += "?"
                own = load("own", load_rows)
                write("of own", lambda: (genome, table, rows), own)
                seen = genome, table
            loaded = load("load", load_both)
            ppg.JobGeneratingJob("generate", generate).depends_on(loaded)
            write("last", lambda: genome[:4], loaded)
        define()
        ppg.run_pipegraph()
        """,
        "of own", "last",
    ) == {"of own": "('ACGT!', 'rows?', 'ACGT!')", "last": "ACGT"}  # fmt: skip


def test_what_loads_have_bound_is_so_again_after_the_death_of_the_node(script):
    assert script(
        """
        total = 1
        def define():
            count = 1
            def add():
                global total
                nonlocal count
                total += 1
                count += 1
            def kill():
                if not Path("killed").exists():
                    Path("killed").touch()
                    os.kill(os.getppid(), signal.SIGKILL)
                return total, count
            loaded = load("load", add)
            killed = write("kill", kill, loaded, retries=1)
            write("after", lambda: (total, count), loaded, killed)
        define()
        ppg.run_pipegraph()
        """,
        "kill", "after",
    ) == {"kill": "(2, 2)", "after": "(2, 2)"}  # fmt: skip


def test_processes_that_a_job_starts_find_what_a_load_has_bound(script):
    assert script(
        """
        table = None
        def bind():
            global table
            table = 6
        def times(n):
            return n * table
        def work():
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(times, [1, 2])
        write("pool", work, load("load", bind))
        ppg.run_pipegraph()
        """,
        "pool",
    ) == {"pool": "[6, 12]"}  # fmt: skip


def test_what_a_load_binds_makes_no_job_stale(script, folder):
    text = """
        table = None
        def bind():
            global table
            table = "loaded"
        def define():
            rows = None
            def bind_rows():
                nonlocal rows
                rows = "rows"
            loaded = load("load", bind), load("rows", bind_rows)
            def count():
                with open("runs", "a") as file:
                    file.write(".")
                return table, rows
            write("out", count, *loaded)
        define()
        ppg.run_pipegraph()
        """
    for _ in range(2):
        script(text)
    assert (folder / "runs").read_text() == "."


def test_a_job_in_a_fresh_process_reads_what_the_script_has(script):
    assert script(
        """
        table = "of the script"
        def bind():
            global table
            table = "loaded"
        write("fresh", lambda: table, load("load", bind), isolation="fresh")
        ppg.run_pipegraph()
        """,
        "fresh",
    ) == {"fresh": "of the script"}  # fmt: skip


def test_a_union_type_that_a_job_captures_arrives_and_a_change_of_it_counts(script, folder):
    text = """
        def define(kind, other):
            def generate():
                write("generated", lambda: (kind, other))
            ppg.JobGeneratingJob("generate", generate)
            def count():
                with open("runs", "a") as file:
                    file.write(".")
                return kind, other
            write("captured", count)
        define({kind}, list[int] | None)
        ppg.run_pipegraph()
        """
    for kind in ("int | None", "None | int", "str | None"):
        found = script(text.format(kind=kind), "captured", "generated")
    assert found == dict.fromkeys(("captured", "generated"), "(str | None, list[int] | None)")
    assert (folder / "runs").read_text() == ".."
