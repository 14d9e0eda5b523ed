"""Runs the examples of ppg-exec's documentation as scripts, and checks what they print.

To check the installation of an interpreter, run `python tests/exec/documented.py` with it. That needs nothing but the
standard library.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["run_examples"]

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "packages/ppg-exec/README.md": [["square 0 Succeeded(value=0) ", "square 99 Succeeded(value=9801) "]],
    "docs/executor.md": [
        ["a.txt has 2 words", "b.txt has 3 words", "missing.txt raised FileNotFoundError"],
        ["Succeeded(value=4000)"],
        ["read a.txt"],
    ],
}
"""What the examples of each page print, among other things."""


def run_examples() -> int:
    """Run all of them; how many there were. Raises AssertionError for one that does not do what it says."""
    count = 0
    for page, expected in EXPECTED.items():
        examples = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / page).read_text())
        assert len(examples) == len(expected), f"{page} has {len(examples)} examples"
        for example, texts in zip(examples, expected, strict=True):
            said = _output_of(example)
            for text in texts:
                assert text in said, f"an example of {page} does not print {text!r}, but {said!r}"
            count += 1
    return count


def _output_of(example: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "a.txt").write_text("two words")
        (path / "b.txt").write_text("now three words")
        (path / "example.py").write_text(example)
        ended = subprocess.run(
            [sys.executable, "example.py"], cwd=path, capture_output=True, text=True, timeout=120
        )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


if __name__ == "__main__":
    print(f"{run_examples()} examples do what they say, with {sys.executable}")
