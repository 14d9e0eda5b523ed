"""The guide for those who come from pypipegraph and pypipegraph2: its examples run, and its names exist."""

import pickle
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ppg

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "porting.md").read_text()
EXAMPLES = [
    textwrap.dedent(example)
    for example in re.findall(r"^ *```python\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
]


def test_the_tables_of_old_names_are_those_that_errors_use():
    """`just old-names` writes them."""
    command = [sys.executable, ROOT / "docs" / "porting_tables.py", "--check"]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_page_with_other_tables_is_noticed(folder):
    script = folder / "porting_tables.py"
    script.write_text((ROOT / "docs" / "porting_tables.py").read_text())
    page = folder / "porting.md"
    page.write_text(GUIDE.replace("`FinalJob`", "`AnotherJob`"))
    checked = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "just old-names" in checked.stderr
    assert "AnotherJob" in page.read_text()
    assert subprocess.run([sys.executable, script], check=False).returncode == 0
    assert page.read_text() == GUIDE


def test_every_name_of_ppg_in_the_guide_exists():
    names = set(re.findall(r"\bppg\.([A-Za-z]\w+)", GUIDE)) - {"py"}
    assert len(names) > 20
    assert sorted(name for name in names if not hasattr(ppg, name)) == []


def test_the_names_that_stay_exist():
    (told,) = re.findall(r"## Names that stay\n(.*?)These spellings", GUIDE, re.DOTALL)
    names = re.findall(r"`(\w+)`", told)
    assert len(names) > 25
    assert [name for name in names if not hasattr(ppg, name)] == []


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs_and_makes_no_file_again_the_second_time(folder, number):
    (folder / "input.txt").write_text("some words are here\n")
    (folder / "script.py").write_text(EXAMPLES[number])
    written = []
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "script.py"], capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr
        written.append(
            {
                path: path.stat().st_mtime_ns
                for path in folder.rglob("*")
                if path.is_file()
                and not path.relative_to(folder).parts[0].startswith(".")
                and "shared" not in path.parts
            }
        )
    assert written[0] == written[1]


def test_the_old_script_of_the_guide_needs_just_the_changes_that_it_shows():
    (old,) = re.findall(r"```py\n(.*?)```", GUIDE, re.DOTALL)
    new = EXAMPLES[0]
    changed = [line for line, other in zip(old.splitlines(), new.splitlines(), strict=True) if line != other]
    assert [line.split("(")[0] for line in changed] == ["import pypipegraph", "pypipegraph.new_pipegraph"]


def test_what_a_predecessor_remembered_is_moved_aside_and_its_outputs_can_be_taken_over(folder):
    """Its status file was a row of pickles."""
    status = folder / ".pypipegraph_status_robust"
    with status.open("wb") as file:
        for item in ("counts/words.txt", False, "PIcounts/words.txt", (10, "words")):
            pickle.dump(item, file)
    old = status.read_bytes()
    (folder / "input.txt").write_text("some words are here\n")
    (folder / "counts").mkdir()
    (folder / "counts" / "words.txt").write_text("4")
    (folder / "script.py").write_text(EXAMPLES[0])
    for command in (["ppg", "accept", "script.py"], [sys.executable, "script.py"]):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr
    assert "0 ran, 1 up to date" in ended.stderr
    (aside,) = folder.glob(".pypipegraph_status_robust.damaged-*")
    assert aside.read_bytes() == old
