"""Input folders: which changes of a folder's files are seen, and what is read for that."""

import os

import pytest

import ppg
import ppg_invariants.files.trees as trees


@pytest.fixture
def declare(writer):
    def declare_user(*arguments, **options):
        ppg.FileGeneratingJob("user", writer("u")).depends_on(
            ppg.FolderInvariant("in", *arguments, **options)
        )

    return declare_user


@pytest.fixture
def inputs(folder):
    (folder / "in/sub").mkdir(parents=True)
    (folder / "in/a.txt").write_text("1")
    (folder / "in/b.fa").write_text("1")
    (folder / "in/sub/c.txt").write_text("1")
    (folder / "elsewhere").write_text("1")
    (folder / "in/link.txt").symlink_to("../elsewhere")
    return folder / "in"


CHANGES = {
    "nothing": lambda inputs: None,
    "a time": lambda inputs: os.utime(inputs / "a.txt"),
    "a text": lambda inputs: (inputs / "a.txt").write_text("2"),
    "a mode": lambda inputs: (inputs / "a.txt").chmod(0o755),
    "another file": lambda inputs: (inputs / "b.fa").write_text("2"),
    "a deep file": lambda inputs: (inputs / "sub/c.txt").write_text("2"),
    "a new file": lambda inputs: (inputs / "new.txt").write_text("2"),
    "no file": lambda inputs: (inputs / "a.txt").unlink(),
    "a target": lambda inputs: (inputs.parent / "elsewhere").write_text("2"),
}


@pytest.mark.parametrize(
    ("glob", "seen"),
    [
        ("*.txt", {"a text", "a mode", "a new file", "no file", "a target"}),
        ("**/*.txt", {"a text", "a mode", "a new file", "no file", "a target", "a deep file"}),
        ("**/*", CHANGES.keys() - {"nothing", "a time"}),
        ("sub/*", {"a deep file"}),
        ("*.bam", set()),
    ],
)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_counts_if_the_name_of_the_file_matches(run, declare, inputs, account, glob, seen, change):
    run(lambda: declare(glob))
    account.taken()
    CHANGES[change](inputs)
    run(lambda: declare(glob))
    assert account.taken() == (["user"] if change in seen else [])
    run(lambda: declare(glob))
    assert account.taken() == []


def test_files_are_not_read_again_if_their_stat_is_unchanged(run, declare, inputs, monkeypatch):
    read = []
    describe = trees.describe_file
    monkeypatch.setattr(
        trees, "describe_file", lambda path, **options: [read.append(path), describe(path, **options)][1]
    )
    run(declare)
    assert len(read) == 4
    for path in inputs.rglob("*"):
        os.utime(path, ns=(1, 1))  # settled at once
    run(declare)
    read.clear()
    run(declare)
    (inputs / "a.txt").write_text("2")
    run(declare)
    assert {os.path.basename(path) for path in read} == {"a.txt"}


def test_two_patterns_of_one_folder_are_two_invariants(run, writer, inputs, account):
    def declare():
        ppg.FileGeneratingJob("texts", writer("x")).depends_on(ppg.FolderInvariant("in/", "*.txt"))
        ppg.FileGeneratingJob("genomes", writer("x")).depends_on(ppg.FolderInvariant("./in", "*.fa"))

    run(declare)
    account.taken()
    (inputs / "b.fa").write_text("2")
    run(declare)
    assert account.taken() == ["genomes"]


def test_the_reason_names_the_file(run, declare, inputs):
    run(declare)
    (inputs / "a.txt").unlink()
    result = run(declare)
    assert result["user"].reasons == ("a.txt was removed (the files in/**/*)",)


def test_a_missing_folder_fails_its_users_with_a_clear_error(failing_run, declare, writer):
    def declare_both():
        declare()
        ppg.FileGeneratingJob("other", writer("x"))

    error, graph = failing_run(declare_both)
    assert "the input folder 'in' is not there; put it right" in str(error)
    assert graph.job("other").was_run


def test_a_file_in_its_place_is_an_error_too(failing_run, declare, folder):
    (folder / "in").write_text("x")
    error, _ = failing_run(declare)
    assert "the input folder 'in' is not a folder" in str(error)


def test_what_cannot_be_read_is_named(failing_run, declare, inputs):
    os.mkfifo(inputs / "pipe")
    error, _ = failing_run(declare)
    assert "'in/pipe' is a named pipe, not a file" in str(error)


@pytest.mark.parametrize("glob", ["", "/a", "../*", "a//b", "./*"])
def test_a_pattern_that_leads_elsewhere_is_refused(graph, glob):
    with pytest.raises(ValueError, match="FolderInvariant: glob"):
        ppg.FolderInvariant("in", glob)


@pytest.mark.parametrize("path", [None, 5, b"in"])
def test_what_is_no_path_is_refused(graph, path):
    with pytest.raises(TypeError, match="FolderInvariant: path"):
        ppg.FolderInvariant(path)


def test_the_files_that_jobs_make_there_do_not_count(run, declare, writer, inputs, account):
    def declare_both():
        declare()
        ppg.FileGeneratingJob("in/made.txt", writer("x"))
        ppg.DirectoryGeneratingJob("in/folder", lambda path: (path / "made").write_text("x"))

    run(declare_both)
    assert account.taken() == ["made.txt", "user"]
    run(declare_both)
    assert account.taken() == []


def test_reading_and_listing_such_files_is_declared(run, inputs, account, folder):
    def declare():
        def use(path):
            account.ran("user")
            path.write_text("".join(one.read_text() for one in sorted((folder / "in").glob("*.txt"))))

        ppg.FileGeneratingJob("user", use, undeclared="fail").depends_on(ppg.FolderInvariant("in", "*.txt"))

    run(declare)
    run(declare)
    assert account.taken() == ["user"]
    (inputs / "note.md").write_text("x")
    run(declare)
    assert account.taken() == []


def test_the_project_itself_may_be_the_folder(run, writer, account, folder):
    (folder / "a.csv").write_text("1")

    def declare():
        ppg.FileGeneratingJob("user", writer("u")).depends_on(ppg.FolderInvariant(".", "*.csv"))

    run(declare)
    account.taken()
    (folder / "a.csv").write_text("2")
    run(declare)
    assert account.taken() == ["user"]


def test_a_file_that_changes_while_its_user_runs_fails_the_user(failing_run, inputs):
    def declare():
        def use(path):
            path.write_text("x")
            (inputs / "a.txt").write_text("other")

        ppg.FileGeneratingJob("user", use).depends_on(ppg.FolderInvariant("in"))

    error, _ = failing_run(declare)
    assert "'in/a.txt' changed while 'user' ran" in str(error)


def test_verification_reads_all_files(run, declare, inputs):
    run(declare)
    graph = ppg.new_pipegraph(quiet=True)
    declare()
    assert graph.verify(rehash=True).holds
