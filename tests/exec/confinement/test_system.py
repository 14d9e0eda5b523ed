"""What confined tasks share, and what is said where the kernel cannot confine."""

import os
import subprocess
import sys
import types

import pytest

from ppg_exec import CommonAccess, common_access, why_not_confinable
from ppg_exec.confinement import landlock, system


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    for name in (
        "script.py", "data.csv", "package/__init__.py", "package/deep/__init__.py", "package/deep/code.py",
        "package/table.tsv", "package/__pycache__/code.pyc", "results/made.py", "results/made.txt",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def readable(common, project):
    return {
        str(path.relative_to(project))
        for path in project.rglob("*")
        if path.is_file() and common.may_read(str(path))
    }


def test_of_the_project_only_modules_and_packages_are_readable(project):
    assert readable(common_access(str(project)), project) == {
        "script.py", "package/__init__.py", "package/deep/__init__.py", "package/deep/code.py",
        "package/__pycache__/code.pyc",
    }  # fmt: skip


def test_a_package_with_nothing_but_modules_is_one_rule_unless_tasks_write_there(project):
    deep = str(project / "package/deep")
    assert deep in common_access(str(project)).modules
    with_outputs = common_access(str(project), outputs=[f"{deep}/results"]).modules
    assert deep not in with_outputs
    assert f"{deep}/code.py" in with_outputs
    (project / "package/deep/table.tsv").touch()
    assert deep not in common_access(str(project)).modules


def test_files_that_tasks_make_are_no_modules_and_archives_count_only_in_the_search_path(
    project, monkeypatch
):
    for name in ("made.py", "loaded.py", "data.zip", "library.zip", "paths.pth"):
        (project / name).touch()
    module = types.ModuleType("loaded")
    module.__file__ = str(project / "loaded.py")
    monkeypatch.setitem(sys.modules, "loaded", module)
    monkeypatch.syspath_prepend(project / "library.zip")
    outputs = [str(project / "made.py"), str(project / "loaded.py")]
    found = readable(common_access(str(project), outputs=outputs), project)
    assert found & {"made.py", "loaded.py", "data.zip", "library.zip", "paths.pth"} == {"library.zip"}
    assert "made.py" in readable(common_access(str(project)), project)


def test_the_libraries_of_a_program_in_path_lie_beside_it(project, monkeypatch, tmp_path):
    for part in ("bin", "lib", "libexec", "data"):
        (tmp_path / "tool" / part).mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path}/tool/bin:{os.environ['PATH']}")
    common = common_access(str(project))
    assert [common.may_read(f"{tmp_path}/tool/{part}/file") for part in ("bin", "lib", "libexec", "data")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_a_module_that_was_imported_is_readable_wherever_it_lies(project, monkeypatch):
    module = types.ModuleType("made_by_hand")
    module.__file__ = str(project / "results/made.py")
    monkeypatch.setitem(sys.modules, "made_by_hand", module)
    assert "results/made.py" in readable(common_access(str(project)), project)


def test_packages_that_contain_themselves_by_a_link_are_looked_at_once(project):
    (project / "package" / "again").symlink_to(project / "package")
    assert "package/deep/code.py" in readable(common_access(str(project)), project)


@pytest.mark.parametrize("where", ["_SYSTEM", "PATH", "LD_LIBRARY_PATH", "CONDA_PREFIX"])
def test_a_folder_of_the_system_that_contains_the_project_opens_no_data_of_it(project, monkeypatch, where):
    if where == "_SYSTEM":
        monkeypatch.setattr(system, "_SYSTEM", (*system._SYSTEM, str(project.parent)))
        (project.parent / "neighbour").touch()
    else:
        monkeypatch.setenv(
            where, f"{os.environ['PATH']}:{project}" if where == "PATH" else str(project.parent)
        )
    common = common_access(str(project))
    assert "data.csv" not in readable(common, project)
    if where == "_SYSTEM":
        assert common.may_read(str(project.parent / "neighbour"))


def test_a_project_in_its_own_environment_finds_libraries_and_no_data(project, monkeypatch):
    (project / "lib" / "python").mkdir(parents=True)
    (project / "lib" / "python" / "table").touch()
    monkeypatch.setattr(sys, "prefix", str(project))
    found = readable(common_access(str(project)), project)
    assert "lib/python/table" in found
    assert "data.csv" not in found


def test_an_environment_of_tools_in_path_is_readable_as_a_whole(project, monkeypatch, tmp_path):
    environment = tmp_path / "tools"
    (environment / "conda-meta").mkdir(parents=True)
    (environment / "share").mkdir()
    monkeypatch.setenv("PATH", f"{environment}/bin:{os.environ['PATH']}")
    assert common_access(str(project)).may_read(str(environment / "share" / "table"))


def test_the_interpreter_and_the_named_packages_are_readable(project, tmp_path):
    common = common_access(str(project), [str(tmp_path / "engine")])
    assert common.may_read(os.path.realpath(os.__file__))
    assert not common.may_read(str(tmp_path / "engine" / "a"))
    (tmp_path / "engine").mkdir()
    assert common_access(str(project), [str(tmp_path / "engine")]).may_read(str(tmp_path / "engine" / "a"))


def test_common_access_is_sent_once_to_a_node():
    """A frozen dataclass would be sent with each task."""
    from ppg_exec.pickling.send import SharedObjects

    common = CommonAccess((("/usr", 4),), tuple(f"/project/{number}.py" for number in range(1000)))
    shared = SharedObjects()
    first, _ = shared.dump({"arguments": (common,)})
    second, _ = shared.dump({"arguments": (common,)})
    assert len(second) < 200 < len(first)


@pytest.mark.parametrize(
    ("abi", "words"), [(0, "has none, or a container forbids it"), (2, "has version 2; use a newer kernel")]
)
def test_why_a_machine_cannot_confine_is_said_with_the_remedy(monkeypatch, abi, words):
    monkeypatch.setattr(landlock, "landlock_abi", lambda: abi)
    assert words in str(why_not_confinable())


def test_tasks_that_are_not_confined_import_nothing_for_it():
    script = """
import os, sys
from ppg_exec import LocalExecutor, Task
def work():
    import sys
    return [name for name in sys.modules if name.startswith("ppg_exec.confinement")]
with LocalExecutor(cores=1) as executor:
    executor.submit(Task("task", work))
    events = []
    while len(events) < 2:
        events += executor.poll(60)
    print(events[-1].end.value, [name for name in sys.modules if name.startswith("ppg_exec.confinement")])
"""
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "[] []\n"


def test_a_folder_of_the_project_counts_also_if_the_project_lies_in_a_folder_of_the_system(
    project, monkeypatch
):
    """Such as the virtual environment of a project in /opt."""
    monkeypatch.setattr(system, "_SYSTEM", (str(project.parent),))
    (project.parent / "tool").mkdir()
    environment = project / ".venv/packages"
    environment.mkdir(parents=True)
    found = common_access(str(project), [str(environment)])
    assert found.may_read(f"{environment}/any.so")
    assert found.may_read(str(project.parent / "tool/any"))
    assert not found.may_read(str(project / "data.csv"))
