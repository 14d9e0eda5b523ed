"""Output files: those that somebody else changed or removed, and what is remembered of them."""

import os
import shutil
from pathlib import Path

import pytest

import ppg
from ppg_graph import JobId
from ppg_invariants import StatusStore


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
    assert run(declare).ran == []


def test_a_touched_output_is_not_rebuilt_and_its_new_stat_is_remembered(run, writer, account, folder):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    account.taken()
    before = remembered(folder, "a")
    os.utime(folder / "a", ns=(1, 1))
    assert run(declare).up_to_date == ["a"]
    after = remembered(folder, "a")
    assert before.mtime_ns != 1
    assert after.mtime_ns == 1
    assert after.has_content_of(before)
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


@pytest.mark.skipif(not os.access("/", os.W_OK), reason="only the superuser may write there")
def test_a_file_may_be_in_the_root_of_the_file_system(run):
    file = Path(f"/ppg-test-{os.getpid()}")
    try:
        run(lambda: ppg.FileGeneratingJob(file, lambda path: path.write_text("x")))
        assert file.read_text() == "x"
    finally:
        file.unlink(missing_ok=True)


def test_an_old_output_is_not_there_when_the_callback_runs(run, account, folder):
    def append(path):
        with path.open("a") as file:
            file.write("x")

    def declare(parameter):
        ppg.FileGeneratingJob("a", append).depends_on_params(parameter)

    run(lambda: declare(1))
    run(lambda: declare(2))
    assert (folder / "a").read_text() == "x"


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


def remembered(folder, job_id, name=None):
    """What is remembered of a file of a job."""
    with StatusStore.open(folder / ".pypipegraph_status_robust", read_only=True) as store:
        return store.records()[JobId(job_id)].files[name or job_id]


def test_an_output_that_may_be_empty_and_was_not_is_rebuilt_when_it_is_emptied(run, writer, account, folder):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"), empty_ok=True)

    run(declare)
    os.truncate(folder / "a", 0)
    assert run(declare).ran == ["a"]
    assert (folder / "a").read_text() == "A"


def test_an_output_that_may_be_empty_and_is_missing_is_rebuilt(run, folder):
    def declare():
        ppg.FileGeneratingJob("a", lambda path: path.touch(), empty_ok=True)

    run(declare)
    assert run(declare).ran == []
    (folder / "a").unlink()
    assert run(declare).ran == ["a"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text(""),
        lambda path: path.write_text("from elsewhere"),
    ],
)
def test_of_many_files_with_one_harmed_all_are_removed_and_made_again(run, folder, account, harm):
    def make(paths):
        account.ran(f"made,{sum(path.exists() for path in paths)} were there")
        for path in paths:
            path.write_text(path.name)

    def declare():
        ppg.MultiFileGeneratingJob(["a", "b", "c"], make)

    run(declare)
    harm(folder / "b")
    account.taken()
    run(declare)
    assert " ".join(account.taken()) == "made,0 there were"
    assert [(folder / name).read_text() for name in "abc"] == ["a", "b", "c"]


def test_an_output_that_was_replaced_by_a_directory_is_a_clear_error_and_the_directory_stays(
    run, failing_run, writer, folder
):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))
        ppg.FileGeneratingJob("b", writer("B"))

    run(declare)
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "a" / "precious").touch()
    error, _ = failing_run(declare)
    assert list(error.exceptions) == ["a"]
    assert "a" in str(error.exceptions["a"])
    assert (folder / "a" / "precious").exists()
    shutil.rmtree(folder / "a")
    assert run(declare).ran == ["a"]


def test_the_folder_of_an_output_is_there_before_the_callback_runs(run, folder):
    def make(path):
        path.write_text(str(path.parent.is_dir()))

    def make_all(paths):
        for path in paths:
            path.write_text(str(path.parent.is_dir()))

    def declare():
        ppg.FileGeneratingJob("x/y/one", make)
        ppg.MultiFileGeneratingJob(["u/two", "v/w/three"], make_all)

    run(declare)
    assert {(folder / name).read_text() for name in ("x/y/one", "u/two", "v/w/three")} == {"True"}


def test_the_file_and_the_record_of_a_stale_job_stay_when_its_upstream_fails(
    failing_run, run, writer, account, folder
):
    def declare(parameter, *, broken):
        def make(path, broken=broken):
            if broken:
                raise ValueError
            path.write_text("A")

        a = ppg.FileGeneratingJob("a", make).ignore_code_changes().depends_on_params(broken)
        ppg.FileGeneratingJob("b", writer("B")).depends_on(a).depends_on_params(parameter)

    run(lambda: declare(1, broken=False))
    before = remembered(folder, "b")
    account.taken()
    error, _ = failing_run(lambda: declare(2, broken=True))
    assert error.blocked == ("b",)
    assert (folder / "b").read_text() == "B"
    assert remembered(folder, "b") == before
    run(lambda: declare(1, broken=False))
    assert account.taken() == [], "with the old parameter its record still holds"
