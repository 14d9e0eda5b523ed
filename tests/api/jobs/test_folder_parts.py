"""Parts of a folder: jobs that depend on one file of it, or on those of a pattern."""

import glob
from pathlib import Path

import pytest

import ppg


@pytest.fixture
def declare(writer, account):
    """Declares a folder with these texts, and a job for each of the given parts of it, in whose place None is all."""

    def declare_parts(parts, **texts):
        def fill(folder):
            account.ran(folder.name)
            for name, text in texts.items():
                path = folder / name.replace("__", "/")
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)

        made = ppg.DirectoryGeneratingJob("parts", fill)
        for user, part in parts.items():
            ppg.FileGeneratingJob(user, writer("u")).depends_on(made if part is None else made[part])

    return declare_parts


PARTS = {"all": None, "one": "a", "few": "sub/*", "deep": "**/a"}


@pytest.mark.parametrize(
    ("then", "ran"),
    [
        ({"a": "1", "b": "1", "sub__a": "1"}, []),
        ({"a": "2", "b": "1", "sub__a": "1"}, ["all", "deep", "one"]),
        ({"a": "1", "b": "2", "sub__a": "1"}, ["all"]),
        ({"a": "1", "b": "1", "sub__a": "2"}, ["all", "deep", "few"]),
        ({"a": "1", "b": "1", "sub__a": "1", "c": "1"}, ["all"]),
        ({"a": "1", "b": "1", "sub__a": "1", "sub__c": "1"}, ["all", "few"]),
        ({"a": "1", "b": "1"}, ["all", "deep", "few"]),
    ],
)
def test_a_job_runs_if_its_part_of_the_folder_changed(run, declare, account, then, ran):
    run(lambda: declare(PARTS, a="1", b="1", sub__a="1"))
    account.taken()
    run(lambda: declare(PARTS, **then))
    assert account.taken() == (sorted([*ran, "parts"]) if ran else [])
    run(lambda: declare(PARTS, **then))
    assert account.taken() == []


def test_a_new_part_makes_only_its_own_job_run(run, declare, account):
    run(lambda: declare({"one": "a"}, a="1", b="1"))
    account.taken()
    run(lambda: declare({"one": "a", "two": "b", "three": "*"}, a="1", b="1"))
    assert account.taken() == ["three", "two"]


def test_a_file_that_the_folder_has_not_fails_its_maker(failing_run, declare):
    error, _ = failing_run(lambda: declare({"user": "b"}, a="1"))
    message = str(error.exceptions["parts"])
    assert "its folder has no 'parts/b', on which 'user' depends" in message


def test_a_pattern_may_match_nothing(run, declare, account):
    run(lambda: declare({"user": "*.txt"}, a="1"))
    assert account.taken() == ["parts", "user"]


def test_a_file_is_found_by_its_name(graph):
    parts = ppg.DirectoryGeneratingJob("parts", print)
    user = ppg.FileGeneratingJob("user", print).depends_on("parts/deep/a")
    assert parts in user.upstreams
    assert graph.dag.parts(parts._node, user._node) == {"parts/deep/a"}
    assert graph.job("parts/deep/a") is parts


def test_parts_are_files_and_paths(graph):
    parts = ppg.DirectoryGeneratingJob("parts", print)
    assert Path(parts["sub/a.txt"]) == Path("parts/sub/a.txt")
    assert parts["a"] == parts[Path("./a")]
    assert parts["*.txt"] == parts["*.txt"] != parts["*.fa"]
    assert str(parts["*.txt"]) == "parts/*.txt"


@pytest.mark.parametrize("name", ["../a", "/a", "", ".", "x/../.."])
def test_a_name_that_leads_out_of_the_folder_is_refused(graph, name):
    with pytest.raises(KeyError):
        ppg.DirectoryGeneratingJob("parts", print)[name]


@pytest.mark.parametrize("name", [0, None, b"a"])
def test_a_number_is_no_name(graph, name):
    with pytest.raises(TypeError):
        ppg.DirectoryGeneratingJob("parts", print)[name]


def test_a_folder_is_one_dependency_and_not_a_list(graph):
    with pytest.raises(TypeError):
        list(ppg.DirectoryGeneratingJob("parts", print))


def test_a_name_that_looks_like_a_pattern_can_be_escaped(run, account, folder):
    def declare():
        parts = ppg.DirectoryGeneratingJob("parts", lambda path: (path / "a[1]").write_text("x"))

        name = glob.escape("a[1]")

        @ppg.file("user")
        def user(out, found=ppg.upstream(parts[name])):
            out.write_text(repr([path.name for path in found]))

    run(declare)
    assert (folder / "user").read_text() == "['a[1]']"


def test_functions_get_folders_files_and_lists_of_files(run, folder):
    def declare():
        @ppg.directory("parts")
        def parts(path):
            for name in ("b.txt", "a.txt", "c.fa"):
                (path / name).write_text(name)

        @ppg.file("user")
        def user(
            out,
            whole=ppg.upstream(parts),
            one=ppg.upstream(parts["c.fa"]),
            texts=ppg.upstream(parts["*.txt"]),
        ):
            out.write_text(f"{whole} {one} {[str(path) for path in texts]}")

        @ppg.file("fresh", isolation="fresh")
        def fresh(out, texts=parts["*.txt"]):
            out.write_text(str(len(texts)))

    run(declare)
    assert (folder / "user").read_text() == "parts parts/c.fa ['parts/a.txt', 'parts/b.txt']"
    assert (folder / "fresh").read_text() == "2"


def test_the_part_that_changed_is_what_reads_see(run, folder, account, writer):
    """A job that reads a file of the folder without depending on it reads the output of another job."""

    def declare(text):
        parts = ppg.DirectoryGeneratingJob(
            "parts", lambda path: [(path / name).write_text(value) for name, value in text.items()]
        )

        def use(path):
            account.ran("user")
            path.write_text(Path("parts/a").read_text())

        ppg.FileGeneratingJob("user", use)
        return parts

    def run_one(declare_jobs):
        # With one core the folder is made first.
        return run(declare_jobs, resource_coordinator=ppg.LocalSystem(max_cores_to_use=1))

    run_one(lambda: declare({"a": "1", "b": "1"}))
    run_one(lambda: declare({"a": "1", "b": "1"}))
    account.taken()
    run_one(lambda: declare({"a": "1", "b": "2"}))
    assert account.taken() == []
    run_one(lambda: declare({"a": "2", "b": "2"}))
    assert account.taken() == ["user"]
    assert (folder / "user").read_text() == "2"
