"""A job runs again if a module that its callback imports was edited; the script need not import it."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
{head}
import json, sys
import ppg

def make(path):
    {body}

graph = ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("out", make)
if sys.argv[1] == "verify":
    print(json.dumps(list(graph.verify().will_run)))
else:
    print(json.dumps(list(ppg.run().ran)))
"""
HELPERS = (
    '"""{doc}"""\nLIMIT = {limit}\n\n\ndef clean(x):{comment}\n    return f"{{x}} {{LIMIT}} {{{number}}}"\n'
)
BASE = {"doc": "About.", "limit": 1, "number": 1, "comment": ""}
WAYS = {
    "import": ("", "import helpers; path.write_text(helpers.clean('a'))", "helpers.py"),
    "import of a module that the script has": (
        "import helpers",
        "import helpers; path.write_text(helpers.clean('a'))",
        "helpers.py",
    ),
    "from": ("", "from lib.helpers import clean; path.write_text(clean('a'))", "lib/helpers.py"),
    "importlib": (
        "import importlib",
        "path.write_text(importlib.import_module('lib.helpers').clean('a'))",
        "lib/helpers.py",
    ),
    "named like one of Python": (
        "",
        "import statistics; path.write_text(statistics.clean('a'))",
        "statistics.py",
    ),
    "in a table": (
        "import helpers\nTABLE = {'a': helpers}",
        "path.write_text(TABLE['a'].clean('a'))",
        "helpers.py",
    ),
    "in a folder called site-packages": (
        "import sys; sys.path.insert(0, 'site-packages'); import tool",
        "path.write_text(tool.clean('a'))",
        "site-packages/tool.py",
    ),
}


@pytest.fixture
def project(tmp_path):
    def run(how, way, **changes):
        head, body, file = WAYS[way]
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(HELPERS.format(**{**BASE, **changes}))
        (tmp_path / "script.py").write_text(SCRIPT.format(head=head, body=body))
        ran = subprocess.run(
            [sys.executable, "-B", "script.py", how],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert "not watched" not in ran.stderr
        return json.loads(ran.stdout.splitlines()[-1])

    return run


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_of_a_module_that_a_callback_imports_runs_the_job_again_and_a_new_style_does_not(
    project, way
):
    assert project("run", way) == ["out"]
    assert project("run", way) == []
    assert project("verify", way) == []
    assert project("run", way, doc="More about.", comment="  # a remark") == []
    for edit in ({"number": 2}, {"number": 2, "limit": 2}):
        assert project("verify", way, **edit) == ["out"]
        assert project("run", way, **edit) == ["out"]
        assert project("run", way, **edit) == []


def test_a_callback_that_imports_a_module_under_a_name_of_run_time_is_named_with_the_remedy(tmp_path):
    body = "import importlib; path.write_text(importlib.import_module('js' + path.name[:0] + 'on').dumps(1))"
    for silence in ("", "; ppg.unwatched('importlib')"):
        text = SCRIPT.format(head="", body=body).replace("import ppg\n", f"import ppg{silence}\n")
        (tmp_path / "script.py").write_text(text)
        ran = subprocess.run(
            [sys.executable, "script.py", "run"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        lines = [line for line in ran.stderr.splitlines() if "not watched" in line]
        if silence:
            assert lines == []
        else:
            (line,) = lines
            assert "the module 'importlib' is not watched, although the function of out imports it" in line
            assert "ppg.unwatched('importlib')" in line


def test_a_moved_project_reruns_nothing_for_constants_that_are_paths_in_it(tmp_path):
    script = """
import json
from pathlib import Path
import ppg
HERE = str(Path(__file__).resolve().parent)
FILES = (HERE + "/a", (HERE,))
def make(path):
    path.write_text(f"{len(HERE) > 0} {len(FILES)}")
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("out", make)
print(json.dumps(list(ppg.run().ran)))
"""
    found = []
    for name, before in (("one", None), ("another", "one")):
        folder = tmp_path / name
        if before is None:
            folder.mkdir()
            (folder / "script.py").write_text(script)
        else:
            (tmp_path / before).rename(folder)
        ran = subprocess.run(
            [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=True
        )
        found.append(json.loads(ran.stdout.splitlines()[-1]))
    assert found == [["out"], []]
