"""Jobs that write to outputs of other jobs, or to inputs: the writer is named, and the changed file is not believed."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

import ppg
from tests.api.reads.conftest import Project
from tests.fakes import RecordingFrontend


def writing(ran, target, text="changed"):
    """A callback that makes its file, and writes to another one."""
    target = str(target)

    def write(path):
        ran(path.name)
        path.write_text("done")
        Path(target).write_text(text)

    return write


def declare_chain(project: Project, *, writer=None, **options):
    """`user` depends on `made`, and runs after `writer`."""
    ran = project.account.ran

    def make(path):
        ran(path.name)
        path.write_text("right")

    ppg.FileGeneratingJob("made", make)
    ppg.FileGeneratingJob("between", project.copying()).depends_on("made")
    writer = ppg.FileGeneratingJob("writer", writer or writing(ran, "made"), **options)
    writer.depends_on("between")
    ppg.FileGeneratingJob("user", project.copying("made")).depends_on("made", writer)


WARNING = "'writer' wrote to 'made', which 'made' makes, so it may have to be made again; let 'writer' write to another file"


def test_the_writer_is_named_and_a_user_does_not_believe_the_file(project):
    project.run(lambda: declare_chain(project))
    assert project.warnings == [WARNING]
    assert project.errors == {
        "user": "'made' changed while the graph ran, before 'user' began, because 'writer' wrote to it; run again"
    }
    assert not (project.folder / "user").exists()
    assert project.run(lambda: declare_chain(project)) == ["made", "user"]
    assert project.text("user") == "right"
    assert project.warnings == []
    assert project.run(lambda: declare_chain(project)) == []


def test_it_fails_the_writer_if_that_is_wished(project):
    for options in ({"undeclared": "fail"}, {}):
        project.run(lambda: declare_chain(project, undeclared="fail"), **options)
        assert project.errors == {"writer": WARNING}
        assert not (project.folder / "writer").exists()
        shutil.rmtree(project.folder / ".ppg", ignore_errors=True)


def test_without_notes_the_file_is_not_believed_either(project):
    project.run(lambda: declare_chain(project, undeclared="ignore"))
    assert project.warnings == []
    assert project.errors["user"].startswith("'made' changed while 'user' ran; run again")


def test_a_writer_that_fails_is_named_too(project):
    def write(_path):
        Path("made").write_text("changed")
        raise ValueError("later")

    project.run(lambda: declare_chain(project, writer=write))
    assert project.warnings == [WARNING]
    assert list(project.errors) == ["writer"]
    assert "made" in project.run(lambda: declare_chain(project))


@pytest.mark.parametrize("remove", [os.unlink, lambda name: os.rename(name, "elsewhere")])
def test_a_job_that_removes_a_file_is_named_too(project, remove):
    def write(path):
        path.write_text("done")
        remove("made")

    project.run(lambda: declare_chain(project, writer=write))
    assert project.warnings == [WARNING]
    assert "because 'writer' wrote to it" in project.errors["user"]


def test_a_job_that_writes_to_a_file_that_it_depends_on_fails(project, ran):
    project.write("input", "right")

    def declare():
        ppg.FileGeneratingJob("made", project.copying())
        ppg.FileGeneratingJob("a", writing(ran, "made")).depends_on("made")
        ppg.FileGeneratingJob("b", writing(ran, "input")).depends_on_file("input")

    project.run(declare)
    assert project.errors == {
        "a": "'made' changed while 'a' ran, because 'a' itself wrote to it; let it write to a copy",
        "b": "'input' changed while 'b' ran, because 'b' itself wrote to it; let it write to a copy",
    }
    assert project.warnings == []


def test_a_job_that_writes_to_the_input_of_another_one_is_named(project, ran):
    project.write("input", "before")

    def declare():
        for name in ("a", "b", "c", "d", "e"):
            ppg.FileGeneratingJob(name, project.copying("input")).depends_on_file("input")
        first = ppg.FileGeneratingJob("first", project.copying())
        writer = ppg.FileGeneratingJob("writer", writing(ran, "input")).depends_on(first)
        ppg.current_pipegraph().job("a").depends_on(writer)

    project.run(declare)
    assert project.warnings == [
        (
            "'writer' wrote to 'input', an input of 'a', 'b', 'c' and 2 other jobs; "
            "let 'writer' write to another file, or have a job make this one"
        )
    ]
    assert "because 'writer' wrote to it; run again" in project.errors["a"]
    project.run(declare)
    assert project.errors == {}
    assert {project.text(name) for name in ("a", "b", "c", "d", "e")} == {"changed"}


def test_several_files_of_a_job_are_one_warning_and_the_order_is_that_of_names(project, ran):
    def make(paths):
        for path in paths:
            path.write_text("right")

    def write(path):
        ran(path.name)
        path.write_text("done")
        for name in ("z", "y", "m2", "m1", "m3"):
            Path(name).write_text("changed")

    def declare():
        several = ppg.MultiFileGeneratingJob(["m1", "m2", "m3"], make)
        others = [ppg.FileGeneratingJob(name, project.copying()) for name in ("y", "z")]
        first = ppg.FileGeneratingJob("between", project.copying()).depends_on(several, *others)
        ppg.FileGeneratingJob("writer", write).depends_on(first)

    project.run(declare)
    assert [warning.partition(",")[0] for warning in project.warnings] == [
        "'writer' wrote to 'm1' and 2 other files",
        "'writer' wrote to 'y'",
        "'writer' wrote to 'z'",
    ]
    assert set(project.run(declare)) == {"y", "z"}
    assert (project.folder / "m2").read_text() == "right"


def by_renaming(path):
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text("done")
    temporary.rename(path)


def in_its_own_folder(path):
    folder = path.with_name("of writer")
    folder.mkdir()
    (folder / "file").write_text("x")
    shutil.rmtree(folder)
    path.write_text("done")


def beside_an_input(path):
    Path("made.bai").write_text("index")
    path.write_text("done")


def to_a_log(path):
    with open("common.log", "a") as log:
        log.write("line\n")
    path.write_text("done")


def a_link(path):
    Path("latest").unlink(missing_ok=True)
    Path("latest").symlink_to("made")
    path.write_text("done")


def several_times(path):
    path.write_text("before")
    path.unlink()
    path.write_text("done")


def nothing_to_an_open_file(path):
    with open("made", "r+") as file:
        file.read()
    path.write_text("done")


def to_the_project_itself(path):
    with contextlib.suppress(OSError):
        os.rename(os.getcwd(), "elsewhere")
    path.write_text("done")


LEGITIMATE = [
    by_renaming, in_its_own_folder, beside_an_input, to_a_log, a_link, several_times, nothing_to_an_open_file, to_the_project_itself,

]  # fmt: skip


@pytest.mark.parametrize("write", LEGITIMATE)
def test_what_harms_no_job_is_not_warned_of(project, write):
    project.write("common.log", "")
    project.run(lambda: declare_chain(project, writer=write))
    assert (project.warnings, project.errors) == ([], {})
    assert project.text("user") == "right"
    assert project.run(lambda: declare_chain(project, writer=write)) == []


def test_several_jobs_may_append_to_a_log_that_no_job_declares(project):
    def declare():
        for name in ("a", "b", "c"):
            ppg.FileGeneratingJob(name, to_a_log)

    project.run(declare)
    assert (project.warnings, project.errors) == ([], {})
    assert project.run(declare) == []


def test_a_program_is_seen_by_strace(project):
    def write(path):
        path.write_text("done")
        assert os.system("echo changed >made") == 0

    project.run(lambda: declare_chain(project, writer=write, track="strace"))
    assert project.warnings == [WARNING]


def test_jobs_that_a_generator_makes_are_named_too(project, ran):
    def generate():
        ppg.FileGeneratingJob("writer", writing(ran, "made"))

    def declare():
        ppg.FileGeneratingJob("made", project.copying())
        ppg.JobGeneratingJob("generator", generate).depends_on("made")

    project.run(declare)
    assert project.warnings == [WARNING]
    assert project.run(declare) == ["made"]


# -- at the same time ------------------------------------------------------------------------------------


def wait_for(gate):
    with open(gate) as file:
        file.read()


def pass_gate(gate):
    with open(gate, "w") as file:
        file.write("go on")


def declare_at_the_same_time(project, *, maker_ends_first, share=False):
    ran = project.account.ran

    def make(path):
        ran(path.name)
        if os.path.exists("maker has begun"):
            pass_gate("maker has begun")
            wait_for("file is written")
            if not maker_ends_first:
                wait_for("recorded")
        if not path.exists():
            path.write_text("right")

    def write(path):
        ran(path.name)
        wait_for("maker has begun")
        Path("made").write_text("wrong")
        pass_gate("file is written")
        if maker_ends_first:
            wait_for("recorded")
        path.write_text("done")

    ppg.FileGeneratingJob("made", make, share=share)
    writer = ppg.FileGeneratingJob("writer", write)
    ppg.FileGeneratingJob("user", project.copying("made")).depends_on("made", writer)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("maker_ends_first", [False, True])
def test_what_is_written_while_its_maker_runs_is_not_believed(project, maker_ends_first, share):
    for gate in ("maker has begun", "file is written", "recorded"):
        os.mkfifo(gate)

    first = "made" if maker_ends_first else "writer"

    def listen(event):
        if isinstance(event, ppg.JobFinished) and event.job_id == first:
            pass_gate("recorded")

    def declare():
        declare_at_the_same_time(project, maker_ends_first=maker_ends_first, share=share)

    # What the maker has left in a shared cache may have the other job's bytes, too.
    options = {"shared_cache": project.folder / "shared"}
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False), quiet=True, **options)
    declare()
    frontend = RecordingFrontend(listen)
    with pytest.raises(ppg.RuntimeError) as caught:
        graph.run(frontend=frontend)
    assert frontend.warnings == [WARNING]
    assert {job_id: str(error) for job_id, error in caught.value.exceptions.items()} == {
        "user": "'made' changed while the graph ran, before 'user' began, because 'writer' wrote to it; run again"
    }
    for gate in ("maker has begun", "file is written", "recorded"):
        os.unlink(gate)
    project.account.taken()
    assert project.run(declare, **options) == ["made", "user"]
    assert project.text("user") == "right"
    assert project.run(declare, **options) == []


def test_a_user_of_another_file_of_the_maker_believes_that_file(project):
    """Of the files of a maker that is not believed, only the one to which the other job wrote is doubtful."""
    for gate in ("maker has begun", "file is written"):
        os.mkfifo(gate)

    def make(paths):
        for path in paths:
            path.write_text("right")
        pass_gate("maker has begun")
        wait_for("file is written")

    def write(path):
        wait_for("maker has begun")
        Path("made").write_text("wrong")
        pass_gate("file is written")
        path.write_text("done")

    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2, share_cores=False), quiet=True)
    ppg.MultiFileGeneratingJob(["made", "other"], make)
    writer = ppg.FileGeneratingJob("writer", write)
    ppg.FileGeneratingJob("user", project.copying("other")).depends_on("other", writer)
    graph.run(frontend=RecordingFrontend())
    assert project.text("user") == "right"
