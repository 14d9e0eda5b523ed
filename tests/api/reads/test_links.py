"""Links on the way to what a job reads: to a file, to another job's output, to a declared file, to the project itself."""

from pathlib import Path

import pytest

import ppg
from ppg.inspect.inputs import inputs_from_store


def turned(link, target):
    Path(link).unlink()
    Path(link).symlink_to(target)


def declare_outputs(project, ran):
    def make(path):
        ran(path.name)
        path.write_text(path.name)

    for name in ("one", "two"):
        ppg.FileGeneratingJob(name, make)


def test_a_link_that_leads_to_another_output_now_is_a_change(project, ran):
    def declare():
        declare_outputs(project, ran)
        ppg.FileGeneratingJob("reader", project.copying("current"))

    Path("current").symlink_to("one")
    for _ in range(2):
        project.run(declare)
    assert project.text("reader") == "one"
    assert project.run(declare) == []
    turned("current", "two")
    assert project.reasons(declare, "reader") == (
        "the link current, by which it read a file, leads elsewhere",
    )
    project.run(declare)
    assert project.text("reader") == "two"
    for _ in range(2):
        assert project.run(declare) == []


@pytest.mark.parametrize("by", ["a link to the file", "a link to its folder"])
def test_a_link_by_which_a_declared_file_is_read_counts(project, by):
    used, link = ("link", "link") if by == "a link to the file" else ("link/in", "link")

    def declare():
        ppg.FileGeneratingJob("reader", project.copying(used)).depends_on_file("data/in")

    project.write("data/in", "1")
    project.write("other/in", "2")
    suffix = "/in" if used == link else ""
    Path(link).symlink_to(f"data{suffix}")
    assert project.run(declare) == ["reader"]
    assert project.run(declare) == []
    project.write("data/in", "1b")
    assert project.run(declare) == ["reader"]
    turned(link, f"other{suffix}")
    assert project.run(declare) == ["reader"]
    assert project.text("reader") == "2"
    for _ in range(2):
        assert project.run(declare) == []


def test_a_link_to_a_declared_file_that_is_gone_is_a_change(project):
    def declare():
        ppg.FileGeneratingJob("reader", project.copying("link")).depends_on_file("in")

    project.write("in", "1")
    Path("link").symlink_to("in")
    project.run(declare)
    Path("link").unlink()
    assert project.run(declare) == ["reader"]
    assert project.text("reader") == "-"
    assert project.run(declare) == []


def test_a_load_that_reads_an_output_by_a_link_is_repeated_when_the_link_leads_elsewhere(project, ran):
    data = {}

    def load():
        with open("current") as file:
            data["text"] = file.read()

    def declare():
        declare_outputs(project, ran)
        loaded = ppg.DataLoadingJob("load", load)
        ppg.FileGeneratingJob("user", lambda path: path.write_text(data["text"])).depends_on(loaded)

    project.write("one", "one")
    project.write("two", "two")
    Path("current").symlink_to("one")
    for _ in range(3):
        project.run(declare)
    assert project.text("user") == "one"
    turned("current", "two")
    project.run(declare)
    assert project.text("user") == "two"


@pytest.mark.parametrize("inline", [False, True])
def test_a_project_in_a_folder_that_is_a_link_has_the_names_of_its_own_files(project, ran, inline):
    """The working directory of a job has no links, so the names that it uses are others than those of the graph."""
    (project.folder / "real").mkdir()
    Path("link").symlink_to("real")
    root = project.folder / "link"
    (root / "in").write_text("in")

    def declare():
        made = ppg.FileGeneratingJob("made", lambda path: path.write_text("made"))
        temporary = ppg.TempFileGeneratingJob("temporary", lambda path: path.write_text("temporary"))
        copy = project.copying("made", "temporary", "in")
        ppg.FileGeneratingJob("declared", copy).depends_on(made, temporary).depends_on_file("in")
        ppg.FileGeneratingJob("besides", project.copying("made", "in"))

    options = {"root": root, "resource_coordinator": ppg.LocalSystem(max_cores_to_use=1, inline=inline)}
    assert project.run(declare, **options) == ["besides", "declared"]
    project.run(declare, **options)
    assert project.run(declare, **options) == []
    store = root / ".pypipegraph_status_robust"
    assert not any("read besides" in line for line in inputs_from_store(store, "declared"))
    read = inputs_from_store(store, "besides")
    assert read[read.index("it read besides, and runs again if one of these changes") + 1 :] == [
        "  made",
        "  in",
    ]
    (root / "in").write_text("other")
    assert project.run(declare, **options) == ["besides", "declared"]
