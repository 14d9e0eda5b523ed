"""The origin of code is judged by its file: a name, or the name of a folder, does not make it installed code."""

import importlib
import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import sys
sys.path[:0] = {paths!r}
import {module} as used
from ppg_invariants import Follow, fingerprint_function
def f(x):
    return used.clean(x), used.Tool
def g(x):
    import {module} as inner
    return inner.clean(x), inner.Tool
for one in (f, g):
    print(fingerprint_function(one, follow=Follow(root={root!r})).bytecode.hex())
"""
MODULE = "def clean(x):\n    return {}\nclass Tool:\n    def use(self):\n        return {}\n"


def states(folder, module, *paths):
    """Fingerprints of functions that use a module, in a fresh process."""
    (folder / "script.py").write_text(
        SCRIPT.format(paths=[str(path) for path in paths], module=module, root=str(folder))
    )
    ran = subprocess.run(
        [sys.executable, "-B", folder / "script.py"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def differ(folder, module, file, *paths):
    """Whether an edit of a function and of a method in a file count, for each function that uses the module."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for numbers in [(1, 1), (2, 1), (1, 2)]:
        file.write_text(MODULE.format(*numbers))
        found.append(states(folder, module, *paths))
    return [len(set(of_one)) for of_one in zip(*found, strict=True)] == [3, 3]


@pytest.mark.parametrize("name", ["statistics", "this", "secrets"])
def test_a_module_of_the_project_called_like_one_of_python_counts_by_its_code(tmp_path, name):
    assert differ(tmp_path, name, tmp_path / f"{name}.py", tmp_path)


def test_a_folder_called_site_packages_in_the_project_has_its_code(tmp_path):
    folder = tmp_path / "site-packages"
    assert differ(tmp_path, "tool_of_project", folder / "tool_of_project.py", folder)


def test_a_folder_in_the_project_into_which_packages_were_installed_has_installed_code(tmp_path):
    folder = tmp_path / "site-packages"
    (folder / "tool_of_others-1.0.dist-info").mkdir(parents=True)
    (folder / "tool_of_others-1.0.dist-info" / "METADATA").write_text("Name: tool_of_others\nVersion: 1.0\n")
    assert not differ(tmp_path, "tool_of_others", folder / "tool_of_others.py", folder)


@pytest.mark.parametrize("is_in_project", [False, True])
def test_an_editable_install_counts_by_its_code(tmp_path, is_in_project):
    """As pip makes it: a path file, and metadata that name the folder."""
    site = tmp_path / "venv" / "site-packages"
    source = tmp_path / ("project" if is_in_project else "elsewhere") / "src"
    (site / "edited-1.0.dist-info").mkdir(parents=True)
    (site / "edited-1.0.dist-info" / "METADATA").write_text("Name: edited\nVersion: 1.0\n")
    (site / "edited-1.0.dist-info" / "direct_url.json").write_text(
        f'{{"url": "file://{source}", "dir_info": {{"editable": true}}}}'
    )
    (site / "edited.pth").write_text(f"{source}\n")
    project = tmp_path / "project"
    project.mkdir()
    assert differ(project, "edited", source / "edited.py", site, source)


@pytest.mark.parametrize("is_in_project", [False, True])
def test_what_pip_has_put_into_a_folder_counts_as_installed_outside_of_projects(tmp_path, is_in_project):
    """As ``pip install --target`` does; what else is in the folder counts by its code."""
    project = tmp_path / "project"
    folder = project / "vendor" if is_in_project else tmp_path / "modules"
    (folder / "put_there-1.0.dist-info").mkdir(parents=True)
    (folder / "put_there-1.0.dist-info/METADATA").write_text("Name: put_there\nVersion: 1.0\n")
    (folder / "put_there-1.0.dist-info/RECORD").write_text(
        'put_there/__init__.py,sha256=x,1\n"put_there/a,b.py",,\nput_there_too.py,,\nput_there-1.0.dist-info/RECORD,,\n'
    )
    project.mkdir(exist_ok=True)
    for module, file in [("put_there", "put_there/__init__.py"), ("put_there_too", "put_there_too.py")]:
        assert differ(project, module, folder / file, folder) is is_in_project
    assert differ(project, "beside", folder / "beside.py", folder)


@pytest.mark.parametrize("record", [b"\xff\xfe,\n", b"", None], ids=["no text", "empty", "none"])
def test_without_a_record_that_can_be_read_a_module_counts_by_its_code(tmp_path, record):
    folder = tmp_path / "modules"
    (folder / "used_here-1.0.dist-info").mkdir(parents=True)
    if record is not None:
        (folder / "used_here-1.0.dist-info/RECORD").write_bytes(record)
    project = tmp_path / "project"
    project.mkdir()
    assert differ(project, "used_here", folder / "used_here.py", folder)


def test_a_former_ppg_took_names_for_the_origin(tmp_path, monkeypatch):
    """So that stores which it wrote are compared with what it saw."""
    from ppg_invariants.compiled.origin import Origin, note_project, origin_of_file, origin_of_module

    file = tmp_path / "site-packages" / "own.py"
    file.parent.mkdir()
    note_project(str(tmp_path))
    assert origin_of_file(str(file)) is Origin.PROJECT
    assert origin_of_file(str(file), former=True) is Origin.INSTALLED
    (tmp_path / "this.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "this", raising=False)
    module = importlib.import_module("this")
    monkeypatch.setitem(sys.modules, "this", module)
    assert origin_of_module("this") is Origin.PROJECT
    assert origin_of_module("this", former=True) is Origin.PYTHON


def test_a_look_at_a_module_makes_none_of_its_attributes(tmp_path, monkeypatch, scripts):
    from ppg_invariants import Follow, fingerprint_function

    (tmp_path / "lazy_of_project.py").write_text(
        textwrap.dedent(
            """
            ASKED = []
            def __getattr__(name):
                ASKED.append(name)
                raise AttributeError(name)
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    function = scripts.function(
        "import lazy_of_project\ndef f(x):\n    import lazy_of_project as again\n"
        "    return lazy_of_project.name.part, again.name, again.other.part\n"
    )
    module = sys.modules["lazy_of_project"]
    module.ASKED.clear()  # the import statement itself asks
    fingerprint_function(function, follow=Follow())
    monkeypatch.delitem(sys.modules, "lazy_of_project")
    assert module.ASKED == []
