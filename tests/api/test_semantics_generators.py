"""What happens when generators change the graph, or try to in a way that is not allowed."""

import os

import ppg


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
