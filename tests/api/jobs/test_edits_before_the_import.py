"""A job fails if its process has imported other code than the main process, because a file was edited in between."""

import compileall
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.api.jobs.project_of_modules import Project

HELPERS = """
import functools

N = 1


def clean(text):
    return text.strip()


class Rule:
    def apply(self, text):
        return text + "1"


def cut(text, limits=(0, 1)):
    return text[limits[0] : limits[1]]


def times(number):
    def decorate(function):
        @functools.wraps(function)
        def call(text):
            return function(text) * number

        return call

    return decorate


@times(2)
def twice(text):
    return text


def unrelated():
    return 1
"""

# Each edit changes the size: Python takes the compiled module where size and second of the file are the same.
EDITS = {
    "a function": ("text.strip()", "text.strip().upper()", "helpers.clean(' a ')", "'A'"),
    "a default": (
        "def clean(text):",
        "def clean(text, more='!'):\n    text += more",
        "helpers.clean(' a')",
        "'a!'",
    ),
    "a default that is a tuple": ("limits=(0, 1)", "limits=(0, 2, 9)", "helpers.cut('abc')", "'ab'"),
    "what a decorator captured": ("@times(2)", "@times(1 + 2)", "helpers.twice('a')", "'aaa'"),
    "a method": ('text + "1"', 'text + "22"', "helpers.Rule().apply('a')", "'a22'"),
    "a base class": (
        "class Rule:",
        "class Base:\n    pass\n\n\nclass Rule(Base):",
        "len(helpers.Rule.__mro__)",
        "3",
    ),
}


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.write("helpers.py", HELPERS)
    return made


def script(value, *, options="", before="", module="helpers"):
    """A script that edits nothing itself, unless `before` does, after it has imported the module."""
    return f"""
import ppg
from pathlib import Path
import {module} as helpers

def edited(old, new, file="helpers.py"):
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))

{before}

def write(path):
    path.write_text(repr({value}))

def other(path):
    path.write_text("x")

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("out", write{options})
ppg.FileGeneratingJob("other", other)
try:
    print("ran:", ",".join(sorted(ppg.run_pipegraph().ran)))
except ppg.RuntimeError as error:
    print(*error.exceptions.values())
"""


def edit(old, new):
    return f"edited({old!r}, {new!r})"


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("isolation", ["fork", "fresh"])
def test_code_that_was_edited_before_the_node_imports_it_fails_the_job_and_the_next_run_uses_it(
    project, kind, isolation
):
    old, new, value, expected = EDITS[kind]
    options = f', isolation="{isolation}"'
    out = project.run(script(value, options=options, before=edit(old, new)))
    assert "'helpers.py' was edited while the graph ran, before the process of 'out' imported it" in out
    assert "'out' uses 'helpers." in out
    assert "run again" in out
    assert not (project.folder / "out").exists()
    assert project.made("other") == "x"
    assert "ran: out" in project.run(script(value, options=options))
    assert project.made() == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def clean(text):", "# a comment\n\n\ndef clean(text):"),
        ("def clean(text):", 'def clean(text):\n    """Described."""'),
        ("return 1", "return 'another function'"),
        ("text.strip()", "(\n        text.strip()\n    )"),
    ],
)
def test_an_edit_that_changes_nothing_of_what_the_job_uses_is_none(project, old, new):
    value = "helpers.clean(' a ')"
    assert "ran: other,out" in project.run(script(value, before=edit(old, new)))
    assert project.made() == "'a'"


def test_a_constant_that_was_edited_keeps_its_value_for_this_run(project):
    assert "ran: other,out" in project.run(script("helpers.N", before=edit("N = 1", "N = 22")))
    assert project.made() == "1"
    assert "ran: out" in project.run(script("helpers.N"))
    assert project.made() == "22"


def test_an_edit_by_a_job_is_found_in_the_node_that_takes_the_place_of_a_dead_one(project):
    text = """
        import helpers, os, ppg, signal
        from pathlib import Path

        def edit_and_kill(path):
            if not os.path.exists("killed"):
                text = Path("helpers.py").read_text()
                Path("helpers.py").write_text(text.replace("text.strip()", "text.strip().upper()"))
                open("killed", "w").close()
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()
            path.write_text("x")

        def first(path):
            path.write_text(helpers.clean(" a "))

        ppg.new_pipegraph(quiet=True)
        before = ppg.FileGeneratingJob("before", first)
        killer = ppg.FileGeneratingJob("killer", edit_and_kill, retries=1)
        killer.depends_on(before)
        ppg.FileGeneratingJob("out", first).depends_on(killer)
        try:
            ppg.run_pipegraph()
        except ppg.RuntimeError as error:
            print(*error.exceptions.values())
        """
    out = project.run(text)
    assert "before the process of 'out' imported it" in out
    assert project.made("before") == "a"
    assert not (project.folder / "out").exists()


def test_a_module_that_a_job_imports_itself_is_compared_too(project):
    text = """
        import helpers, ppg
        from pathlib import Path
        text = Path("helpers.py").read_text()
        Path("helpers.py").write_text(text.replace("text.strip()", "text.strip().upper()"))

        def call(path):
            import helpers as mine
            path.write_text(mine.clean(" a "))

        def names(path):
            path.write_text(helpers.clean(" a "))

        ppg.new_pipegraph(quiet=True)
        first = ppg.FileGeneratingJob("first", call)
        first.depends_on_func(helpers.clean)
        ppg.FileGeneratingJob("names", names).depends_on(first)
        try:
            ppg.run_pipegraph()
        except ppg.RuntimeError as error:
            print(*error.exceptions.values())
        """
    assert "before the process of 'first' imported it" in project.run(text)
    assert not (project.folder / "first").exists()


@pytest.mark.parametrize("callback", ["helpers.clean_file", "helpers.Writer('x').write", "helpers.decorated"])
def test_a_callback_of_a_module_is_compared_itself(project, callback):
    project.write(
        "helpers.py",
        """
        import functools

        def clean_file(path):
            path.write_text("old")

        class Writer:
            def __init__(self, text):
                self.text = text

            def write(self, path):
                path.write_text("old" + self.text)

        def twice(function):
            @functools.wraps(function)
            def call(path):
                function(path)
                function(path)
            return call

        @twice
        def decorated(path):
            path.write_text("old")
        """,
    )
    text = f"""
        import helpers, ppg, sys
        from pathlib import Path
        text = Path("helpers.py").read_text()
        Path("helpers.py").write_text(text.replace('"old"', '"newer"'))
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("out", {callback})
        try:
            print(sorted(ppg.run_pipegraph().ran))
        except ppg.RuntimeError as error:
            print(*error.exceptions.values())
        """
    assert "before the process of 'out' imported it" in project.run(text)
    assert "['out']" in project.run(text)
    assert project.made().startswith("newer")


@pytest.mark.parametrize("start_method", ["forkserver", "fork"])
def test_a_module_that_was_deleted_is_not_imported_by_a_fork_of_the_script(project, start_method):
    system = f'ppg.LocalSystem(start_method="{start_method}")'
    text = script("helpers.clean(' a ')", before="Path('helpers.py').unlink()")
    out = project.run(text.replace("quiet=True", f"{system}, quiet=True"))
    assert ("ran: other,out" in out) is (start_method == "fork")
    assert ("No module named 'helpers'" in out) is (start_method == "forkserver")


def test_the_script_itself_may_be_edited_while_it_runs(project):
    before = "edited('repr(', 'str(', 'script.py')"
    assert "ran: other,out" in project.run(script("helpers.clean(' a ')", before=before))
    assert project.made() == "'a'"


@pytest.mark.parametrize("form", ["zip", "bytecode", "namespace package"])
def test_modules_of_every_form_have_the_values_of_the_script(project, form):
    module, before = "helpers", ""
    if form == "zip":
        with zipfile.ZipFile(project.folder / "code.zip", "w") as archive:
            archive.writestr("zipped.py", HELPERS)
        module, before = "zipped", "helpers.N = 7"
        text = "import sys; sys.path.insert(0, 'code.zip')\n" + script(
            "helpers.N", before=before, module=module
        )
    elif form == "bytecode":
        compileall.compile_file(str(project.folder / "helpers.py"), legacy=True, quiet=2)
        (project.folder / "helpers.py").unlink()
        shutil.rmtree(project.folder / "__pycache__", ignore_errors=True)
        text = script("helpers.N", before="helpers.N = 7")
    else:
        project.write("space/deep.py", HELPERS)
        text = script("helpers.N", before="helpers.N = 7", module="space.deep")
    assert "ran: other,out" in project.run(text)
    assert project.made() == "7"


def test_code_that_only_the_loader_of_the_main_process_has_changed_is_not_edited(project):
    """pytest rewrites the assertions of test modules, which the node imports as they are."""
    project.write(
        "test_pipeline.py",
        """
        import ppg

        def write(path):
            assert path.name == "out"
            path.write_text("x")

        def test_the_pipeline(tmp_path):
            graph = ppg.new_pipegraph(root=tmp_path, quiet=True)
            ppg.FileGeneratingJob("out", write)
            assert graph.run().ran == ["out"]
        """,
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pipeline.py"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
