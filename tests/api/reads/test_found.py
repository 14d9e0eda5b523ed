"""What the random scripts of `tests/properties/api/test_undeclared_reads.py` have found, and what lies near it."""

import os

import pytest

import ppg


def test_outputs_are_no_names_that_count_behind_a_link_to_their_folder(project, ran):
    def work(path):
        ran(path.name)
        path.write_text(" ".join(sorted(os.listdir("results"))) or "nothing")

    def declare():
        for name in ("results/a", "scratch/b", "results/deep/c"):
            ppg.FileGeneratingJob(name, work)

    (project.folder / "scratch").mkdir()
    (project.folder / "results").symlink_to("scratch")
    assert project.run(declare) == ["a", "b", "c"]
    for _ in range(2):
        assert project.run(declare) == []
    project.write("scratch/input", "")
    assert project.run(declare) == ["a", "b", "c"]


def test_two_jobs_that_change_their_roles_need_no_more_than_two_runs(project):
    def declare(*, swapped):
        a, b = ("in", "a") if swapped else ("b", "in")
        ppg.FileGeneratingJob("a", project.copying(a)).depends_on_params(swapped)
        ppg.FileGeneratingJob("b", project.copying(b)).depends_on_params(swapped)

    project.write("in", "1")
    for _ in range(2):
        project.run(lambda: declare(swapped=False))
    for _ in range(2):
        project.run(lambda: declare(swapped=True))
    assert project.errors == {}
    assert (project.text("a"), project.text("b")) == ("1", "1")
    assert project.run(lambda: declare(swapped=True)) == []


def test_a_circle_with_a_generated_job_ends_when_the_code_is_mended(project, ran):
    def declare(*reads):
        copy = project.copying(*reads)

        def generate():
            ppg.FileGeneratingJob("made", project.copying("reader"))

        ppg.FileGeneratingJob("reader", copy).depends_on_params(reads)
        ppg.JobGeneratingJob("generate", generate)

    for _ in range(3):
        project.run(lambda: declare("made"))
    assert all("which is made from its own results" in text for text in project.errors.values())
    project.write("in", "1")
    for _ in range(3):
        project.run(lambda: declare("in"))
    assert project.errors == {}
    assert (project.text("reader"), project.text("made")) == ("1", "1")
    assert project.run(lambda: declare("in")) == []


def test_a_circle_that_a_generator_declares_is_refused_whatever_was_read(project, ran):
    def declare(*, closed):
        def generate():
            one = ppg.FileGeneratingJob("one", project.copying("in"))
            two = ppg.FileGeneratingJob("two", project.copying("one"))
            three = ppg.FileGeneratingJob("three", project.copying())
            if closed:
                one.depends_on(two)
                two.depends_on(three)
                three.depends_on(one)

        ppg.JobGeneratingJob("generate", generate)

    project.write("in", "1")
    for _ in range(2):
        project.run(lambda: declare(closed=False))
    project.run(lambda: declare(closed=True))
    assert set(project.errors) == {"generate"}
    assert "depend" in project.errors["generate"]
    project.run(lambda: declare(closed=False))
    assert project.errors == {}


@pytest.mark.parametrize("generated", [False, True])
def test_an_output_that_was_read_by_a_link_before_its_maker_was_known_is_waited_for(project, ran, generated):
    def declare(value):
        def make(path):
            ran("made")
            path.write_text(str(value))

        def generate():
            ppg.FileGeneratingJob("results/made", make).depends_on_params(value)

        ppg.FileGeneratingJob("reader", project.copying("link/made"))
        if generated:
            ppg.JobGeneratingJob("generate", generate)
        else:
            generate()

    project.write("results/made", "1")
    (project.folder / "link").symlink_to("results")
    assert project.run(lambda: ppg.FileGeneratingJob("reader", project.copying("link/made"))) == ["reader"]
    for _ in range(2):
        project.run(lambda: declare(1))
    assert project.text("reader") == "1"
    assert project.run(lambda: declare(2)) == ["made", "reader"]
    assert project.text("reader") == "2"
    assert project.run(lambda: declare(2)) == []
