"""With track="strace", files that programs and native code read are in the records of jobs, too."""

import ctypes
import os
import subprocess
from pathlib import Path

import pytest

import ppg
from tests.exec.tracing.conftest import native, require

__all__ = ["native"]


@pytest.fixture(autouse=True)
def _needs_strace():
    require("strace")


def declare_program():
    ppg.ExternalJob("a", ["cat", "data"], stdout="a", track="strace")


def test_a_change_of_a_file_that_a_program_read_reruns_its_job(project):
    project.write("data", "1")
    project.run(declare_program)
    assert (project.warnings, project.text("a")) == ([], "1")
    assert project.reasons(declare_program, "a") is None
    project.write("data", "2")
    assert project.reasons(declare_program, "a") == ("data, which it read, changed",)
    project.run(declare_program)
    assert project.text("a") == "2"
    assert project.reasons(declare_program, "a") is None


def test_without_it_the_file_is_not_seen(project):
    def declare():
        ppg.ExternalJob("a", ["cat", "data"], stdout="a")

    project.write("data", "1")
    project.run(declare)
    project.write("data", "2")
    assert project.reasons(declare, "a") is None


def test_a_program_that_a_callback_starts_and_native_code_are_seen(project, ran, native):
    def declare():
        def read(path):
            ran("a")
            subprocess.run(["cat", "data"], check=True)
            ctypes.CDLL(native).uses(b"other", b"no", b"a", b"folder")
            path.write_text("read")

        ppg.FileGeneratingJob("a", read)

    project.write("data", "1")
    project.write("other", "1")
    project.write("folder/one", "1")
    assert project.run(declare, track="strace") == ["a"]
    assert project.warnings == []
    assert project.run(declare, track="strace") == []
    for change, reason in (
        ("data", "data, which it read, changed"),
        ("other", "other, which it read, changed"),
        ("no", "no, which it looked for, is there now"),
        ("folder/two", "the names in folder, which it listed, changed"),
    ):
        project.write(change, f"{change} changed")
        assert project.reasons(declare, "a", track="strace") == (reason,)
        assert project.run(declare, track="strace") == ["a"]
        assert project.run(declare, track="strace") == []


def test_the_output_of_another_job_that_a_program_reads_is_warned_of_and_waited_for(project):
    text = ["1"]

    def declare():
        value = text[0]
        ppg.ExternalJob("reader", ["cat", "made"], stdout="reader", track="strace")
        ppg.FileGeneratingJob("made", lambda path: path.write_text(value))

    project.write("made", "old")
    project.run(declare)
    (warning,) = project.warnings
    assert "'reader' read 'made'" in warning
    assert "add .depends_on('made') to 'reader'" in warning
    text[0] = "2"
    project.run(declare)
    assert project.text("reader") == "2"


def test_what_a_program_writes_is_no_input(project):
    def declare():
        ppg.ExternalJob("a", ["sh", "-c", "echo > between; cat between > a"], track="strace")

    project.run(declare)
    assert project.warnings == []
    assert project.reasons(declare, "a") is None
    project.write("between", "changed")
    assert project.reasons(declare, "a") is None


def test_a_change_of_the_option_reruns_nothing(project):
    def declare(track):
        ppg.FileGeneratingJob("a", project.copying("data"), track=track)

    project.write("data", "1")
    assert project.run(lambda: declare("python")) == ["a"]
    assert project.run(lambda: declare("strace")) == []
    assert project.run(lambda: declare(None), track="strace") == []


def test_an_entry_of_the_shared_cache_has_what_programs_read(project, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")

    def declare():
        ppg.ExternalJob("a", ["cat", "data"], stdout="a", track="strace", share=True)

    for number in ("1", "2"):
        project.write("data", number)
        Path("a").unlink(missing_ok=True)
        Path(".pypipegraph_status_robust").unlink(missing_ok=True)
        project.run(declare, shared_cache=cache)
        assert project.text("a") == number


def test_loads_are_not_traced(project):
    def declare():
        load = ppg.DataLoadingJob("load", lambda: os.stat("data"))
        ppg.FileGeneratingJob("a", project.copying("data")).depends_on(load)

    project.write("data", "1")
    assert project.run(declare, track="strace") == ["a"]
    assert project.warnings == []
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(TypeError, match="'load' has no option 'track', as a load runs in the compute node"):
        ppg.DataLoadingJob("load", int, track="strace")


def test_where_strace_is_not_installed_one_warning_says_so(project, monkeypatch):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("data"))
        ppg.FileGeneratingJob("b", project.copying("data"))

    monkeypatch.setenv("PATH", "/nowhere")
    project.write("data", "1")
    assert project.run(declare, track="strace") == ["a", "b"]
    (warning,) = project.warnings
    assert 'has track="strace", but it is not traced: strace is not installed' in warning
    project.write("data", "2")
    assert project.reasons(declare, "a") == ("data, which it read, changed",)


def test_inline_jobs_are_not_traced_and_one_warning_says_so(project):
    def declare():
        ppg.FileGeneratingJob("a", project.copying("data"))
        ppg.FileGeneratingJob("b", project.copying("data"))

    project.write("data", "1")
    graph = ppg.LocalSystem(inline=True)
    assert project.run(declare, resource_coordinator=graph, track="strace") == ["a", "b"]
    (warning,) = project.warnings
    assert "the task runs in the process of the caller" in warning


def test_other_choices_are_refused(folder):
    with pytest.raises(ValueError, match="track must be 'python' or 'strace', not 'ptrace'"):
        ppg.new_pipegraph(track="ptrace")
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ValueError, match=r"'a'.*: track must be"):
        ppg.FileGeneratingJob("a", lambda path: None, track=True)
