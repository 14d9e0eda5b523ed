"""Running pipegraphs: what runs in which order, where, how often, and what is told of it afterwards."""

import os
import shutil
from pathlib import Path

import pytest

import ppg


def test_everything_runs_once_and_then_nothing(run, writer, account, folder):
    def declare():
        a = ppg.FileGeneratingJob("a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    first = run(declare)
    assert account.taken() == ["a", "b"]
    assert first.ran == ["a", "b"]
    assert (folder / "b").read_text() == "B"
    second = run(declare)
    assert account.taken() == []
    assert second.up_to_date == ["a", "b"]
    assert second.summary() == "0 ran, 2 up to date, 0 failed, 0 blocked"


def test_nothing_to_do_starts_no_process(run, writer, account, monkeypatch):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)

    def no_process(*_arguments, **_options):
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.Popen", no_process)
    monkeypatch.setattr("os.posix_spawn", no_process)
    monkeypatch.setattr("os.fork", no_process)
    assert run(declare).up_to_date == ["a"]


def test_the_callback_runs_in_the_root_whatever_the_working_directory_is(run, folder, monkeypatch):
    def declare():
        ppg.FileGeneratingJob("a", lambda: Path("a").write_text(os.getcwd()))
        (folder / "elsewhere").mkdir()
        monkeypatch.chdir(folder / "elsewhere")

    run(declare)
    assert (folder / "a").read_text() == str(folder)


def test_jobs_declared_in_any_order_run_in_the_order_of_their_dependencies(run, folder):
    def declare():
        jobs = [
            ppg.FileGeneratingJob(
                f"{i}", lambda path, i=i: path.write_text((folder / f"{i - 1}").read_text() + "x")
            )
            for i in range(20, 0, -1)
        ]
        jobs.append(ppg.FileGeneratingJob("0", lambda path: path.write_text("x")))
        for downstream, upstream in zip(jobs, jobs[1:], strict=False):
            downstream.depends_on(upstream)

    run(declare)
    assert (folder / "20").read_text() == "x" * 21


def test_one_core_and_many_give_the_same(run, writer, folder):
    def declare():
        last = [ppg.FileGeneratingJob(f"a{i}", writer(f"{i}")) for i in range(10)]
        ppg.FileGeneratingJob("sum", lambda path: path.write_text("".join(sorted(os.listdir())))).depends_on(
            last
        )

    def outcome(cores):
        for path in folder.iterdir():
            path.unlink()
        result = run(declare, resource_coordinator=ppg.LocalSystem(max_cores_to_use=cores))
        return result.ran, {path.name: path.read_bytes() for path in folder.glob("a*")}

    assert outcome(1) == outcome(8)


def test_at_most_so_many_jobs_run_as_there_are_cores(run, folder, account):
    def observe(path):
        (folder / f"{path.name}.at_work").touch()
        path.write_text(f"{len(list(folder.glob('*.at_work')))}")
        (folder / f"{path.name}.at_work").unlink()

    def declare():
        for i in range(8):
            ppg.FileGeneratingJob(f"a{i}", observe)
        ppg.FileGeneratingJob("wide", observe).use_cores(-1)

    run(declare, resource_coordinator=ppg.LocalSystem(max_cores_to_use=2))
    assert max(int((folder / f"a{i}").read_text()) for i in range(8)) <= 2
    assert (folder / "wide").read_text() == "1"


def test_running_twice_is_an_error_and_a_new_pipegraph_in_the_same_process_is_fine(run, writer):
    graph = ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", writer("A"))
    graph.run()
    with pytest.raises(ppg.PyPipelineGraphError, match="only once"):
        graph.run()
    with pytest.raises(ppg.PyPipelineGraphError, match="has run"):
        ppg.FileGeneratingJob("b", writer("B"))
    with pytest.raises(ppg.PyPipelineGraphError, match="has run"):
        job.depends_on_params(1)
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("b", writer("B"))
    ppg.run_pipegraph()


def test_a_job_has_its_outcome_after_the_run(run, writer, account):
    jobs = []

    def declare():
        jobs.append(ppg.FileGeneratingJob("a", lambda path: (print("hello"), path.write_text("A"))))

    run(declare)
    run(declare)
    ran, skipped = jobs
    assert (ran.was_run, ran.failed, ran.exception) == (True, False, None)
    assert ran.stdout == "hello\n"
    assert ran.stderr == ""
    assert ran.reasons == ("new: never built",)
    assert ran.runtime > 0
    assert ran.peak_memory > 100_000
    assert (skipped.was_run, skipped.failed, skipped.runtime) == (False, False, None)


def test_a_result_is_the_rows_of_a_data_frame(failing_run, writer, run):
    import pandas
    import polars

    def fail(path):
        raise ValueError("no luck")

    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on_params(1)
        ppg.FileGeneratingJob("b", fail, retries=1).depends_on("a")
        ppg.FileGeneratingJob("c", writer("C")).depends_on("b")
        ppg.FileGeneratingJob("d", writer("D")).depends_on_file("missing")

    _, graph = failing_run(declare)
    for library in (pandas, polars):
        frame = library.DataFrame(graph.result.rows())
        assert list(frame["job_id"]) == ["a", "b", "c", "d", "missing"]
        assert list(frame["state"]) == ["ran", "failed", "blocked", "blocked", "failed"]
        assert list(frame["attempts"]) == [1, 2, 0, 0, 0]
        told = dict(zip(frame["job_id"], frame["error"], strict=True))
        assert told["b"] == "ValueError: no luck"
        assert "'missing'" in told["missing"]
        assert list(frame["cause"])[2:4] == ["b", "missing"]
        assert frame["peak_memory"][0] > 100_000
        assert frame["reasons"][0] == "new: never built"
    unrun = run(lambda: None)
    assert unrun.rows() == []


def test_an_empty_pipegraph_runs(run):
    assert len(run(lambda: None)) == 0


def test_a_project_folder_can_be_moved(run, writer, account, folder, monkeypatch):
    (folder / "one").mkdir()
    monkeypatch.chdir(folder / "one")

    def declare():
        ppg.FileGeneratingJob("out/a", writer("A"))

    run(declare)
    account.taken()
    monkeypatch.chdir(folder)
    shutil.move("one", "two")
    monkeypatch.chdir(folder / "two")
    run(declare)
    assert account.taken() == []
