"""The examples of the READMEs run as they are written, and are idle the second time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
READMES = [PROJECT / "README.md", PROJECT / "packages" / "ppg-api" / "README.md"]
EXAMPLES = [
    example
    for readme in READMES
    for example in re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)
]


def test_the_readmes_have_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs_and_is_then_up_to_date(folder, number):
    (folder / "example.py").write_text(EXAMPLES[number])
    for is_first in (True, False):
        ended = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, timeout=120, check=True
        )
        for counted in re.findall(r"(\d+) ran", ended.stderr)[-1:]:
            assert (int(counted) > 0) == is_first, ended.stderr


def test_the_fan_out_of_samples_and_parameters_has_at_most_twenty_lines():
    (example,) = re.findall(
        r"```python\n# kmers.py\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL
    )
    assert len([line for line in example.splitlines() if line]) <= 20
