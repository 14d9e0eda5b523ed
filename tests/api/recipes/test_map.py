"""ppg.map: one job per item, or per file of a folder."""

from pathlib import Path

import pytest

import ppg
from tests.fakes import RecordingFrontend


def double(out, source):
    out.write_text(source.read_text() * 2)


@pytest.fixture
def declare(account):
    """Declares a folder with these texts, a job for each file of it, and one that depends on all."""

    def declare_all(pattern="*.fa", to="out/{stem}.txt", **texts):
        def fill(folder):
            for name, text in texts.items():
                path = folder / name.replace("__", "/").replace("_", ".")
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)

        def twice(out, source):
            account.ran(source.name)
            double(out, source)

        def total(out):
            account.ran("total")
            out.write_text("".join(path.read_text() for path in sorted(Path("out").rglob("*.txt"))) or "none")

        parts = ppg.DirectoryGeneratingJob("parts", fill)
        ppg.FileGeneratingJob("total", total, undeclared="ignore").depends_on(
            ppg.map(parts, pattern, twice, to=to)
        )

    return declare_all


def test_each_file_of_a_folder_gets_its_job_in_the_same_run(run, declare, account, folder):
    run(lambda: declare(a_fa="1", b_fa="2", c_txt="3"))
    assert account.taken() == ["a.fa", "b.fa", "total"]
    assert (folder / "total").read_text() == "1122"
    run(lambda: declare(a_fa="1", b_fa="2", c_txt="3"))
    assert account.taken() == []


def test_a_changed_new_or_removed_file_concerns_only_its_own_job(run, declare, account, folder):
    run(lambda: declare(a_fa="1", b_fa="2"))
    account.taken()
    run(lambda: declare(a_fa="1", b_fa="3"))
    assert account.taken() == ["b.fa", "total"]
    run(lambda: declare(a_fa="1", b_fa="3", c_fa="4"))
    assert account.taken() == ["c.fa", "total"]
    run(lambda: declare(a_fa="1", c_fa="4"))
    assert account.taken() == ["total"]


def test_a_map_needs_no_users(folder):
    graph = ppg.new_pipegraph(quiet=True)
    parts = ppg.DirectoryGeneratingJob("parts", lambda path: (path / "a").write_text("1"))
    assert isinstance(ppg.map(parts, "*", double, to="out/{name}"), ppg.MapJob)
    frontend = RecordingFrontend()
    graph.run(frontend=frontend)
    assert frontend.warnings == []


def test_files_of_folders_in_the_folder_have_their_path(run, declare, folder):
    run(lambda: declare("**/*.fa", "out/{path}.txt", a_fa="1", sub__a_fa="2"))
    assert (folder / "out/a.fa.txt").read_text() == "11"
    assert (folder / "out/sub/a.fa.txt").read_text() == "22"


def test_two_files_with_one_target_are_refused(failing_run, declare):
    error, _ = failing_run(lambda: declare("**/*.fa", "out/{stem}.txt", a_fa="1", sub__a_fa="2"))
    (message,) = (str(one) for one in error.exceptions.values())
    assert "'out/a.txt' would be the file of both 'parts/a.fa' and 'parts/sub/a.fa'" in message


def test_a_folder_without_such_files_makes_no_jobs(run, declare, account):
    run(lambda: declare("*.bam", a_fa="1"))
    assert account.taken() == ["total"]


def test_a_map_takes_keywords_of_the_jobs_and_other_products(run, folder, account):
    def declare(factor):
        parts = ppg.DirectoryGeneratingJob("parts", lambda path: (path / "a").write_text("1"))
        other = ppg.FileGeneratingJob("factor", lambda path: path.write_text(factor))

        def use(out, source, *, by=ppg.upstream(other)):
            account.ran("a")
            out.write_text(source.read_text() * int(by.read_text()))

        ppg.map(parts, "*", use, to=lambda source: f"out/{source.stem}", empty_ok=True)

    run(lambda: declare("3"))
    assert (folder / "out/a").read_text() == "111"
    run(lambda: declare("0"))
    assert (folder / "out/a").read_text() == ""
    assert account.taken() == ["a", "a"]


def test_each_item_gets_its_job(run, folder, account):
    def declare(items):
        def write(out, item):
            account.ran(str(item))
            out.write_text(str(item))

        jobs = ppg.map(write, items, to="out/{item}.txt")
        assert isinstance(jobs, ppg.JobList)
        assert [job.job_id for job in jobs] == [f"out/{item}.txt" for item in items]

    run(lambda: declare([1, 2]))
    assert account.taken() == ["1", "2"]
    run(lambda: declare([1, 2, 3]))
    assert account.taken() == ["3"]


def test_another_item_for_the_same_file_is_a_change(run, folder, account):
    def declare(values):
        def write(out, item):
            account.ran(item[0])
            out.write_text(str(item))

        ppg.map(write, values.items(), to=lambda item: f"out/{item[0]}")

    run(lambda: declare({"a": 1, "b": 2}))
    account.taken()
    run(lambda: declare({"a": 1, "b": 3}))
    assert account.taken() == ["b"]


def test_items_may_be_jobs_and_paths(run, folder, account):
    (folder / "input.fa").write_text("1")

    def declare():
        made = ppg.FileGeneratingJob("made.fa", lambda path: path.write_text("2"))

        def twice(out, source):
            account.ran(source.name)
            double(out, source)

        ppg.map(twice, [Path("input.fa"), made], to="out/{stem}.txt")

    run(declare)
    assert (folder / "out/input.txt").read_text() == "11"
    assert (folder / "out/made.txt").read_text() == "22"
    account.taken()
    (folder / "input.fa").write_text("3")
    run(declare)
    assert account.taken() == ["input.fa"]


@pytest.mark.parametrize(
    ("arguments", "to", "error"),
    [
        ((double, "text"), "{item}", TypeError),
        ((double, 5), "{item}", TypeError),
        ((double, [1]), 5, TypeError),
        ((double, [1]), "{other}", ValueError),
        ((double, [1, 1]), "{item}", ValueError),
        ((print, [1]), "{item}", TypeError),
        ((lambda out: None, [1]), "{item}", TypeError),
        ((lambda out, item, more: None, [1]), "{item}", TypeError),
        ((5, [1]), "{item}", TypeError),
        ((double,), "{item}", TypeError),
    ],
)
def test_whatever_cannot_be_right_is_refused_at_once(graph, arguments, to, error):
    with pytest.raises(error, match=r"ppg\.map"):
        ppg.map(*arguments, to=to)


@pytest.mark.parametrize(
    ("pattern", "function", "error"),
    [("a.fa", double, ValueError), ("*", print, TypeError), (5, double, TypeError)],
)
def test_a_folder_with_what_cannot_be_right_is_refused_at_once(graph, pattern, function, error):
    parts = ppg.DirectoryGeneratingJob("parts", lambda path: None)
    with pytest.raises(error, match=r"ppg\.map"):
        ppg.map(parts, pattern, function, to="{stem}")
