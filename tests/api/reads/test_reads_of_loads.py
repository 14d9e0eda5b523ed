"""Loads run in the compute node, and what they read counts for the jobs that use the data."""

import os
import signal
from pathlib import Path

import ppg

DATA = {}


def declare(project, *names, value=None):
    ran = project.account.ran

    def load():
        ran("load")
        DATA["text"] = " ".join(text(name) for name in names)

    def use(path):
        ran("use")
        path.write_text(DATA["text"])

    loaded = ppg.DataLoadingJob("load", load)
    ppg.FileGeneratingJob("use", use).depends_on(loaded)
    ppg.FileGeneratingJob("other", project.copying())


def text(name):
    with open(name) as file:
        return file.read()


def test_a_file_that_a_load_read_reruns_those_that_use_its_data(project):
    project.write("data", "1")
    assert project.run(lambda: declare(project, "data")) == ["load", "other", "use"]
    assert project.run(lambda: declare(project, "data")) == []
    project.write("data", "2")
    assert project.run(lambda: declare(project, "data")) == ["load", "use"]
    assert project.text("use") == "2"
    assert project.run(lambda: declare(project, "data")) == []


def test_a_load_that_reads_a_file_of_another_job_waits_for_it(project, ran):
    def declare_both(value):
        def make(path):
            ran("made")
            path.write_text(str(value))

        ppg.FileGeneratingJob("made", make).depends_on_params(value)
        declare(project, "made")

    project.write("made", "old")
    for _ in range(2):
        project.run(lambda: declare_both(1))
    assert project.text("use") == "1"
    assert project.run(lambda: declare_both(1)) == []
    assert project.run(lambda: declare_both(2)) == ["load", "made", "use"]
    assert project.text("use") == "2"


def test_reads_of_one_load_are_not_those_of_another(project, ran):
    def declare_two():
        for name in ("x", "y"):

            def load(name=name):
                DATA[name] = text(name)

            def use(path, name=name):
                ran(path.name)
                path.write_text(DATA[name])

            loaded = ppg.DataLoadingJob(f"load {name}", load)
            ppg.FileGeneratingJob(f"of_{name}", use).depends_on(loaded)

    project.write("x", "1")
    project.write("y", "1")
    assert project.run(declare_two) == ["of_x", "of_y"]
    project.write("y", "2")
    assert project.run(declare_two) == ["of_y"]


def test_data_that_was_loaded_again_from_another_text_fails_the_jobs_that_use_it(folder, run_with):
    """The compute node dies after an edit, and the next one repeats the load."""

    class Data:
        text = None

    def kill_the_node():
        Path("data").write_text("other")
        os.kill(os.getppid(), signal.SIGKILL)

    def declare():
        loaded = ppg.AttributeLoadingJob("load", Data, "text", lambda: text("data"))
        killer = ppg.FileGeneratingJob("killer", kill_the_node).depends_on(loaded)
        killer.cores_needed = -1
        ppg.FileGeneratingJob("user", lambda path: path.write_text(Data.text)).depends_on(loaded)

    (folder / "data").write_text("one")
    seen = run_with(declare, ppg.LocalSystem(1))
    assert set(seen) == {"killer", "user"}
    assert "but 'data' had changed since, and 'user' uses its data; run again" in seen["user"]
