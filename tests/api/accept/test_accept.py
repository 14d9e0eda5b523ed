"""`Pipegraph.accept`: existing outputs count as made, and nothing is run to find that out."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

import ppg
from ppg.inspect.why import why_from_store

STATUS = ".pypipegraph_status_robust"


def forget_all(folder):
    """The outputs stay, and ppg knows nothing of them."""
    (folder / STATUS).unlink()


def test_outputs_without_a_record_are_accepted_and_the_next_run_does_nothing(
    folder, run, accept, writer, account, made
):
    made(a="by hand", b="also", input="1")

    def declare():
        a = ppg.FileGeneratingJob("a", writer("A")).depends_on_file("input").depends_on_params({"x": 1})
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    seen = accept(declare)
    assert seen.is_complete
    assert seen.accepted == {
        "a": ("new: never built",),
        "b": ("new: never built",),
    }
    result = run(declare)
    assert (result.ran, result.up_to_date) == ([], ["a", "b"])
    assert (folder / "a").read_text() == "by hand"
    assert account.taken() == []


def test_what_was_accepted_is_made_again_when_an_input_changes_and_unchanged_bytes_stop_there(
    folder, run, accept, writer, account, made
):
    made(a="A", b="B", input="1")

    def declare():
        a = ppg.FileGeneratingJob("a", writer("A")).depends_on_file("input")
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    accept(declare)
    made(input="2")
    assert run(declare).ran == ["a"]
    made(a="changed behind ppg's back")
    assert run(declare).ran == ["a"]


def test_everything_that_a_run_has_made_is_accepted_again_after_the_record_is_lost(
    folder, run, accept, writer
):
    class Holder:
        pass

    holder = Holder()

    def declare():
        first = ppg.FileGeneratingJob("first", writer("1"))
        load = ppg.AttributeLoadingJob("load", holder, "value", lambda: 5).depends_on(first)
        ppg.FileGeneratingJob("of load", writer("2")).depends_on(load)
        many = ppg.MultiFileGeneratingJob(["x", "y"], lambda paths: [path.write_text("m") for path in paths])
        ppg.FileGeneratingJob("of x", writer("3"), cutoff=False).depends_on(many["x"])
        ppg.FileGeneratingJob("empty", lambda path: path.touch(), empty_ok=True)
        cached = ppg.CachedAttributeLoadingJob("cache/value", holder, "cached", lambda: 3)
        ppg.FileGeneratingJob("of cache", writer("4")).depends_on(cached)

    ran = run(declare).ran
    forget_all(folder)
    seen = accept(declare)
    assert seen.refused == {}
    # All but the two loads, which make no files.
    assert set(seen.accepted) == set(ran) - {"load", "cache/value_load"}
    assert run(declare).ran == []


def test_a_dry_run_says_the_same_and_writes_nothing(folder, accept, writer, made):
    made(a="A")

    def declare():
        ppg.FileGeneratingJob("a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B"))

    foretold = accept(declare, dry_run=True)
    assert foretold.dry_run
    assert sorted(path.name for path in folder.iterdir()) == ["a"]
    seen = accept(declare)
    assert (seen.accepted, seen.not_made) == (foretold.accepted, foretold.not_made)
    assert seen.not_made == ("b",)


def test_what_has_changed_is_accepted_only_if_it_is_asked_for(folder, run, accept, writer, account):
    def declare(x):
        a = ppg.FileGeneratingJob("a", writer("A")).depends_on_params({"x": x})
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a).depends_on_params({"y": x})

    run(lambda: declare(1))
    account.taken()
    seen = accept(lambda: declare(2))
    assert (seen.accepted, list(seen.changed)) == ({}, ["a"])
    (reason,) = seen.changed["a"]
    assert reason == "x: 1 → 2"
    seen = accept(lambda: declare(2), ["a"])
    assert list(seen.accepted) == ["a"]
    assert run(lambda: declare(2)).ran == ["b"]
    seen = accept(lambda: declare(3), changed=True)
    assert list(seen.accepted) == ["a", "b"]
    assert run(lambda: declare(3)).ran == []
    assert account.taken() == ["b"]


def test_an_output_that_was_mended_by_hand_is_kept_if_it_is_named(folder, run, accept, writer, made):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    made(a="mended")
    assert list(accept(declare).changed) == ["a"]
    assert accept(declare, [Path("a")]).is_complete
    assert run(declare).ran == []
    assert (folder / "a").read_text() == "mended"


def test_named_jobs_that_are_up_to_date_are_reported_as_such(run, accept, writer):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    seen = accept(declare, ["a"])
    assert (seen.accepted, seen.up_to_date, seen.is_complete) == ({}, ("a",), True)


def test_only_named_jobs_are_accepted_and_what_they_need_must_be(accept, writer, made):
    made(a="A", b="B", c="C")

    def declare():
        a = ppg.FileGeneratingJob("a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C"))

    seen = accept(declare, ["b"])
    assert seen.accepted == {}
    assert "depends on 'a', which would run" in seen.refused["b"]
    assert list(accept(declare, ["b", "a"]).accepted) == ["a", "b"]
    assert list(accept(declare).accepted) == ["c"]


def test_an_upstream_that_is_not_made_is_named_in_the_refusal(folder, run, accept, writer, made):
    made(b="B", c="C", d="D")

    def declare():
        a = ppg.FileGeneratingJob("a", writer("A"))
        b = ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C")).depends_on(b)
        ppg.FileGeneratingJob("d", writer("D")).depends_on_file("gone")

    seen = accept(declare)
    assert seen.accepted == {}
    assert seen.not_made == ("a",)
    assert seen.refused["b"] == "it depends on 'a', which has no output yet"
    assert seen.refused["c"] == seen.refused["b"]
    assert "depends on 'gone', which cannot be observed" in seen.refused["d"]
    assert (folder / "b").read_text() == "B"


def test_outputs_that_are_not_all_there_or_empty_or_no_files_are_refused(folder, accept, writer, made):
    made(m1="m", empty="", fine="")
    (folder / "directory").mkdir()

    def declare():
        ppg.MultiFileGeneratingJob(["m1", "m2"], lambda paths: None)
        ppg.FileGeneratingJob("empty", writer("x"))
        ppg.FileGeneratingJob("directory", writer("x"))
        ppg.FileGeneratingJob("fine", lambda path: path.touch(), empty_ok=True)
        ppg.FileGeneratingJob("gone", writer("x"))

    seen = accept(declare)
    assert list(seen.accepted) == ["fine"]
    assert "'m2' does not exist" in seen.refused["m1:m2"]
    assert seen.refused["empty"] == "'empty' is empty"
    assert "directory" in seen.refused["directory"]
    assert seen.not_made == ("gone",)
    assert "'gone' does not exist" in accept(declare, ["gone"]).refused["gone"]


def test_a_temporary_file_that_is_gone_has_to_be_made_first(folder, run, accept, writer, account):
    def declare():
        t = ppg.TempFileGeneratingJob("t", writer("T"))
        ppg.FileGeneratingJob("a", writer("A")).depends_on(t)

    run(declare)
    forget_all(folder)
    seen = accept(declare)
    assert "depends on 't', which has no temporary file and no valid record" in seen.refused["a"]
    account.taken()
    graph = ppg.new_pipegraph(quiet=True)
    declare()
    graph.run(targets=["t"])
    assert list(accept(declare).accepted) == ["a"]
    assert run(declare).ran == []
    assert account.taken() == ["t"]


def test_a_temporary_file_counts_by_its_record_or_else_if_it_is_there(folder, run, accept, writer, made):
    def declare(y):
        t = ppg.TempFileGeneratingJob("t", writer("T"))
        ppg.FileGeneratingJob("a", writer("A")).depends_on(t).depends_on_params({"y": y})

    run(lambda: declare(1))
    assert list(accept(lambda: declare(2), ["a"]).accepted) == ["a"]
    assert run(lambda: declare(2)).ran == []
    forget_all(folder)
    made(t="T")
    assert set(accept(lambda: declare(2)).accepted) == {"t", "a"}
    assert run(lambda: declare(2)).ran == []


def test_what_a_generator_makes_is_refused_and_what_is_below_it_counts_as_last_time(
    folder, run, accept, writer, made, account
):
    def declare(y=1):
        def generate():
            account.ran("generated")
            ppg.FileGeneratingJob("of generator", writer("G"))

        generator = ppg.JobGeneratingJob("generator", generate)
        ppg.FileGeneratingJob("below", writer("B")).depends_on(generator).depends_on_params({"y": y})
        ppg.FileGeneratingJob("beside", writer("C"))

    made(below="B", beside="C")
    seen = accept(declare)
    assert list(seen.accepted) == ["beside"]
    assert "depends on 'generator', a generator that has to run first" in seen.refused["below"]
    assert seen.generators == ("generator",)
    assert account.taken() == []
    with pytest.raises(ppg.PyPipelineGraphError, match="jobs that generators make cannot be accepted"):
        accept(declare, ["of generator"])
    run(declare)
    account.taken()
    assert list(accept(lambda: declare(2), changed=True).accepted) == ["below"]
    seen = accept(lambda: declare(2), ["of generator", "generator"])
    assert "a generator made it last time" in seen.refused["of generator"]
    assert "runs every time" in seen.refused["generator"]
    assert account.taken() == []
    assert run(lambda: declare(2)).ran == ["generator"]


def test_jobs_that_make_no_files_are_refused_by_name(accept, folder):
    def declare():
        ppg.DataLoadingJob("load", lambda: None).depends_on(ppg.ParameterInvariant("parameters", 1))

    seen = accept(declare, ["load"])
    assert "makes no file" in seen.refused["load"]
    with pytest.raises(ppg.PyPipelineGraphError, match="there is no job 'nobody'"):
        accept(declare, ["nobody"])
    with pytest.raises(TypeError, match="must be a list"):
        accept(declare, "load")


def test_what_is_pruned_is_not_accepted(accept, writer, made):
    made(a="A", b="B")

    def declare():
        a = ppg.FileGeneratingJob("a", writer("A")).prune()
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    assert accept(declare).accepted == {}
    assert "pruned" in accept(declare, ["b"]).refused["b"]


def test_the_output_of_a_job_that_failed_is_not_believed_unless_it_is_named(
    folder, failing_run, accept, writer, made
):
    def declare():
        ppg.FileGeneratingJob("a", lambda path: path.write_text("half") and 1 / 0)

    failing_run(declare)
    made(a="from the backup")
    assert "it failed when it ran last (run 1)" in accept(declare).refused["a"]
    assert list(accept(declare, ["a"]).accepted) == ["a"]


def test_a_refusal_leaves_record_and_files_as_they_are(folder, run, accept, writer, made):
    def declare(x=1):
        a = ppg.FileGeneratingJob("a", writer("A")).depends_on_params({"x": x})
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(declare)
    (folder / "a").unlink()
    seen = accept(lambda: declare(2), ["a", "b"])
    assert "'a' does not exist" in seen.refused["a"]
    assert "depends on 'a'" in seen.refused["b"]
    made(a="A")
    assert run(declare).ran == []


def test_a_graph_can_run_after_it_accepted(folder, writer, made, account):
    made(a="A")
    graph = ppg.new_pipegraph(quiet=True)
    a = ppg.FileGeneratingJob("a", writer("A"))
    ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
    graph.accept()
    assert graph.run().ran == ["b"]
    assert graph.accept(["a", "b"]).up_to_date == ("a", "b")


def test_root_and_working_directory_may_differ(tmp_path, monkeypatch, writer):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for folder in (root, elsewhere):
        folder.mkdir()
    (root / "a").write_text("A")
    monkeypatch.chdir(elsewhere)
    for expected in (["a"], []):
        graph = ppg.new_pipegraph(quiet=True, root=root)
        ppg.FileGeneratingJob("a", writer("A"))
        assert list(graph.accept().accepted) == expected
    assert graph.run().ran == []


def test_why_says_that_a_job_was_accepted_until_it_runs(folder, run, accept, writer, made):
    def declare(x):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_params({"x": x})

    def why():
        return why_from_store(folder / STATUS, "a")

    run(lambda: declare(1))
    accept(lambda: declare(2), ["a"])
    first, *others = why()
    assert first.startswith("a was accepted as it was, and not run, at ")
    assert any("1 → 2" in line for line in others)
    assert others[-1].startswith("before that it ran last, and succeeded, at ")
    run(lambda: declare(3))
    assert why()[0].startswith("a ran last, and succeeded, at ")


def test_verify_reports_what_was_accepted_and_when(folder, run, accept, writer, made):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B"))

    def verified():
        graph = ppg.new_pipegraph(quiet=True)
        declare()
        return graph.verify()

    made(a="A")
    accept(declare)
    run(declare)
    seen = verified()
    assert seen.holds
    assert list(seen.accepted) == ["a"]
    assert abs(seen.accepted["a"] - (folder / STATUS).stat().st_mtime) < 3600
    (folder / "a").unlink()
    assert dict(verified().accepted) == {}
    run(declare)
    assert dict(verified().accepted) == {}


class Holder:
    """Has the attributes that jobs load."""


def declare_at_random(seed, size, contents):
    """The same jobs for the same seed; what they make depends on `contents` only."""
    random, holder, jobs = Random(seed), Holder(), []
    for number in range(size):
        content = str(contents[number])

        def write(path, content=content):
            path.write_text(content)

        def write_all(paths, content=content):
            for path in paths:
                path.write_text(content)

        def load(content=content):
            return content

        def generate(number=number, write=write):
            ppg.FileGeneratingJob(f"generated {number}", write)

        match random.choice(["file", "file", "files", "temp", "load", "cache", "generator"]):
            case "file":
                job = ppg.FileGeneratingJob(f"file {number}", write, cutoff=random.random() < 0.8)
            case "files":
                job = ppg.MultiFileGeneratingJob([f"one {number}", f"two {number}"], write_all)
            case "temp":
                job = ppg.TempFileGeneratingJob(f"temp {number}", write)
            case "load":
                job = ppg.AttributeLoadingJob(f"load {number}", holder, f"l{number}", load)
            case "cache":
                job = ppg.CachedAttributeLoadingJob(f"cache {number}", holder, f"c{number}", load)
            case "generator":
                job = ppg.JobGeneratingJob(f"generator {number}", generate)
        for upstream in random.sample(jobs, random.randint(0, min(3, len(jobs)))):
            several = isinstance(upstream, ppg.MultiFileGeneratingJob)
            job.depends_on(upstream[upstream.files[0]] if several and random.random() < 0.5 else upstream)
        jobs.append(job)


@pytest.mark.parametrize("seed", range(16))
def test_of_random_graphs_nothing_that_was_accepted_runs_and_nothing_more_can_be_accepted(folder, seed):
    random = Random(seed)
    size = random.randint(2, 9)
    contents = [0] * size

    def graph():
        made = ppg.new_pipegraph(ppg.LocalSystem(inline=True), quiet=True)
        declare_at_random(seed, size, contents)
        return made

    graph().run()
    for _ in range(3):
        if random.random() < 0.5:
            (folder / STATUS).unlink()
        contents = [random.randint(0, 1) if random.random() < 0.3 else content for content in contents]
        for path in sorted(folder.glob("* *")):
            if random.random() < 0.15:
                path.unlink()
            elif not path.name.startswith("cache") and random.random() < 0.1:
                path.write_text("by hand")
        names = [job.job_id for job in graph() if job.files and random.random() < 0.6]
        how = random.choice([{}, {"changed": True}, {"jobs": names}])
        foretold = graph().accept(**how, dry_run=True)
        seen = graph().accept(**how)
        assert replace(foretold, dry_run=False) == seen
        assert graph().accept(**how, dry_run=True).accepted == {}
        assert seen.accepted.keys().isdisjoint(graph().run().ran)
