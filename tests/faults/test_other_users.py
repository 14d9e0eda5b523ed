"""Other users of the machine: a run whose place for temporary files they prepared."""

import os

import pytest

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
@pytest.mark.parametrize("runtime", ["", "relative", "/does/not/exist", "theirs", "read-only"])
def test_runs_have_cores_to_share_whatever_the_environment_has(project, shared, runtime):
    if runtime == "theirs":
        as_another_user((shared / "theirs").mkdir)
        runtime = str(shared / "theirs")
    if runtime == "read-only":
        runtime = "/proc/self"
        project.environment["TMPDIR"] = "/sys"
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
        ppg.FileGeneratingJob("wide", waits, cores=2)
    """)
    run = project.start("run", "script.py")
    project.wait_until_began("wide")
    run.kill()
    run.wait()
    project.wait_until_nothing_runs()
    # The pool of cores stays for the next run, with a note that the next run removes.
    assert [path.name for path in shared.iterdir()] == [OURS]
    assert [path.name for path in (shared / OURS).iterdir()] == ["ppg-cores"]
    (project / "script.py").write_text((project / "script.py").read_text().replace("waits", "writes('w')"))
    assert project.ppg("run", "script.py").code == 0
    assert sorted(path.name for path in (shared / OURS / "ppg-cores").iterdir()) == ["lock", "size", "tokens"]
