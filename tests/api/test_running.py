"""Running pipegraphs: what runs again, what does not, and what is left behind."""

import importlib
import os
import shutil
import sys
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


def test_an_output_that_exists_without_a_record_is_built_once(run, writer, account, folder):
    (folder / "a").write_text("from elsewhere")

    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    assert account.taken() == ["a"]
    assert (folder / "a").read_text() == "A"
    run(declare)
    assert account.taken() == []


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_text(""), "empty"),
        (lambda path: path.write_text("other"), "not as it was left"),
        (lambda path: path.write_text("a"), "not as it was left"),
    ],
)
def test_a_harmed_output_is_rebuilt_and_its_unchanged_bytes_stop_there(
    run, writer, account, folder, harm, reason
):
    def declare():
        a = ppg.FileGeneratingJob("a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(declare)
    account.taken()
    harm(folder / "a")
    result = run(declare)
    assert account.taken() == ["a"]
    assert (folder / "a").read_text() == "A"
    assert reason in result["a"].reasons[0]


def test_a_touched_output_is_not_rebuilt_and_its_new_stat_is_remembered(run, writer, account, folder):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    account.taken()
    os.utime(folder / "a", ns=(1, 1))
    assert run(declare).up_to_date == ["a"]
    assert run(declare).up_to_date == ["a"]
    assert account.taken() == []


def test_a_replaced_output_of_the_same_size_and_time_is_noticed(run, writer, account, folder):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    account.taken()
    stat = os.stat(folder / "a")
    (folder / "new").write_text("B")
    os.utime(folder / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    os.replace(folder / "new", folder / "a")
    run(declare)
    assert account.taken() == ["a"]


def test_a_changed_parameter_reruns_only_what_depends_on_it(run, writer, account):
    def declare(value):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_params(value)
        ppg.FileGeneratingJob("b", writer("B"))

    run(lambda: declare(1))
    account.taken()
    result = run(lambda: declare(2))
    assert account.taken() == ["a"]
    assert result["a"].reasons == ("parameters: 1 → 2",)


def test_a_rerun_that_makes_the_same_bytes_stops_there_and_one_that_does_not_goes_on(run, writer, account):
    def declare(parameter, text):
        a = ppg.FileGeneratingJob("a", writer(text)).depends_on_params(parameter).ignore_code_changes()
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(lambda: declare(1, "A"))
    account.taken()
    run(lambda: declare(2, "A"))
    assert account.taken() == ["a"]
    run(lambda: declare(3, "A'"))
    assert account.taken() == ["a", "b"]


def test_without_cutoff_every_rerun_counts_as_a_change(run, writer, account):
    def declare(parameter):
        a = ppg.FileGeneratingJob("a", writer("A"), cutoff=False).depends_on_params(parameter)
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a)

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(1))
    assert account.taken() == []
    run(lambda: declare(2))
    assert account.taken() == ["a", "b"]


def test_a_changed_input_file_reruns_what_depends_on_it_and_a_touched_one_does_not(
    run, writer, account, folder
):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on_file("input")

    (folder / "input").write_text("one")
    run(declare)
    account.taken()
    os.utime(folder / "input", ns=(1, 1))
    run(declare)
    assert account.taken() == []
    (folder / "input").write_text("two")
    run(declare)
    assert account.taken() == ["a"]


def test_a_changed_function_reruns_its_job(run, account):
    def declare(number):
        ppg.FileGeneratingJob("a", lambda path: (account.ran("a"), path.write_text(f"{number}")))

    run(lambda: declare(1))
    account.taken()
    run(lambda: declare(1))
    assert account.taken() == []
    run(lambda: declare(2))
    assert account.taken() == ["a"]


def test_a_changed_function_does_not_rerun_a_job_that_ignores_code_changes(run, writer, account):
    def declare(text):
        ppg.FileGeneratingJob("a", writer(text)).ignore_code_changes()

    run(lambda: declare("1"))
    account.taken()
    run(lambda: declare("2"))
    assert account.taken() == []


def test_a_changed_helper_reruns_the_jobs_that_state_it(run, writer, account):
    def declare(helper):
        ppg.FileGeneratingJob("a", writer("A")).depends_on_func(helper)
        ppg.FileGeneratingJob("b", writer("B"))

    run(lambda: declare(lambda: 1))
    account.taken()
    run(lambda: declare(lambda: 2))
    assert account.taken() == ["a"]


def test_a_new_and_a_removed_dependency_rerun_the_job(run, writer, account):
    def declare(*, attached):
        a = ppg.FileGeneratingJob("a", writer("A"))
        b = ppg.FileGeneratingJob("b", writer("B"))
        if attached:
            b.depends_on(a)

    run(lambda: declare(attached=False))
    account.taken()
    result = run(lambda: declare(attached=True))
    assert account.taken() == ["b"]
    assert result["b"].reasons == ("it depends on a now",)
    run(lambda: declare(attached=False))
    assert account.taken() == ["b"]


def test_a_job_that_was_absent_for_a_run_is_still_up_to_date(run, writer, account):
    def declare(names):
        for name in names:
            ppg.FileGeneratingJob(name, writer(name))

    run(lambda: declare("ab"))
    account.taken()
    run(lambda: declare("b"))
    run(lambda: declare("ab"))
    assert account.taken() == []


def test_an_invariant_that_changed_while_its_job_was_absent_is_noticed(run, writer, account):
    def declare(value, *, present):
        parameter = ppg.ParameterInvariant("p", value)
        if present:
            ppg.FileGeneratingJob("a", writer("A")).depends_on(parameter)

    run(lambda: declare(1, present=True))
    account.taken()
    run(lambda: declare(2, present=False))
    run(lambda: declare(2, present=True))
    assert account.taken() == ["a"]


def test_missing_output_folders_are_created(run, writer, folder):
    run(lambda: ppg.FileGeneratingJob("x/y/z", writer("deep")))
    assert (folder / "x/y/z").read_text() == "deep"


@pytest.mark.skipif(not os.access("/", os.W_OK), reason="only the superuser may write there")
def test_a_file_may_be_in_the_root_of_the_file_system(run):
    file = Path(f"/ppg-test-{os.getpid()}")
    try:
        run(lambda: ppg.FileGeneratingJob(file, lambda path: path.write_text("x")))
        assert file.read_text() == "x"
    finally:
        file.unlink(missing_ok=True)


def test_the_callback_runs_in_the_root_whatever_the_working_directory_is(run, folder, monkeypatch):
    def declare():
        ppg.FileGeneratingJob("a", lambda: Path("a").write_text(os.getcwd()))
        (folder / "elsewhere").mkdir()
        monkeypatch.chdir(folder / "elsewhere")

    run(declare)
    assert (folder / "a").read_text() == str(folder)


def test_an_old_output_is_not_there_when_the_callback_runs(run, account, folder):
    def append(path):
        with path.open("a") as file:
            file.write("x")

    def declare(parameter):
        ppg.FileGeneratingJob("a", append).depends_on_params(parameter)

    run(lambda: declare(1))
    run(lambda: declare(2))
    assert (folder / "a").read_text() == "x"


def test_if_one_of_many_files_is_missing_all_are_removed_and_rebuilt(run, account, folder):
    def write(paths):
        account.ran("multi")
        for path in paths:
            assert not path.exists()
            path.write_text(path.name)

    def declare():
        ppg.MultiFileGeneratingJob(["a", "b"], write)

    run(declare)
    (folder / "b").unlink()
    account.taken()
    run(declare)
    assert account.taken() == ["multi"]
    assert (folder / "a").read_text() == "a"


def test_a_job_that_uses_one_file_of_many_is_stale_only_if_that_file_changed(run, writer, account):
    def write(paths, texts):
        for name, path in paths.items():
            path.write_text(texts[name])

    def declare(texts):
        def make(paths, texts=texts):
            write(paths, texts)

        job = ppg.MultiFileGeneratingJob({"x": "fx", "y": "fy"}, make)
        ppg.FileGeneratingJob("of_x", writer("1")).depends_on(job["x"])
        ppg.FileGeneratingJob("of_y", writer("1")).depends_on("fy")
        ppg.FileGeneratingJob("of_both", writer("1")).depends_on(job)

    run(lambda: declare({"x": "1", "y": "1"}))
    account.taken()
    run(lambda: declare({"x": "1", "y": "2"}))
    assert account.taken() == ["of_both", "of_y"]


def test_empty_files_are_accepted_where_that_was_said(run, account, folder):
    run(lambda: ppg.FileGeneratingJob("a", lambda path: path.touch(), empty_ok=True))
    assert (folder / "a").stat().st_size == 0
    result = run(lambda: ppg.FileGeneratingJob("a", lambda path: path.touch(), empty_ok=True))
    assert result.up_to_date == ["a"]


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
        (folder / f"{path.name}.running").touch()
        path.write_text(f"{len(list(folder.glob('*.running')))}")
        (folder / f"{path.name}.running").unlink()

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


def test_a_job_tells_its_story_after_the_run(run, writer, account):
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


HELPERS = """
FACTOR = {factor}

def helper(x):
    # {comment}
    return x * FACTOR

def make(path):
    path.write_text(str(helper(1)))
"""


@pytest.fixture
def project(folder, monkeypatch):
    """Imports a module of the user's project anew, as a new run of a script does."""
    monkeypatch.syspath_prepend(str(folder))

    def imported(**values):
        (folder / "helpers.py").write_text(HELPERS.format(**values))
        importlib.invalidate_caches()
        sys.modules.pop("helpers", None)
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        return importlib.import_module("helpers")

    yield imported
    sys.modules.pop("helpers", None)


@pytest.mark.parametrize(("follow", "seen"), [("project", ["a"]), ("none", [])])
def test_an_edit_of_a_helper_is_seen_unless_names_are_not_followed(run, project, follow, seen):
    def outcome(**values):
        helpers = project(**values)
        return run(lambda: ppg.FileGeneratingJob("a", helpers.make), follow=follow).ran

    assert outcome(factor=2, comment="x") == ["a"]
    assert outcome(factor=2, comment="another comment") == []
    assert outcome(factor=33, comment="x") == seen


def test_a_captured_job_counts_by_its_name_not_by_where_it_was_declared(run):
    def declare():
        a = ppg.FileGeneratingJob("a", lambda path: path.write_text("A"))
        ppg.FileGeneratingJob("b", lambda path: path.write_text(f"{a.job_id} {a.files}")).depends_on(a)

    def declare_elsewhere():
        declare()

    assert run(declare).ran == ["a", "b"]
    assert run(declare_elsewhere).ran == []


@pytest.mark.parametrize("algorithm", ["xxh3_128", "sha256"])
def test_an_input_may_be_hashed_in_another_way(run, writer, account, folder, algorithm):
    def declare():
        ppg.FileGeneratingJob("a", writer("A")).depends_on(
            ppg.FileChecksumInvariant("input", algorithm=algorithm)
        )

    (folder / "input").write_text("one")
    run(declare)
    account.taken()
    os.utime(folder / "input", ns=(1, 1))
    run(declare)
    assert account.taken() == []
    (folder / "input").write_text("two")
    run(declare)
    assert account.taken() == ["a"]


def test_a_hash_that_nobody_knows_is_an_error_at_the_definition(folder):
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ValueError, match="crc99"):
        ppg.FileChecksumInvariant("input", algorithm="crc99")
