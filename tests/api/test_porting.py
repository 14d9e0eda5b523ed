"""The guide for those who come from pypipegraph and pypipegraph2: its examples run, its names are complete and exist."""

import pickle
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ppg

GUIDE = (Path(__file__).parents[2] / "docs" / "porting.md").read_text()
EXAMPLES = [
    textwrap.dedent(example)
    for example in re.findall(r"^ *```python\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
]
PYPIPEGRAPH = """
    run_pipegraph new_pipegraph RuntimeError RuntimeException CycleError JobContractError PyPipeGraphError
    JobDiedException NothingChanged Job JobList FileGeneratingJob MultiFileGeneratingJob DataLoadingJob
    AttributeLoadingJob TempFileGeneratingJob TempFilePlusGeneratingJob CachedAttributeLoadingJob
    CachedDataLoadingJob PlotJob CombinedPlotJob FunctionInvariant ParameterInvariant FileTimeInvariant
    FileChecksumInvariant RobustFileChecksumInvariant FileInvariant MultiFileInvariant JobGeneratingJob
    DependencyInjectionJob FinalJob MemMappedDataLoadingJob MultiTempFileGeneratingJob NotebookJob verify_job_id
    assert_uniqueness_of_object inside_ppg util resource_coordinators
"""
PYPIPEGRAPH2 = """
    new run Job JobList FileGeneratingJob MultiFileGeneratingJob TempFileGeneratingJob MultiTempFileGeneratingJob
    DataLoadingJob ValuePlusHash AttributeLoadingJob CachedDataLoadingJob CachedAttributeLoadingJob PlotJob
    FunctionInvariant FileInvariant ParameterInvariant NotebookInvariant NotebookJob JobGeneratingJob
    SharedMultiFileGeneratingJob ExternalJob ExternalOutputPath PPGException NotADag FatalGraphException
    JobOutputConflict JobContractError JobDied JobRedefinitionError RunFailed RunFailedInternally JobsFailed
    JobError HistoryLoadingFailed JobEvaluationFailed Resources RunMode replace_ppg1 unreplace_ppg1 inside_ppg
    assert_uniqueness_of_object enable_rust_logging DirConfig ALL_CORES global_pipegraph
"""


def rows():
    """The rows of all tables, without headings: what it is called there, there, and here."""
    for line in GUIDE.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if line.startswith("|") and len(cells) == 3 and cells[2] not in {"here", "---"}:
            yield cells


def names_in(text):
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", text))))


@pytest.mark.parametrize(("column", "names"), [(0, PYPIPEGRAPH), (1, PYPIPEGRAPH2)])
def test_every_public_name_of_the_predecessors_is_in_the_tables(column, names):
    told = set().union(*(names_in(row[column]) for row in rows()))
    assert sorted(set(names.split()) - told) == []


def test_every_name_of_ppg_in_the_guide_exists():
    names = set(re.findall(r"\bppg\.([A-Za-z]\w+)", GUIDE)) - {"py"}
    assert len(names) > 20
    assert sorted(name for name in names if not hasattr(ppg, name)) == []


def test_what_is_called_the_same_exists_under_that_name():
    jobs = [
        name
        for row in rows()
        if row[2].startswith("the same")
        for name in re.findall(r"`(\w+)`", row[0] + row[1])
    ]
    assert len(jobs) > 20
    own = ppg.FileGeneratingJob
    assert [
        name for name in jobs if not hasattr(ppg, name) and not hasattr(own, name) and name != "quiet"
    ] == []


def test_what_there_is_not_is_not_there():
    absent = [
        name
        for row in rows()
        if row[2].startswith("none")
        for name in re.findall(r"`(\w+)`", row[0] + row[1])
    ]
    assert len(absent) > 5
    assert [name for name in absent if hasattr(ppg, name)] == []


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
                if path.is_file() and not path.name.startswith(".") and "shared" not in path.parts
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
