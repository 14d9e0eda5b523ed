"""A file that a job reads without declaring it becomes part of its record."""

import multiprocessing
import os
import subprocess
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest

import ppg


def test_a_change_of_a_file_that_was_read_reruns_the_job_and_says_so(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("config.json"))

    project.write("config.json", "1")
    assert project.run(declare) == ["a"]
    assert project.warnings == []
    assert project.run(declare) == []
    project.write("config.json", "2")
    assert project.reasons(declare, "a") == ("config.json, which it read, changed",)
    assert project.run(declare) == ["a"]
    assert project.text("a") == "2"
    assert project.run(declare) == []
    assert project.reasons(declare, "a") is None


def test_a_touched_file_reruns_nothing(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("config.json"))

    project.write("config.json", "1")
    project.run(declare)
    os.utime("config.json", ns=(1, 1))
    assert project.run(declare) == []


def test_a_file_that_appears_reruns_a_job_that_looked_for_it(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("local.cfg"))

    assert project.run(declare) == ["a"]
    assert project.run(declare) == []
    project.write("local.cfg", "here")
    assert project.reasons(declare, "a") == ("local.cfg, which it looked for, is there now",)
    assert project.run(declare) == ["a"]
    (project.folder / "local.cfg").unlink()
    assert project.reasons(declare, "a") == ("local.cfg, which it read, is gone",)
    assert project.run(declare) == ["a"]
    assert project.text("a") == "-"
    assert project.run(declare) == []


def test_what_a_job_does_not_read_any_more_is_forgotten(project):
    def declare(*names):
        ppg.FileGeneratingJob("a", project.copying(*names)).depends_on_params(names)

    project.write("old", "1")
    project.write("new", "1")
    project.run(lambda: declare("old"))
    assert project.run(lambda: declare("new")) == ["a"]
    project.write("old", "2")
    assert project.run(lambda: declare("new")) == []
    project.write("new", "2")
    assert project.run(lambda: declare("new")) == ["a"]


def test_a_dependency_on_a_file_that_was_read_reruns_nothing(project):
    def declare(*declared):
        job = ppg.FileGeneratingJob("a", project.copying("config.json"))
        for name in declared:
            job.depends_on_file(name)

    project.write("config.json", "1")
    project.run(declare)
    assert project.run(lambda: declare("config.json")) == []
    project.write("config.json", "2")
    assert project.run(lambda: declare("config.json")) == ["a"]


def test_a_link_to_another_content_is_a_change(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("current"))

    project.write("one", "1")
    project.write("two", "2")
    (project.folder / "current").symlink_to("one")
    project.run(declare)
    assert project.run(declare) == []
    (project.folder / "current").unlink()
    (project.folder / "current").symlink_to("two")
    assert project.run(declare) == ["a"]
    project.write("two", "3")
    assert project.run(declare) == ["a"]
    assert project.text("a") == "3"


def test_a_file_that_the_job_writes_itself_is_no_input(project, ran):
    def work(path):
        ran("a")
        if not os.path.exists("notes"):
            project.write("notes", "x")
        path.write_text(_text_of("notes"))

    def declare():
        ppg.FileGeneratingJob("a", work)

    assert project.run(declare) == ["a"]
    project.write("notes", "y")
    # This run reads what it did not write.
    assert project.run(declare) == []


def test_a_file_that_changes_while_the_job_runs_is_named_and_not_recorded(project, ran):
    def work(path):
        ran("a")
        path.write_text(_text_of("log"))
        with open("log", "a") as log:
            log.write("more")

    project.write("log", "x")
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == ["a"]
    (message,) = project.warnings
    assert message.startswith("'log' changed while 'a' ran and read it")
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == []


def test_modules_are_in_fingerprints_and_not_among_the_reads(project, ran):
    project.write("helper.py", "VALUE = 1\n")

    def work(path):
        import sys

        ran("a")
        sys.path.insert(0, "")
        import helper

        path.write_text(str(helper.VALUE))

    def declare():
        ppg.FileGeneratingJob("a", work)

    project.run(declare)
    assert [line for line in inputs_of("a") if "helper" in line and "read besides" in line] == []
    assert not any("__pycache__" in line or "names in" in line for line in inputs_of("a"))


def inputs_of(name):
    from pathlib import Path

    from ppg.inspect.inputs import inputs_from_store

    return inputs_from_store(Path(".pypipegraph_status_robust"), name)


def _text_of(name):
    with open(name) as file:
        return file.read()


def by_thread(name):
    found = []
    thread = threading.Thread(target=lambda: found.append(_text_of(name)))
    thread.start()
    thread.join()
    return found[0]


def by_fork(name):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map(_text_of, [name])[0]


def by_executor(name):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        return pool.submit(_text_of, name).result()


def by_descriptor(name):
    descriptor = os.open(name, os.O_RDONLY)
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("read", [by_thread, by_fork, by_executor, by_descriptor])
def test_reads_in_threads_forks_and_by_descriptors_count(project, ran, read):
    def work(path):
        ran("a")
        path.write_text(read("data"))

    project.write("data", "1")
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == ["a"]
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == []
    project.write("data", "2")
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == ["a"]
    assert project.text("a") == "2"


def test_names_that_are_no_text_count(project):
    name = os.fsdecode(b"caf\xe9")

    def declare():
        ppg.FileGeneratingJob("a", project.copying(name))

    project.write(name, "1")
    project.run(declare)
    assert project.run(declare) == []
    project.write(name, "2")
    assert project.run(declare) == ["a"]


def test_files_of_the_system_are_no_reads(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("/etc/hostname", "/proc/self/stat", "of_the_project"))

    project.write("of_the_project", "x")
    project.run(declare)
    lines = inputs_of("a")
    assert lines[lines.index("it read besides, and runs again if one of these changes") + 1 :] == [
        "  of_the_project"
    ]


def test_what_another_program_reads_is_not_seen(project, ran):
    def work(path):
        ran("a")
        path.write_text(subprocess.run(["cat", "data"], capture_output=True, text=True, check=True).stdout)

    project.write("data", "1")
    project.run(lambda: ppg.FileGeneratingJob("a", work))
    project.write("data", "2")
    assert project.run(lambda: ppg.FileGeneratingJob("a", work)) == []


def test_a_multi_file_job_a_plot_and_a_cached_value_have_their_reads(project, ran):
    def both(paths):
        ran("multi")
        for path in paths:
            path.write_text(_text_of("data"))

    def calculate():
        ran("cached")
        return _text_of("data")

    def use(path):
        ran("use")
        path.write_text(VALUES["x"])

    def declare():
        ppg.MultiFileGeneratingJob(["m1", "m2"], both)
        cached = ppg.CachedDataLoadingJob("x.cache", calculate, lambda value: VALUES.update(x=value))
        ppg.FileGeneratingJob("use", use).depends_on(cached)

    project.write("data", "1")
    assert project.run(declare) == ["cached", "multi", "use"]
    assert project.run(declare) == []
    project.write("data", "2")
    assert project.run(declare) == ["cached", "multi", "use"]
    assert project.text("use") == "2"
    assert project.run(declare) == []


VALUES = {}
