"""The pipelines run, are idle the second time, and are strictly typed; their functions can be tested without a run."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ppg

HERE = Path(__file__).parent
STYLES = ("decorated", "classes")
RESULTS = {
    "fan_out": {"table": "s1 2 7\ns1 3 7\ns2 2 3\ns2 3 3\n", "counts/s2_3": "3"},
    "config": {"report": "words: one sev thr"},
    "values": {"report": "[1, 2, 3]: 14"},
    "sub_pipeline": {"report": "['5', '3'] ab", "before/letters": " ab"},
    "tested": {"mean": "1.50"},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pipeline(request, folder):
    """The module of a style, declared in a graph of its own."""

    def loaded(style, name):
        ppg.new_pipegraph(quiet=True)
        return importlib.import_module(f"tests.pipelines.{style}.{name}")

    return loaded


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("style", STYLES)
def test_a_pipeline_runs_once_and_is_then_up_to_date(folder, style, name):
    for is_first in (True, False):
        ended = subprocess.run(
            [sys.executable, str(HERE / style / f"{name}.py")],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert "warning" not in ended.stderr
        (ran,) = re.findall(r"(\d+) ran", ended.stderr)
        assert (int(ran) > 0) == is_first, ended.stderr
    assert {path: (folder / path).read_text() for path in RESULTS[name]} == RESULTS[name]


@pytest.mark.parametrize("style", STYLES)
def test_a_part_of_the_configuration_reruns_what_gets_it(folder, pipeline, style):
    config = pipeline(style, "config")

    def run(**changes):
        graph = ppg.new_pipegraph(quiet=True)
        config.declare(config.Config(**changes))
        return set(graph.run().ran)

    assert run() == {"words", "trimmed", "report"}
    assert run(title="other") == {"report"}
    assert run(title="other", trimming=config.Trimming(4)) == {"trimmed", "report"}
    assert (folder / "report").read_text() == "other: one seve thre"
    assert run(title="other", trimming=config.Trimming(4)) == set()


@pytest.mark.parametrize("style", STYLES)
def test_a_new_value_reruns_what_is_made_of_it(folder, pipeline, style):
    values = pipeline(style, "values")

    def run(numbers):
        graph = ppg.new_pipegraph(quiet=True)
        values.declare(numbers)
        return set(graph.run().ran) - {"numbers", "squares"}

    assert run([1, 2]) == {"sum", "report"}
    assert run([1, 2]) == set()
    assert run([1, 3]) == {"sum", "report"}
    assert (folder / "report").read_text() == "[1, 3]: 10"


def test_decorated_functions_are_tested_without_a_run(folder, pipeline):
    tested = pipeline("decorated", "tested")
    tested.numbers(folder / "few", count=3)
    assert (folder / "few").read_text() == "0 1 2"
    assert tested.values(folder / "few") == [0, 1, 2]
    tested.mean(folder / "mean of few", values=[1, 2])
    assert (folder / "mean of few").read_text() == "1.50"
    assert not (folder / "numbers").exists()


def test_functions_of_classes_are_tested_without_a_run(folder, pipeline):
    tested = pipeline("classes", "tested")
    tested.write_numbers(folder / "few", count=3)
    assert tested.read_values(folder / "few") == [0, 1, 2]
    tested.mean(folder / "mean of few", values=[1, 2])
    assert (folder / "mean of few").read_text() == "1.50"


def test_mypy_accepts_all_without_an_exception(tmp_path):
    """Takes seconds: it runs the checker."""
    told = subprocess.run(
        [
            str(Path(sys.executable).with_name("mypy")),
            *("--strict", "--python-version", "3.11", "--cache-dir", str(tmp_path)),
            *map(str, sorted(HERE.glob("*/*.py"))),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=HERE.parents[1],
    )
    assert told.returncode == 0, told.stdout


def test_basedpyright_accepts_all_without_an_exception(tmp_path):
    """Takes seconds: it runs the checker."""
    (tmp_path / "settings.json").write_text(
        json.dumps({"include": list(map(str, sorted(HERE.glob("*/*.py")))), "typeCheckingMode": "strict"})
    )
    command = [str(Path(sys.executable).with_name("basedpyright")), "--pythonpath", sys.executable, "-p"]
    told = subprocess.run(
        [*command, str(tmp_path / "settings.json")],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=HERE.parents[1],
    )
    assert told.returncode == 0, told.stdout


def test_no_line_has_the_checkers_ignore_it():
    assert [
        path for path in HERE.glob("*/*.py") if re.search(r"type: *ignore|pyright:", path.read_text())
    ] == []
