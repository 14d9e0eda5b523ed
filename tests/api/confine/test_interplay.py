"""Confined jobs of all kinds, in all ways in which jobs run."""

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import pytest

import ppg
from ppg_graph import Files, FileStatus, NodeKind
from tests.landlock import needs_landlock

pytestmark = needs_landlock


def read(path):
    return Path(path).read_text()


def write(path):
    path.write_text(path.name)


def parts_of(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".pypipegraph"))


def copy_secret(path):
    Path(path).write_text(read("secret"))


class Own(ppg.Job):
    """A kind of the user's own, which ppg knows nothing of."""

    __slots__ = ()
    kind = NodeKind.OUTPUT

    def process_call(self):
        return ppg.ProcessCall(copy_secret, (os.path.abspath("secret of own"),))

    def outputs_of(self, returned, run_id):
        return ppg.JobOutputs({})

    def observe(self, observing):
        return Files(FileStatus.MISSING, ("x",))


def test_kinds_of_the_user_s_own_are_confined_too(folder, failing_run):
    (folder / "secret").write_text("s")
    error, graph = failing_run(lambda: Own("own", None), confine=True)
    assert list(error.exceptions) == ["own"]
    assert "does not depend on 'secret'" in graph.job("own").traceback
    assert not (folder / "secret of own").exists()


@pytest.mark.parametrize("start_method", ["fork", "forkserver"])
def test_each_way_to_start_the_node_confines(folder, failing_run, start_method):
    (folder / "secret").write_text("s")

    def declare():
        ppg.FileGeneratingJob("good", write)
        ppg.FileGeneratingJob("bad", lambda path: path.write_text(read("secret")))

    error, graph = failing_run(
        declare, confine=True, resource_coordinator=ppg.LocalSystem(2, start_method=start_method)
    )
    assert list(error.exceptions) == ["bad"]
    assert "does not depend on 'secret'" in graph.job("bad").traceback
    assert read("good") == "good"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_are_confined_and_work(folder, run, fails, method):
    (folder / "secret").write_text("s")
    (folder / "input").write_text("i")

    def declare():
        def use(path):
            with multiprocessing.get_context(method).Pool(2) as pool:
                path.write_text(str(pool.map(read, ["input", name])))

        return ppg.FileGeneratingJob("out", use).depends_on_file("input")

    name = "input"
    run(declare, confine=True)
    assert read("out") == "['i', 'i']"
    name = "secret"
    assert "does not depend on 'secret'" in fails("out", declare)


def test_a_root_that_is_a_link_and_files_behind_links(folder, monkeypatch, fails):
    (folder / "real" / "sub").mkdir(parents=True)
    (folder / "link").symlink_to("real")
    (folder / "real" / "input").write_text("i")
    (folder / "real" / "sub" / "deep").write_text("d")
    (folder / "real" / "other").symlink_to("sub")

    def declare():
        def copy(path):
            path.write_text(read("input") + read("other/deep") + read(folder / "real" / "input"))

        a = ppg.FileGeneratingJob("other/a", copy).depends_on_file("input").depends_on_file("other/deep")
        ppg.FileGeneratingJob("new/folder/b", lambda path: path.write_text(read("sub/a"))).depends_on(a)

    for expected in (["other/a", "new/folder/b"], []):
        graph = ppg.new_pipegraph(quiet=True, confine=True, root="link")
        declare()
        assert graph.run().ran == expected
    assert read("link/new/folder/b") == "idi"
    text = fails(
        "c", lambda: ppg.FileGeneratingJob("c", lambda path: path.write_text(read("sub/a"))), root="link"
    )
    assert "does not depend on 'sub/a'" in text


def test_old_outputs_of_any_kind_are_replaced(folder, run):
    (folder / "a").write_text("old")
    (folder / "a").chmod(0o444)
    (folder / "hard").hardlink_to(folder / "a")
    (folder / "target").write_text("t")
    (folder / "b").symlink_to("target")

    def declare():
        ppg.MultiFileGeneratingJob(["a", "b", "c/d"], lambda paths: [write(path) for path in paths])

    assert run(declare, confine=True).ran == ["a:b:c/d"]
    assert run(declare, confine=True).ran == []
    assert [read(name) for name in ("a", "b", "c/d", "hard", "target")] == ["a", "b", "d", "old", "t"]


def test_temporary_files_are_made_read_and_removed(folder, run):
    def declare():
        one = ppg.TempFileGeneratingJob("one", write)
        two = ppg.MultiTempFileGeneratingJob(["2/a", "2/b"], lambda paths: [write(path) for path in paths])
        use = ppg.FileGeneratingJob("out", lambda path: path.write_text(read("one") + read("2/a")))
        use.depends_on(one, two["2/a"])

    assert run(declare, confine=True).ran == ["one", "2/a:2/b", "out"]
    assert run(declare, confine=True).ran == []
    assert parts_of(folder) == ["2", "out"]


@pytest.mark.parametrize("writes", [True, False])
def test_of_a_failed_job_only_what_it_has_written_is_kept_as_broken(folder, failing_run, writes):
    (folder / "out.broken").write_text("of an earlier failure")

    def fail(path):
        if writes:
            path.write_text("half")
        raise ValueError

    failing_run(lambda: ppg.FileGeneratingJob("out", fail, rename_broken=True), confine=True)
    assert not (folder / "out").exists()
    assert read("out.broken") == ("half" if writes else "of an earlier failure")


def test_a_job_that_takes_too_long_leaves_no_temporary_file(
    folder, failing_run, monkeypatch, tmp_path_factory
):
    temporary = tmp_path_factory.mktemp("temporary")

    def wait(path):
        Path(os.environ["TMPDIR"], "file").touch()
        path.write_text(os.environ["TMPDIR"])
        signal.pause()

    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    failing_run(
        lambda: ppg.FileGeneratingJob("out", wait, timeout=1, retries=1, rename_broken=True), confine=True
    )
    assert Path(read("out.broken")).parent.parent == temporary
    # What stays is the pool of cores, for all runs of the user.
    assert [path.name for path in temporary.iterdir()] == [f"ppg-{os.geteuid()}"]


def test_what_a_generator_s_jobs_make_beside_modules_is_no_module(folder, fails, monkeypatch):
    (folder / "pure").mkdir()
    (folder / "pure" / "__init__.py").touch()
    (folder / "old.py").write_text("old = 1")
    monkeypatch.syspath_prepend(folder)

    def generate():
        made = ppg.FileGeneratingJob("pure/made", write)
        ppg.FileGeneratingJob("old.py", write)
        ppg.FileGeneratingJob("first", lambda path: path.write_text(read("pure/made"))).depends_on(made)
        for name in ("pure/made", "old.py"):
            job = ppg.FileGeneratingJob(f"spy of {name}", lambda path, name=name: path.write_text(read(name)))
            job.depends_on("first")

    def declare():
        # It runs first, and sees a package with nothing but modules.
        ppg.JobGeneratingJob("generate", generate).depends_on(ppg.FileGeneratingJob("before", write))

    assert "does not depend on 'pure/made'" in fails("spy of pure/made", declare)
    assert "does not depend on 'old.py'" in fails("spy of old.py", declare)


def test_modules_are_imported_late_and_write_no_bytecode(folder, run, monkeypatch):
    (folder / "late_package").mkdir()
    (folder / "late_package" / "__init__.py").write_text("X = 1")
    (folder / "late_package" / "deep.py").write_text("from late_package import X\nY = X + 1")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)

    def use(path):
        from late_package import deep

        path.write_text(str(deep.Y))

    assert run(lambda: ppg.FileGeneratingJob("out", use), confine=True).ran == ["out"]
    assert read("out") == "2"
    assert not (folder / "late_package" / "__pycache__").exists()


@pytest.mark.parametrize("home", [None, "/does not exist"])
def test_there_need_be_no_home(folder, run, monkeypatch, home):
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    assert run(lambda: ppg.FileGeneratingJob("out", write), confine=True).ran == ["out"]
