"""The examples in the docstrings of public names run, each as a script of its own."""

import inspect
import re
import subprocess
import sys
import textwrap

import pytest

import ppg

WITH_EXAMPLES = {
    "Pipegraph": ppg.Pipegraph,
    "Pipegraph.__getitem__": ppg.Pipegraph.__getitem__,
    "RunResult": ppg.RunResult,
    "UnknownJobError": ppg.UnknownJobError,
    "namespace": ppg.namespace,
    "new_pipegraph": ppg.new_pipegraph,
}


def examples_in(text):
    """The blocks of a docstring that begin with `import ppg`, indented."""
    return [
        textwrap.dedent(block)
        for block in re.findall(r"^( +import ppg\n(?: .*\n|\n)+)", text + "\n", re.MULTILINE)
    ]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_example_of_a_public_name_runs(folder, name):
    examples = examples_in(inspect.getdoc(WITH_EXAMPLES[name]))
    assert examples, "the docstring has an example"
    for example in examples:
        (folder / "example.py").write_text(example)
        ended = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, timeout=120, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, ""), example
