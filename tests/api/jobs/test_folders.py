"""Jobs that make folders: what counts as a change, and what the folder has when the job starts."""

import os
import socket
import stat

import pytest

import ppg
from tests.fakes import RecordingFrontend


@pytest.fixture
def filler(account):
    """Makes callbacks that fill a folder with texts by name, and enter their job into the account."""

    def make(**texts):
        def fill(folder):
            account.ran(folder.name)
            for name, text in texts.items():
                (folder / name).write_text(text)

        return fill

    return make


def declare_with_user(filler, writer, **texts):
    parts = ppg.DirectoryGeneratingJob("parts", filler(**texts))
    ppg.FileGeneratingJob("user", writer("u")).depends_on(parts)


def test_a_folder_is_made_once_and_its_users_run_after_it(run, filler, writer, account, folder):
    run(lambda: declare_with_user(filler, writer, a="1", b="2"))
    assert account.taken() == ["parts", "user"]
    assert (folder / "parts/a").read_text() == "1"
    run(lambda: declare_with_user(filler, writer, a="1", b="2"))
    assert account.taken() == []


@pytest.mark.parametrize("spelling", ["parts", "parts/", "./parts", "x/../parts/"])
def test_all_spellings_of_a_folder_are_one_job(graph, folder, spelling):
    assert ppg.DirectoryGeneratingJob(spelling, print).job_id == "parts"
    assert ppg.DirectoryGeneratingJob(folder / "parts", print) is graph.job("parts")


def add(folder):
    (folder / "new").write_text("")


def remove(folder):
    (folder / "a").unlink()


def change(folder):
    (folder / "a").write_text("other")


def make_executable(folder):
    (folder / "a").chmod(0o755)


def replace_by_link(folder):
    (folder / "a").rename(folder.parent / "elsewhere")
    (folder / "a").symlink_to("../elsewhere")


def turn_link(folder):
    (folder / "link").unlink()
    (folder / "link").symlink_to("b")


def add_empty_folder(folder):
    (folder / "inside").mkdir()


def remove_empty_folder(folder):
    (folder / "empty").rmdir()


def replace_file_by_folder(folder):
    (folder / "a").unlink()
    (folder / "a").mkdir()


def remove_all(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


CHANGES = [
    add,
    remove,
    change,
    make_executable,
    replace_by_link,
    turn_link,
    add_empty_folder,
    remove_empty_folder,
    replace_file_by_folder,
    remove_all,
]


@pytest.mark.parametrize("changed", CHANGES)
def test_a_folder_that_others_changed_is_made_again_and_users_stay_clean(
    run, writer, account, folder, changed
):
    def fill(folder):
        account.ran(folder.name)
        (folder / "a").write_text("1")
        (folder / "b").write_text("1")
        (folder / "link").symlink_to("a")
        (folder / "empty").mkdir()

    def declare():
        ppg.FileGeneratingJob("user", writer("u")).depends_on(ppg.DirectoryGeneratingJob("parts", fill))

    run(declare)
    account.taken()
    changed(folder / "parts")
    run(declare)
    assert account.taken() == ["parts"]
    assert sorted(path.name for path in (folder / "parts").iterdir()) == ["a", "b", "empty", "link"]
    assert (folder / "parts/link").readlink().name == "a"
    assert not (folder / "parts/a").stat().st_mode & stat.S_IXUSR
    run(declare)
    assert account.taken() == []


def touch(folder):
    os.utime(folder / "a")


def let_the_group_write(folder):
    (folder / "a").chmod(0o664)


def copy(folder):
    text = (folder / "a").read_text()
    (folder / "a").unlink()
    (folder / "a").write_text(text)


def turn_to_other_rights(folder):
    folder.chmod(0o700)


@pytest.mark.parametrize("changed", [touch, let_the_group_write, copy, turn_to_other_rights])
def test_what_changes_no_content_is_no_change(run, filler, writer, account, folder, changed):
    def declare():
        declare_with_user(filler, writer, a="1")

    run(declare)
    account.taken()
    changed(folder / "parts")
    run(declare)
    assert account.taken() == []


@pytest.mark.parametrize("then", [{"a": "2"}, {"a": "1", "b": "1"}, {"b": "1"}])
def test_a_folder_with_other_names_or_contents_makes_its_users_run(run, filler, writer, account, then):
    run(lambda: declare_with_user(filler, writer, a="1"))
    account.taken()
    run(lambda: declare_with_user(filler, writer, **then))
    assert account.taken() == ["parts", "user"]


def test_the_folder_is_empty_when_the_job_starts(run, account, folder):
    (folder / "precious").mkdir()
    (folder / "precious/file").write_text("x")

    def declare(text):
        def fill(folder):
            account.ran(f"found-{len(list(folder.iterdir()))}")
            (folder / f"by {text}").write_text(text)
            (folder / "deep/er").mkdir(parents=True)
            (folder / "deep/er/file").write_text(text)
            (folder / "deep").chmod(0o500)
            (folder / "link").symlink_to("../precious")

        ppg.DirectoryGeneratingJob("parts", fill)

    run(lambda: declare("one"))
    run(lambda: declare("two"))
    assert account.taken() == ["found-0", "found-0"]
    assert sorted(path.name for path in (folder / "parts").iterdir()) == ["by two", "deep", "link"]
    assert (folder / "precious/file").read_text() == "x"


def test_a_folder_without_files_is_an_error_unless_that_is_allowed(failing_run, run, folder):
    error, _ = failing_run(lambda: ppg.DirectoryGeneratingJob("parts", lambda path: (path / "in").mkdir()))
    assert "empty: parts (empty_ok=True allows that)" in str(error.exceptions["parts"])
    run(lambda: ppg.DirectoryGeneratingJob("parts", lambda path: None, empty_ok=True))
    assert list((folder / "parts").iterdir()) == []


def test_a_folder_that_the_callback_removes_is_missing(failing_run):
    error, _ = failing_run(lambda: ppg.DirectoryGeneratingJob("parts", lambda path: path.rmdir()))
    assert "missing: parts" in str(error.exceptions["parts"])


def named_socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, named_socket])
def test_what_is_no_file_in_a_folder_is_refused_by_name(folder, make, monkeypatch):
    graph = ppg.new_pipegraph(quiet=True)

    def fill(folder):
        (folder / "file").write_text("x")
        make(folder / "thing")

    ppg.DirectoryGeneratingJob("parts", fill)
    frontend = RecordingFrontend()
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run(frontend=frontend)
    assert "not a file: parts/thing" in str(caught.value.exceptions["parts"])
    assert (folder / "parts/thing").exists()
    (warning,) = frontend.warnings
    assert "cannot be removed" in warning
    assert "parts/thing' is a" in warning
    assert (folder / "parts/file").exists()


def test_a_job_without_cutoff_makes_its_users_run_whenever_it_ran(run, filler, writer, account, folder):
    def declare():
        parts = ppg.DirectoryGeneratingJob("parts", filler(a="1"), cutoff=False)
        ppg.FileGeneratingJob("user", writer("u")).depends_on(parts)
        ppg.FileGeneratingJob("other", writer("u")).depends_on(parts["a"])

    run(declare)
    account.taken()
    (folder / "parts/a").unlink()
    run(declare)
    assert account.taken() == ["other", "parts", "user"]


def test_names_that_are_no_text_are_found_again(run, account, folder):
    def fill(folder):
        account.ran("parts")
        with open(os.fsencode(folder) + b"/\xff\xfe", "w") as file:
            file.write("x")
        (folder / "line\nbreak").write_text("x")

    for _ in range(2):
        run(lambda: ppg.DirectoryGeneratingJob("parts", fill))
    assert account.taken() == ["parts"]


# -- failures


def half(folder):
    (folder / "half").write_text("h")
    raise ValueError("after that")


def test_the_partial_folder_of_a_failed_job_is_removed(failing_run, folder):
    failing_run(lambda: ppg.DirectoryGeneratingJob("parts", half))
    assert not (folder / "parts").exists()


def test_it_is_renamed_and_removed_at_the_next_start(failing_run, run, filler, folder):
    for _ in range(2):
        failing_run(lambda: ppg.DirectoryGeneratingJob("parts", half, rename_broken=True))
        assert not (folder / "parts").exists()
        assert (folder / "parts.broken/half").read_text() == "h"
    run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1"), rename_broken=True))
    assert not (folder / "parts.broken").exists()


def test_a_folder_of_the_user_is_not_replaced_by_that_of_a_failed_job(folder):
    (folder / "parts.broken").mkdir()
    (folder / "parts.broken/mine").write_text("mine")
    for _ in range(2):
        graph = ppg.new_pipegraph(quiet=True)
        ppg.DirectoryGeneratingJob("parts", half, rename_broken=True)
        frontend = RecordingFrontend()
        with pytest.raises(ppg.RuntimeError):
            graph.run(frontend=frontend)
        assert "there is a 'parts.broken' already" in frontend.warnings[0]
        assert (folder / "parts.broken/mine").read_text() == "mine"


def test_each_attempt_finds_an_empty_folder(failing_run, account):
    def fill(folder):
        account.ran(f"found-{len(list(folder.iterdir()))}")
        half(folder)

    failing_run(lambda: ppg.DirectoryGeneratingJob("parts", fill, retries=1))
    assert account.taken() == ["found-0", "found-0"]


# -- what must never be emptied


def test_a_folder_with_files_that_no_job_made_is_refused_and_stays(failing_run, filler, account, folder):
    (folder / "parts").mkdir()
    (folder / "parts/thesis.doc").write_text("years")
    error, _ = failing_run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1")))
    message = str(error.exceptions["parts"])
    assert "'parts' was not started: it would empty the folder" in message
    assert "'thesis.doc'" in message
    assert "move the folder away" in message
    assert (folder / "parts/thesis.doc").read_text() == "years"
    assert account.taken() == []


def test_a_folder_in_the_place_of_a_made_one_is_refused_and_stays(run, failing_run, filler, folder):
    run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1")))
    (folder / "parts").rename(folder / "old")
    (folder / "parts").mkdir()
    (folder / "parts/thesis.doc").write_text("years")
    failing_run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1")))
    assert (folder / "parts/thesis.doc").read_text() == "years"


def test_a_folder_after_a_failure_is_the_users_again(failing_run, filler, folder):
    failing_run(lambda: ppg.DirectoryGeneratingJob("parts", half))
    (folder / "parts").mkdir()
    (folder / "parts/thesis.doc").write_text("years")
    failing_run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1")))
    assert (folder / "parts/thesis.doc").read_text() == "years"


def test_an_empty_folder_of_the_user_is_used(run, filler, folder):
    (folder / "parts").mkdir()
    run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1")))
    assert (folder / "parts/a").read_text() == "1"


def link_to_folder(path):
    path.with_name("other").mkdir()
    (path.with_name("other") / "file").write_text("mine")
    path.symlink_to("other")


OBSTACLES = {
    "a file": lambda path: path.write_text("mine"),
    "a named pipe": os.mkfifo,
    "a socket": named_socket,
    "a symbolic link": link_to_folder,
}


@pytest.mark.parametrize("make", OBSTACLES.values(), ids=OBSTACLES)
def test_what_is_no_folder_in_its_place_is_refused_and_stays(
    failing_run, filler, account, folder, request, make
):
    make(folder / "parts")
    before = (folder / "parts").lstat()
    error, _ = failing_run(lambda: ppg.DirectoryGeneratingJob("parts", filler(a="1")))
    assert f"its output '{folder / 'parts'}' is {request.node.callspec.id}," in str(error.exceptions["parts"])
    assert (folder / "parts").lstat().st_ino == before.st_ino
    assert account.taken() == []


@pytest.mark.parametrize("name", [".", "..", "/", "cache", "logs", "results"])
def test_a_folder_with_something_precious_is_refused_at_its_declaration(graph, folder, name):
    (folder / "results/.git").mkdir(parents=True)
    with pytest.raises(ppg.JobContractError, match="emptied before each start"):
        ppg.DirectoryGeneratingJob(name, print)


def test_a_folder_with_the_status_file_is_refused(folder):
    ppg.new_pipegraph(quiet=True, invariant_status_filename="state/status")
    with pytest.raises(ppg.JobContractError, match="the status file"):
        ppg.DirectoryGeneratingJob("state", print)


def declare_file():
    return ppg.FileGeneratingJob("parts/deep/a", print)


def declare_files():
    return ppg.MultiFileGeneratingJob(["other", "parts/a"], print)


def declare_folder():
    return ppg.DirectoryGeneratingJob("parts/deep", print)


def declare_input():
    return ppg.FileChecksumInvariant("parts/a")


def declare_input_folder():
    return ppg.FolderInvariant("parts", "*.txt")


RIVALS = [declare_file, declare_files, declare_folder, declare_input, declare_input_folder]


@pytest.mark.parametrize("declare", RIVALS)
def test_no_other_job_makes_or_observes_a_file_in_the_folder(graph, declare):
    ppg.DirectoryGeneratingJob("parts", print)
    with pytest.raises(ppg.JobContractError, match="parts"):
        declare()


@pytest.mark.parametrize("declare", RIVALS)
def test_no_folder_contains_the_files_of_jobs_that_were_declared_before(graph, declare):
    declare()
    with pytest.raises(ppg.JobContractError, match="Two jobs declare the file 'parts/"):
        ppg.DirectoryGeneratingJob("parts", print)


def test_a_generator_cannot_declare_a_file_in_the_folder_either(failing_run, filler, folder):
    def declare():
        parts = ppg.DirectoryGeneratingJob("parts", filler(a="1"))
        ppg.FileGeneratingJob("deep/er/file", lambda path: path.write_text("x"))
        ppg.JobGeneratingJob("in", lambda: ppg.FileGeneratingJob("parts/b", print)).depends_on(parts)
        ppg.JobGeneratingJob("around", lambda: ppg.DirectoryGeneratingJob("deep", print))

    error, _ = failing_run(declare)
    assert set(error.exceptions) == {"in", "around"}
    assert all("Two jobs declare the file" in str(one) for one in error.exceptions.values())
    assert (folder / "deep/er/file").exists()


# -- temporary and cached forms


def test_a_temporary_folder_is_there_for_its_users_and_removed_after_them(run, filler, account, folder):
    def declare(text):
        parts = ppg.TempDirectoryGeneratingJob("parts", filler(a="1"))

        def use(path):
            account.ran("user")
            path.write_text((folder / "parts/a").read_text() + text)

        ppg.FileGeneratingJob("user", use).depends_on(parts)

    run(lambda: declare("x"))
    assert account.taken() == ["parts", "user"]
    assert not (folder / "parts").exists()
    run(lambda: declare("x"))
    assert account.taken() == []
    run(lambda: declare("y"))
    assert account.taken() == ["parts", "user"]
    assert not (folder / "parts").exists()


def test_a_temporary_folder_that_nothing_needs_is_not_made(run, filler, account):
    run(lambda: ppg.TempDirectoryGeneratingJob("parts", filler(a="1")))
    assert account.taken() == []


def test_a_cached_folder_is_made_when_it_is_needed_and_kept(run, filler, writer, account, folder):
    def declare(users):
        parts = ppg.CachedDirectoryGeneratingJob("parts", filler(a="1"))
        for user in users:
            ppg.FileGeneratingJob(user, writer("u")).depends_on(parts)

    run(lambda: declare([]))
    assert account.taken() == []
    run(lambda: declare(["one"]))
    assert account.taken() == ["one", "parts"]
    assert (folder / "parts/a").exists()
    run(lambda: declare(["one", "two"]))
    assert account.taken() == ["two"]
    (folder / "parts/a").unlink()
    run(lambda: declare(["one", "two"]))
    assert account.taken() == []
    run(lambda: declare(["one", "two", "three"]))
    assert account.taken() == ["parts", "three"]
