"""Confined jobs that make folders, and that read some files of one."""

from pathlib import Path

import pytest

import ppg
from tests.landlock import needs_landlock

pytestmark = needs_landlock


def fill(folder):
    (folder / "sub").mkdir()
    (folder / "sub/a").write_text("a")
    (folder / "b").write_text("b")
    (folder / "b").rename(folder / "c")
    (folder / "gone").write_text("x")
    (folder / "gone").unlink()


def test_a_confined_job_does_what_it_wants_in_its_folder(folder, run):
    for _ in range(2):
        run(lambda: ppg.DirectoryGeneratingJob("parts", fill), confine=True)
        assert sorted(str(path.relative_to(folder)) for path in (folder / "parts").rglob("*")) == [
            "parts/c",
            "parts/sub",
            "parts/sub/a",
        ]
        (folder / "parts/by hand").write_text("x")


def test_and_nothing_outside_of_it(folder, fails):
    text = fails(
        "parts", lambda: ppg.DirectoryGeneratingJob("parts", lambda path: Path("out").write_text("x"))
    )
    assert "PermissionError" in text
    assert not (folder / "out").exists()


@pytest.mark.parametrize(("part", "is_allowed"), [(None, True), ("c", True), ("*", True), ("sub/*", False)])
def test_a_confined_reader_reads_its_part(folder, part, is_allowed):
    graph = ppg.new_pipegraph(quiet=True, confine=True)
    parts = ppg.DirectoryGeneratingJob("parts", fill)
    user = ppg.FileGeneratingJob("user", lambda path: path.write_text(Path("parts/c").read_text()))
    user.depends_on(parts if part is None else parts[part])
    if is_allowed:
        graph.run()
        assert (folder / "user").read_text() == "b"
    else:
        with pytest.raises(ppg.RuntimeError):
            graph.run()
        assert isinstance(user.exception, PermissionError)


def test_a_confined_reader_reads_an_input_folder_as_far_as_it_counts(folder, fails, run):
    (folder / "in").mkdir()
    (folder / "in/a.txt").write_text("a")
    (folder / "in/b.fa").write_text("b")

    def declare(name):
        user = ppg.FileGeneratingJob("user", lambda path: path.write_text(Path(name).read_text()))
        user.depends_on(ppg.FolderInvariant("in", "*.txt"))

    run(lambda: declare("in/a.txt"), confine=True)
    assert (folder / "user").read_text() == "a"
    assert "PermissionError" in fails("user", lambda: declare("in/b.fa"))


@pytest.mark.parametrize("other", [None, "parts/sub/a"])
def test_a_mapped_function_reads_its_own_file_only(folder, run, fails, other):
    def declare():
        def use(out, source, other=other):
            out.write_text(source.read_text() + (Path(other).read_text() if other else ""))

        ppg.map(ppg.DirectoryGeneratingJob("parts", fill), "*", use, to="out/{stem}")

    if other is None:
        run(declare, confine=True)
        assert (folder / "out/c").read_text() == "b"
    else:
        assert "PermissionError" in fails("out/c", declare)
