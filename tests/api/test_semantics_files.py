"""What happens with the files of jobs: callbacks and what they get, and files that somebody else changed."""

import os
import shutil
from pathlib import Path

import pytest

import ppg
from ppg_graph import JobId
from ppg_invariants import StatusStore


def remembered(folder, job_id, name=None):
    """What is remembered of a file of a job."""
    with StatusStore.open(folder / ".pypipegraph_status_robust", read_only=True) as store:
        return store.records()[JobId(job_id)].files[name or job_id]


def test_a_callback_is_called_with_nothing_a_path_a_list_or_a_dictionary(run, folder):
    def without():
        Path("a").write_text("nothing")

    def told(path):
        path.write_text(f"{type(path).__name__} {path}")

    def listed(paths):
        for path in paths:
            path.write_text(f"{[str(each) for each in paths]}")

    def named(paths):
        for name, path in paths.items():
            path.write_text(f"{name} of {sorted(paths)}")

    def declare():
        ppg.FileGeneratingJob("a", without)
        ppg.FileGeneratingJob("b", told)
        ppg.MultiFileGeneratingJob(["d", "c"], listed)
        ppg.MultiFileGeneratingJob({"x": "e", "y": "f"}, named)

    run(declare)
    assert [(folder / name).read_text() for name in "abcdef"] == [
        "nothing",
        f"{type(Path()).__name__} b",
        "['d', 'c']",
        "['d', 'c']",
        "x of ['x', 'y']",
        "y of ['x', 'y']",
    ]


@pytest.mark.parametrize("takes_path", [True, False])
def test_a_callback_is_called_once_whatever_type_error_it_raises(failing_run, account, takes_path):
    def complain(name):
        account.ran(name)
        raise TypeError("complain() takes 0 positional arguments but 1 was given")

    def with_path(path):
        complain("called")

    def without():
        complain("called")

    error, _ = failing_run(lambda: ppg.FileGeneratingJob("a", with_path if takes_path else without))
    assert account.taken() == ["called"]
    assert type(error.exceptions["a"]) is TypeError


def test_a_touched_output_has_its_new_time_remembered(run, writer, account, folder):
    def declare():
        ppg.FileGeneratingJob("a", writer("A"))

    run(declare)
    before = remembered(folder, "a")
    os.utime(folder / "a", ns=(1, 1))
    assert run(declare).up_to_date == ["a"]
    after = remembered(folder, "a")
    assert before.mtime_ns != 1
    assert after.mtime_ns == 1
    assert after.has_content_of(before)


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


def test_a_deleted_output_is_rebuilt_and_its_unchanged_bytes_stop_there(run, writer, account, folder):
    def declare():
        a = ppg.FileGeneratingJob("a", writer("A"))
        b = ppg.FileGeneratingJob("b", writer("B")).depends_on(a)
        ppg.FileGeneratingJob("c", writer("C")).depends_on(b)

    run(declare)
    (folder / "a").unlink()
    assert run(declare).ran == ["a"]
    assert run(declare).ran == []


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
