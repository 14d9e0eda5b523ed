"""Files that move between jobs, scripts and inputs: jobs that consume the same bytes stay clean, and all answers agree."""

import pytest

import ppg


def text_of(path):
    """Makes the same bytes whichever job calls it."""
    return f"the bytes of {path.name}"


def write(path):
    path.write_text(text_of(path))


def write_all(paths):
    for path in paths.values() if isinstance(paths, dict) else paths:
        write(path)


def write_differently(paths):
    for path in paths:
        path.write_text(f"other {path.name}")


@pytest.fixture
def step(folder):
    """Declares jobs, lets `preview` and `verify` predict the run, runs, and gives the jobs that ran, with reasons."""

    def run(declare):
        seen = []
        for ask in (ppg.Pipegraph.preview, ppg.Pipegraph.verify):
            graph = ppg.new_pipegraph(quiet=True)
            declare()
            seen.append(ask(graph))
        graph = ppg.new_pipegraph(quiet=True)
        declare()
        result = graph.run()
        ran = {
            outcome.job_id: outcome.reasons
            for outcome in result.values()
            if outcome.state is ppg.JobState.RAN
        }
        for forecast in seen:
            assert set(forecast.will_run) <= ran.keys() <= forecast.will_run.keys() | forecast.may_run.keys()
            for job_id, reasons in forecast.will_run.items():
                # `verify` adds the sizes of files.
                assert all(map(str.startswith, reasons, ran[job_id])), (reasons, ran[job_id])
                assert len(reasons) == len(ran[job_id])
        again = ppg.new_pipegraph(quiet=True)
        declare()
        assert again.verify().holds
        return ran

    return run


def user(*needs, whole=()):
    """A job that would take long."""
    job = ppg.FileGeneratingJob("down.txt", lambda path: path.write_text("expensive"))
    return job.depends_on(*needs, *whole)


MAKERS = {
    "a list": lambda names: ppg.MultiFileGeneratingJob(names, write_all),
    "a dictionary": lambda names: ppg.MultiFileGeneratingJob({f"n{name}": name for name in names}, write_all),
    "temporary files": lambda names: ppg.MultiTempFileGeneratingJob(names, write_all),
    "a shell command": lambda names: ppg.ExternalJob(
        names, "; ".join(f"printf %s 'the bytes of {name}' > {name}" for name in names), shell=True
    ),
}


def one_or_many(names):
    return ppg.FileGeneratingJob(names[0], write) if len(names) == 1 else MAKERS["a list"](names)


@pytest.mark.parametrize("maker", [*MAKERS.values(), one_or_many], ids=[*MAKERS, "one or many"])
def test_one_more_output_or_one_less_leaves_the_user_of_an_old_one_clean(step, maker):
    lists = (["a", "b"], ["a", "b", "log"], ["a", "b"], ["b", "0", "a"], ["a", "log"])
    if maker is one_or_many:
        lists = (["a"], ["a", "log"], ["a"], ["0", "a"])

    def declare(names):
        maker(names)
        user("a")

    assert "down.txt" in step(lambda: declare(lists[0]))
    for names in lists[1:]:
        assert "down.txt" not in step(lambda names=names: declare(names))


def test_one_more_output_leaves_loads_and_what_they_feed_clean(step):
    def declare(names):
        maker = ppg.MultiFileGeneratingJob(names, write_all)
        load = ppg.DataLoadingJob("load", lambda: None).depends_on("a")
        temporary = ppg.TempFileGeneratingJob("temporary", write).depends_on(maker["b"])
        user(load, temporary)

    assert "down.txt" in step(lambda: declare(["a", "b"]))
    assert step(lambda: declare(["a", "b", "log"])).keys() == {"a:b:log"}
    assert step(lambda: declare(["a", "b"])) == {}


def test_one_more_output_is_a_change_for_a_job_that_needs_all(step):
    def declare(names):
        user(whole=[ppg.MultiFileGeneratingJob(names, write_all)])

    step(lambda: declare(["a", "b"]))
    assert "down.txt" in step(lambda: declare(["a", "b", "log"]))


def test_one_more_output_and_other_bytes_in_the_old_one_rerun_its_user(step):
    def declare(names, function):
        ppg.MultiFileGeneratingJob(names, function)
        user("a")

    step(lambda: declare(["a", "b"], write_all))
    assert "down.txt" in step(lambda: declare(["a", "b", "log"], write_differently))


def made(*names):
    return one_or_many(list(names))


def observed(*names):
    return [ppg.FileInvariant(name) for name in names]


LAYOUTS = {
    "one job": lambda: made("a", "b"),
    "two jobs": lambda: (made("a"), made("b")),
    "inputs": lambda: observed("a", "b"),
    "one input": lambda: (observed("a"), made("b")),
    "one job with more": lambda: made("a", "b", "c"),
}


@pytest.mark.parametrize("needs", ["a", "ab"])
@pytest.mark.parametrize("after", LAYOUTS)
@pytest.mark.parametrize("before", LAYOUTS)
def test_a_file_with_another_maker_or_none_and_the_same_bytes_reruns_no_user(
    step, folder, before, after, needs
):
    for name in "abc":
        write(folder / name)

    def declare(layout):
        LAYOUTS[layout]()
        user(*([need for need in needs if need in "ab" and layout not in ("inputs", "one input")]))
        job = ppg.current_pipegraph().job("down.txt")
        if layout in ("inputs", "one input"):
            for need in needs:
                job.depends_on_file(need)

    assert "down.txt" in step(lambda: declare(before))
    for layout in (after, before, after):
        assert "down.txt" not in step(lambda layout=layout: declare(layout)), layout


def test_a_file_that_moved_and_changed_reruns_its_user(step, folder):
    step(lambda: (made("a", "b"), user("a")))
    (folder / "a").write_text("edited")
    ran = step(lambda: (observed("a"), user().depends_on_file("a")))
    assert ran.keys() == {"down.txt"}
    (folder / "a").write_text("edited again")
    assert step(lambda: (observed("a"), user().depends_on_file("a"))).keys() == {"down.txt"}
    assert "down.txt" in step(lambda: (made("a"), user("a")))


def test_an_output_that_was_an_input_can_be_accepted_and_reruns_nothing(step, folder):
    write(folder / "a")
    step(lambda: user().depends_on_file("a"))
    graph = ppg.new_pipegraph(quiet=True)
    made("a")
    user("a")
    assert graph.accept().accepted
    assert step(lambda: (made("a"), user("a"))) == {}
