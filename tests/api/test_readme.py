"""The examples of the package's README run as they are written, and are idle the second time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "packages" / "ppg-api" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_readme_has_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs_and_is_then_up_to_date(folder, number):
    (folder / "example.py").write_text(EXAMPLES[number])
    for is_first in (True, False):
        ended = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, timeout=120, check=True
        )
        for counted in re.findall(r"(\d+) ran", ended.stderr)[-1:]:
            assert (int(counted) > 0) == is_first, ended.stderr
