"""Other users of the machine: a run whose place for temporary files they prepared."""

import os

import pytest

import ppg
from tests.other_user import as_another_user, needs_root, reachable_folder

OURS = f"ppg-{os.geteuid()}"

THREE_JOBS = """
    ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=1))
    for name in "abc":
        ppg.FileGeneratingJob(name, writes(name))
"""


@pytest.fixture
def shared(project):
    """The folder for temporary files of the project's runs, in which every user can make files."""
    with reachable_folder() as folder:
        project.environment.pop("XDG_RUNTIME_DIR", None)
        project.environment["TMPDIR"] = str(folder)
        yield folder


@needs_root
def test_a_run_without_a_safe_folder_shares_no_cores_says_so_and_runs(project, shared):
    def prepare():
        (shared / OURS / "ppg-cores").mkdir(parents=True)
        (shared / OURS / "ppg-cores" / "size").symlink_to(project / "precious")

    (project / "precious").write_text("precious")
    (project / "logs").mkdir()
    as_another_user(prepare)
    project.script(THREE_JOBS)
    ended = project.ppg("run", "script.py")
    assert (ended.code, ended.summary) == (0, (3, 0, 0, 0)), ended.err
    assert ended.err.count("shares no cores") == 1
    assert f"{shared}/{OURS} belongs to another user" in ended.err
    assert "shares no cores" in (project / "logs/ppg_run.txt").read_text()
    assert (project / "precious").read_text() == "precious"


@needs_root
@pytest.mark.parametrize("runtime", ["", "relative", "/does/not/exist", "theirs", "no folders"])
def test_runs_have_cores_to_share_whatever_the_environment_has(project, shared, runtime):
    if runtime == "theirs":
        as_another_user((shared / "theirs").mkdir)
        runtime = str(shared / "theirs")
    if runtime == "no folders":
        runtime = project.environment["TMPDIR"] = "/etc/passwd"
    for unset in ("HOME", "USER"):
        project.environment.pop(unset, None)
    project.environment["XDG_RUNTIME_DIR"] = runtime
    project.script(THREE_JOBS)
    ended = project.ppg("run", "script.py")
    assert (ended.code, ended.summary) == (0, (3, 0, 0, 0)), ended.err
    assert "shares no cores" not in ended.err


def test_a_killed_run_leaves_nothing_in_the_folder_for_temporary_files(project, shared):
    project.gate("wide")
    project.script("""
        ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2))
        ppg.FileGeneratingJob("wide", waits).use_cores(2)
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("wide")
    run.kill()
    run.wait()
    project.wait_until_nothing_runs()
    # The pool of cores stays for the next run, with a note that the next run removes, as it does with the socket.
    assert [path.name for path in shared.iterdir()] == [OURS]
    assert sorted(path.name for path in (shared / OURS).iterdir()) == ["ppg-cores", "ppg-runs"]
    project.script(THREE_JOBS)
    assert project.ppg("run", "script.py").code == 0
    (pool,), (sockets,) = ((shared / OURS / name).iterdir() for name in ("ppg-cores", "ppg-runs"))
    assert sorted(path.name for path in pool.iterdir()) == ["lock", "size", "tokens"]
    assert not list(sockets.iterdir())


@needs_root
@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_the_logs_are_for_this_user_alone(project, mask):
    (project / "logs").mkdir()
    (project / "logs").chmod(0o777)
    (project / "logs" / "ppg_run.txt").touch(0o644)
    project.script(THREE_JOBS)
    before = os.umask(mask)
    try:
        assert project.ppg("run", "script.py").code == 0
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in (project / "logs").iterdir()} == dict.fromkeys(
        ["ppg_errors.txt", "ppg_graph.txt", "ppg_run.txt"], 0o600
    )


@needs_root
def test_a_second_user_is_refused_with_a_message_and_leaves_nothing(project):
    with reachable_folder(0o777) as folder:
        project.script(THREE_JOBS)
        assert project.ppg("run", project / "script.py", cwd=folder).code == 0
        before = sorted(path.name for path in folder.iterdir())

        def second():
            os.chdir(folder)
            graph = ppg.new_pipegraph(quiet=True)
            ppg.FileGeneratingJob("d", lambda path: path.write_text("d"))
            with pytest.raises(ppg.PyPipelineGraphError, match="may not be written by you"):
                graph.run()

        as_another_user(second)
        assert sorted(path.name for path in folder.iterdir()) == before
        assert project.ppg("run", project / "script.py", cwd=folder).summary == (0, 3, 0, 0)
