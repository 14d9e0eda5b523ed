"""The run loop under hostile jobs, listeners and machines: in this process, with real jobs."""

import os
import resource
import sys

import pytest

import ppg
from ppg.report.plain import PlainProgress
from tests.fakes import RecordingFrontend


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path):
    path.write_text("good")


def run(declare, **options):
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2), quiet=True)
    declare()
    return graph.run(**options)


@pytest.mark.parametrize("rename_broken", [False, True])
def test_a_job_that_never_began_leaves_the_files_of_its_last_success(folder, rename_broken):
    def declare(*, cores):
        for name in ("a", "b"):
            ppg.FileGeneratingJob(name, write, rename_broken).depends_on_params(cores).use_cores(cores)

    run(lambda: declare(cores=1))
    with pytest.raises(ppg.RuntimeError, match="3 cores"):
        run(lambda: declare(cores=3))
    assert sorted(path.name for path in folder.glob("[ab]*")) == ["a", "b"]
    assert run(lambda: declare(cores=1)).ran == ["a", "b"], (
        "a failed job has no record, whatever its files are"
    )


def test_a_file_that_cannot_be_removed_keeps_no_other_from_being_removed(folder):
    frontend = RecordingFrontend()

    def fail(paths):
        paths[0].mkdir()
        paths[1].write_text("half")
        raise ValueError

    with pytest.raises(ppg.RuntimeError):
        run(lambda: ppg.MultiFileGeneratingJob(["a", "b"], fail), frontend=frontend)
    assert not (folder / "b").exists()
    (warning,) = frontend.warnings
    assert "'a:b'" in warning
    assert warning.startswith("'a' stays")


def test_files_that_are_not_there_give_no_warning(folder):
    frontend = RecordingFrontend()
    with pytest.raises(ppg.RuntimeError):
        run(
            lambda: [ppg.FileGeneratingJob("n" * 300, write), ppg.FileGeneratingJob("x", write),
                     ppg.FileGeneratingJob("x/y", write).depends_on("x")],
            frontend=frontend,
        )  # fmt: skip
    assert frontend.warnings == []


def test_a_listener_that_raises_ends_neither_the_run_nor_the_other_listeners(folder):
    def defective(event):
        if isinstance(event, ppg.JobStarted):
            raise KeyError("defect")

    frontend = RecordingFrontend(defective)

    with pytest.raises(KeyError, match="defect") as caught:
        run(
            lambda: [ppg.FileGeneratingJob(name, write) for name in "abc"],
            frontend=frontend,
        )
    assert "raised this on JobStarted; the run itself went on" in caught.value.__notes__[0]
    assert isinstance(frontend.events[-1], ppg.RunFinished)
    assert frontend.events[-1].result.ran == ["a", "b", "c"]
    assert run(lambda: [ppg.FileGeneratingJob(name, write) for name in "abc"]).up_to_date == ["a", "b", "c"]


def test_progress_that_cannot_be_written_costs_the_progress(folder):
    with open("/dev/full", "w") as full:
        result = run(
            lambda: ppg.FileGeneratingJob("a", write),
            frontend=RecordingFrontend(PlainProgress(full, every_job=True)),
        )
        assert result.ran == ["a"]
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_a_store_that_cannot_be_written_ends_the_run_and_the_account_is_true(project):
    # Files of ppg cannot grow beyond 200 KiB here, as on a full disk.
    project.script("""
        ppg.new_pipegraph()
        for number in range(400):
            ppg.FileGeneratingJob(f"a{number}", writes("A"))
    """)
    ended = project.ppg(
        "run",
        "script.py",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200 << 10, resource.RLIM_INFINITY)),
    )
    assert ended.code == 2
    assert "status store" in ended.err
    assert "Traceback" not in ended.err
    ran, up_to_date, failed, blocked = ended.summary
    assert (up_to_date, failed, blocked) == (0, 0, 0)
    assert f"{400 - ran} not done" in ended.err
    assert project.running() == {}
    rest = project.ppg("run", "script.py")
    assert rest.code == 0
    assert rest.summary[1] > 0, "what was recorded before is still valid"
    assert sum(rest.summary[:2]) == 400


def test_what_a_killed_job_wrote_over_an_old_output_is_never_taken_for_it(project):
    project.gate("a")
    project.script("""
        def rewrite(path):
            path.write_text(old := "x" * 10)
            if len(sys.argv) > 1:
                path.write_text("half" + old[4:])
                waits(path)
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", rewrite).depends_on_params(len(sys.argv)).ignore_code_changes()
    """)
    assert project.ppg("run", "script.py").summary == (1, 0, 0, 0)
    run = project.start("run", "script.py", "--", "again")
    project.wait_until_began("a")
    run.kill()
    run.communicate()
    project.wait_until_nothing_runs()
    assert (project / "a").read_text() == "halfxxxxxx"
    assert project.ppg("run", "script.py").summary == (1, 0, 0, 0)
    assert (project / "a").read_text() == "x" * 10


def test_a_plain_script_raises_what_the_run_raises(project):
    project.script("""
        def fail(path):
            raise ValueError("no luck")
        ppg.new_pipegraph()
        ppg.FileGeneratingJob("a", fail)
        ppg.run_pipegraph()
    """)
    ended = project.command(sys.executable, "script.py")
    assert ended.code == 1
    assert "ppg.exceptions.RuntimeError: 1 job failed\n  'a': ValueError: no luck" in ended.err
