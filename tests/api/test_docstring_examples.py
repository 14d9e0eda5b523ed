"""Each public name has an example in its docstring, and the example runs, as a script of its own."""

import inspect
import re
import subprocess
import sys
import textwrap

import pytest

import ppg

METHODS = {"Pipegraph.__getitem__": ppg.Pipegraph.__getitem__}
PUBLIC = {name: getattr(ppg, name) for name in ppg.__all__} | METHODS

BEFORE = """import os
import time
from pathlib import Path

import ppg

ppg.new_pipegraph(quiet=True, shared_cache=ppg.SharedCache("shared"))
"""
AFTER = """
graph = ppg.current_pipegraph()
try:
    graph.result
except ppg.PyPipelineGraphError:
    graph.run()  # what is only declared runs, too
"""
SECTION = re.compile(r"^ *(Parameters|Attributes|Raises|Returns|Args):\n", re.MULTILINE)


def example_of(public):
    """The lines of a docstring that are indented more than its text, before its sections."""
    documented = public if isinstance(public, type) or inspect.isroutine(public) else type(public)
    text = documented.__doc__ or ""
    section = SECTION.search(text)
    text = text[: section.start()] if section else text
    margin = " " * (8 if "." in documented.__qualname__ else 4)
    lines = [line.removeprefix(margin) for line in text.splitlines()[1:]]
    return textwrap.dedent("\n".join(line for line in lines if line.startswith("    ") or not line)).strip()


def with_its_errors(example):
    """The example, which fails if none of its errors is raised."""
    return re.sub(
        r"^(except .*:\n(?:    .*\n?)+)",
        r"\1\nelse:\n    raise AssertionError('no error')\n",
        example,
        flags=re.MULTILINE,
    )


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_of_a_public_name_runs(folder, name):
    example = example_of(PUBLIC[name])
    assert "ppg." in example, "the docstring has an example"
    if name != "InternalError":  # no script can have ppg raise it
        example = with_its_errors(example)
    (folder / "example.py").write_text(f"{BEFORE}\n{example}\n{AFTER}")
    ended = subprocess.run(
        [sys.executable, "example.py"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, ""), example
