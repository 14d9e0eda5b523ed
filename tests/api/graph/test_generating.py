"""Generators: jobs that declare jobs while the graph runs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ppg
from tests.fakes import RecordingFrontend


def test_generated_jobs_run_in_the_same_run_and_are_remembered(run, writer, account, folder):
    def generate():
        for name in "xy":
            ppg.FileGeneratingJob(name, writer(name))

    def declare():
        ppg.JobGeneratingJob("generator", generate)

    result = run(declare)
    assert account.taken() == ["x", "y"]
    assert result.ran == ["generator", "x", "y"]
    result = run(declare)
    assert account.taken() == []
    assert result.ran == ["generator"]
    assert result.up_to_date == ["x", "y"]


def test_generated_jobs_depend_on_each_other_on_old_jobs_and_on_files(run, writer, account, folder):
    (folder / "input").write_text("in")

    def declare():
        old = ppg.FileGeneratingJob("old", writer("O"))

        def generate():
            first = ppg.FileGeneratingJob("first", writer("F")).depends_on(old).depends_on_file("input")
            second = ppg.FileGeneratingJob("second", writer("S")).depends_on(first).depends_on_params(1)
            ppg.FileGeneratingJob("third", writer("T")).depends_on([second, "old"])

        ppg.JobGeneratingJob("generator", generate)

    result = run(declare)
    assert account.taken() == ["first", "old", "second", "third"]
    assert result["third"].was_run
    (folder / "input").write_text("other")
    (folder / "old").unlink()
    run(declare)
    assert account.taken() == ["first", "old"]


def test_a_generator_uses_loaded_data_and_its_jobs_find_it_too(run, account, folder):
    class Genome:
        pass

    genome = Genome()

    def declare():
        load = ppg.AttributeLoadingJob("load", genome, "names", lambda: ["x", "y"])

        def generate():
            for i, name in enumerate(genome.names):
                ppg.FileGeneratingJob(name, lambda path, i=i: path.write_text(genome.names[i])).depends_on(
                    load
                )

        ppg.JobGeneratingJob("generator", generate).depends_on(load)

    run(declare)
    assert (folder / "x").read_text() == "x"
    assert (folder / "y").read_text() == "y"
    assert not hasattr(genome, "names")


def test_dependencies_are_injected_into_jobs_that_depend_on_the_generator(run, writer, account, folder):
    def declare(text):
        user = ppg.FileGeneratingJob("user", lambda path: path.write_text((folder / "injected").read_text()))

        def inject():
            user.depends_on(ppg.FileGeneratingJob("injected", writer(text)))

        user.depends_on(ppg.DependencyInjectionJob("injector", inject))

    run(lambda: declare("1"))
    assert (folder / "user").read_text() == "1"
    assert run(lambda: declare("1")).ran == ["injector"]
    run(lambda: declare("2"))
    assert (folder / "user").read_text() == "2"


@pytest.mark.parametrize("shape", ["one", "nested", "set", "file"])
def test_what_an_injection_returns_all_jobs_directly_downstream_depend_on(run, folder, account, shape):
    """The idiom of pypipegraph: the callback reports the jobs, and says `depends_on` of none."""

    def declare(text):
        known = ppg.FileGeneratingJob("known", lambda path: path.write_text(text))

        def inject():
            made = ppg.MultiFileGeneratingJob(
                ["x", "y"], lambda paths: [path.write_text(text) for path in paths]
            )
            match shape:
                case "one":
                    return made
                case "file":
                    return made["x"]
                case "set":
                    return {made, known, users[0]}
                case _:
                    return [None, {"made": made}, (known, users, 3)]

        injector = ppg.DependencyInjectionJob("injector", inject)
        users = []
        for name in ("a", "b"):

            def use(path, name=name):
                account.ran(name)
                path.write_text((folder / "x").read_text())

            users.append(ppg.FileGeneratingJob(name, use).depends_on(injector))
        below = ppg.FileGeneratingJob("below", lambda path: path.write_text("B")).depends_on(users)
        return below, known

    run(lambda: declare("1"))
    assert account.taken() == ["a", "b"]
    assert (folder / "a").read_text() == (folder / "b").read_text() == "1"
    assert run(lambda: declare("1")).ran == ["injector"]
    jobs = []
    run(lambda: jobs.extend(declare("2")))
    below, known = jobs
    assert account.taken() == ["a", "b"]
    assert (folder / "a").read_text() == "2"
    assert "x:y" not in map(str, below.upstreams)
    downstream = [str(job) for job in known.downstreams]
    assert downstream == ([] if shape in {"one", "file"} else ["a", "b"])


def test_what_other_generators_return_means_nothing(run, writer, account):
    def declare():
        generator = ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("made", writer("M")))
        ppg.FileGeneratingJob("user", writer("U")).depends_on(generator)

    run(declare)
    made = ppg.current_pipegraph().job("made")
    assert list(made.downstreams) == []


def test_a_dependency_of_a_job_that_does_not_depend_on_the_generator_breaks_the_contract(
    failing_run, writer, account, folder
):
    def declare():
        other = ppg.FileGeneratingJob("other", writer("O"))

        def inject():
            other.depends_on(ppg.FileGeneratingJob("injected", writer("I")))

        ppg.JobGeneratingJob("generator", inject)

    error, graph = failing_run(declare)
    assert "injected" not in graph, "nothing of what it made is added"
    assert isinstance(error.exceptions["generator"], ppg.JobContractError)
    assert "'other' does not depend on 'generator'" in str(error.exceptions["generator"])
    assert account.taken() == ["other"]


def test_of_a_generator_that_raises_after_making_jobs_nothing_is_added(failing_run, writer, account):
    def declare():
        def generate():
            ppg.FileGeneratingJob("x", writer("X"))
            raise ValueError("too bad")

        ppg.JobGeneratingJob("generator", generate)
        ppg.FileGeneratingJob("other", writer("O"))

    error, graph = failing_run(declare)
    assert isinstance(error.exceptions["generator"], ValueError)
    assert account.taken() == ["other"]
    assert "x" not in graph


def test_a_changed_generator_that_makes_the_same_graph_makes_nothing_stale(run, writer, account):
    def declare(number):
        def generate():
            assert number
            ppg.FileGeneratingJob("x", writer("X"))

        generator = ppg.JobGeneratingJob("generator", generate)
        ppg.FileGeneratingJob("after", writer("A")).depends_on(generator)

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(2))
    assert account.taken() == []


def test_a_generated_job_that_the_script_has_declared_differently_breaks_the_contract(failing_run, writer):
    def declare():
        ppg.FileGeneratingJob("x", writer("X"))
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("x", writer("Y")))

    error, _graph = failing_run(declare)
    assert isinstance(error.exceptions["generator"], ppg.JobContractError)


def test_a_generated_job_that_the_script_has_declared_alike_is_that_job(run, writer, account):
    def declare():
        ppg.FileGeneratingJob("x", writer("X"))
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("x", writer("X")))

    run(declare)
    assert account.taken() == ["x"]


def test_an_impossible_request_of_a_generated_job_fails_that_job(failing_run, writer, account):
    def declare():
        def generate():
            ppg.FileGeneratingJob("x", writer("X")).use_cores(100)
            ppg.FileGeneratingJob("y", writer("Y"))

        ppg.JobGeneratingJob("generator", generate)

    error, _graph = failing_run(declare, resource_coordinator=ppg.LocalSystem(max_cores_to_use=2))
    assert list(error.exceptions) == ["x"]
    assert account.taken() == ["y"]


def test_a_job_in_a_circle_made_by_a_generator_breaks_the_contract(failing_run, writer):
    def declare():
        def generate():
            x = ppg.FileGeneratingJob("x", writer("X"))
            y = ppg.FileGeneratingJob("y", writer("Y")).depends_on(x)
            x.depends_on(y)

        ppg.JobGeneratingJob("generator", generate)

    error, _graph = failing_run(declare)
    assert "cycle" in str(error.exceptions["generator"])


def test_a_generator_runs_in_a_fork_of_the_process_that_holds_the_loaded_data(run, folder):
    place = {}

    def load():
        place["node"] = os.getpid()

    def declare():
        def generate():
            told = f"{os.getppid() == place['node']} {os.getpid() != place['node']}"
            ppg.FileGeneratingJob("a", lambda path: path.write_text(told))

        ppg.JobGeneratingJob("generator", generate).depends_on(ppg.DataLoadingJob("load", load))

    run(declare)
    assert (folder / "a").read_text() == "True True"
    assert place == {}


def test_generators_are_nested_as_deep_as_one_likes(run, writer, account):
    depth = 6

    def declare():
        def descend(level):
            if level == depth:
                ppg.FileGeneratingJob("bottom", writer("B"))
            else:
                ppg.JobGeneratingJob(f"level {level}", lambda: descend(level + 1))

        descend(0)

    assert run(declare).ran == [f"level {level}" for level in range(depth)] + ["bottom"]
    assert account.taken() == ["bottom"]
    assert run(declare).up_to_date == ["bottom"]


def test_the_code_of_a_generator_is_observed_by_an_invariant_that_the_graph_shows(folder):
    graph = ppg.new_pipegraph(quiet=True)
    generators = [
        ppg.JobGeneratingJob("generator", lambda: None),
        ppg.DependencyInjectionJob("injector", lambda: None),
    ]
    graph.run()
    for generator in generators:
        (invariant,) = generator.upstreams
        assert isinstance(invariant, ppg.FunctionInvariant)
        assert invariant.function is generator.callback


def test_a_dependency_of_a_job_that_was_done_before_the_generator_ran_breaks_the_contract(
    failing_run, run, writer, account
):
    def declare(*, wrongly):
        done = ppg.FileGeneratingJob("done", writer("D"))

        def generate():
            new = ppg.FileGeneratingJob("new", writer("N"))
            if wrongly:
                done.depends_on(new)

        generator = ppg.JobGeneratingJob("generator", generate).depends_on(done)
        ppg.FileGeneratingJob("after", writer("A")).depends_on(generator)

    error, graph = failing_run(lambda: declare(wrongly=True))
    assert isinstance(error.exceptions["generator"], ppg.JobContractError)
    assert "'done'" in str(error.exceptions["generator"])
    assert "new" not in graph, "nothing of what it made is added"
    assert all(isinstance(job, ppg.FunctionInvariant) for job in graph.job("done").upstreams)
    assert account.taken() == ["done"]
    run(lambda: declare(wrongly=False))
    assert account.taken() == ["after", "new"]


def test_generators_that_declare_the_same_job_may_end_at_the_same_moment(folder):
    """The main process is held up until both generators are gone, so it finds both of their ends at once."""
    graph = ppg.new_pipegraph(ppg.LocalSystem(2), quiet=True)

    def generate(name):
        ppg.FileGeneratingJob("out", lambda path: path.write_text("x"))
        (folder / f"pid of {name}").write_text(f"{os.getpid()} ")

    for name in ("first", "second"):
        ppg.JobGeneratingJob(name, lambda name=name: generate(name))

    def hold_up(event):
        if isinstance(event, ppg.JobStarted) and event.job_id == "second":
            for path in (folder / "pid of first", folder / "pid of second"):
                while not path.exists() or not path.read_text().endswith(" "):
                    time.sleep(0.001)
                while Path("/proc", path.read_text().strip()).exists():
                    time.sleep(0.001)

    result = graph.run(frontend=RecordingFrontend(hold_up))
    assert sorted(result.ran) == ["first", "out", "second"]


def test_a_generator_that_makes_fewer_jobs_than_last_time_leaves_the_others_alone(
    run, writer, account, folder
):
    def declare(names):
        def generate():
            for name in names:
                ppg.FileGeneratingJob(name, writer(name))

        ppg.JobGeneratingJob("generator", generate)

    run(lambda: declare("xy"))
    account.taken()
    assert run(lambda: declare("y")).ran == ["generator"]
    assert (folder / "x").read_text() == "x"
    assert run(lambda: declare("xy")).ran == ["generator"]
    assert account.taken() == []


NESTED = """
import sys
import ppg

def generator(depth):
    def generate():
        if depth:
            ppg.JobGeneratingJob(f"g{depth - 1}", generator(depth - 1))
        else:
            ppg.FileGeneratingJob("out", lambda path: path.write_text("out"))
    return generate

graph = ppg.new_pipegraph(ppg.LocalSystem(2), quiet=True)
depth = int(sys.argv[1])
ppg.JobGeneratingJob(f"g{depth}", generator(depth))
result = graph.run()
print(result.ran == [f"g{n}" for n in range(depth, -1, -1)])
print(*(graph.job(f"g{n}").attempts for n in range(depth + 1)))
for n in (1, depth - 2):
    print(*sorted(line.rpartition("|")[2].strip() for line in graph.job(f"g{n}").stderr.splitlines()))
"""


def test_an_idle_nested_generator_costs_one_process_that_imports_little_at_any_depth(folder):
    """The interpreter itself tells what the process of each generator imports."""
    (folder / "script.py").write_text(NESTED)
    imported = []
    for depth in (10, 10, 40):
        done = subprocess.run(
            [sys.executable, "script.py", str(depth)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
        )
        assert done.returncode == 0, done.stderr
        was_idle, attempts, *modules = done.stdout.splitlines()
        imported += [line.split() for line in modules]
        assert attempts.split() == ["1"] * (depth + 1)
    assert was_idle == "True"
    assert all("ppg_exec.pickling.reply" in each for each in imported)
    assert not {"cloudpickle", "logging", "dis", "traceback"} & {name for each in imported for name in each}
    assert len({frozenset(each) for each in imported}) == 1
