"""What a script shows on stderr by itself: progress, or for a quiet pipegraph its warnings alone."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import ppg
ppg.new_pipegraph({options})
ppg.TempFileGeneratingJob("kept.txt", lambda path: path.write_text(str({changing})))
ppg.FileGeneratingJob("a.txt", lambda path: path.write_text("a")).depends_on("kept.txt")
ppg.FileGeneratingJob("b.txt", lambda path: path.write_text("b")).depends_on("kept.txt")
ppg.run_pipegraph()
"""


def stderr_of(folder: Path, text: str) -> str:
    (folder / "script.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stderr


def test_a_quiet_pipegraph_shows_no_progress(folder: Path) -> None:
    assert stderr_of(folder, SCRIPT.format(options="quiet=True", changing="1")) == ""


def test_a_quiet_pipegraph_shows_its_warnings(folder: Path) -> None:
    changing = "__import__('os').getpid()"
    stderr_of(folder, SCRIPT.format(options="quiet=True", changing=changing))
    (folder / "b.txt").unlink()
    text = stderr_of(folder, SCRIPT.format(options="quiet=True", changing=changing))
    assert text.startswith("ppg: warning: 'kept.txt' made other bytes from the same inputs")
    assert text.count("\n") == 1
