"""A project that an earlier ppg has run is up to date for this one.

`recorded/` is such a project, with its status store, outputs, caches and shared cache (see `record.py`). The store and the
pickles in it know classes, functions and modules of ppg by their names of then. A failure here means: whoever installs
this version runs everything again that has something of ppg in it.
"""

import importlib
import json
import shutil
import sqlite3
import sys

import pytest

from tests.cli.project import PPG, Project
from tests.upgrades.record import NAMES, RECORDED, STORES, is_named, set_times

PYTHON = sys.executable
PACKAGES = ("ppg", "ppg-cli", "ppg-exec", "ppg-graph", "ppg-invariants")

EVERY_RUN = {
    "decorated generator",
    "decorated data",
    "generator",
    "load numbers",
    "generator that reads a cache",
    "cache/for_generator_load",
    "injection",
    "nested generator",
}
"""Generators, and the loads that they depend on."""

SHARING = {
    "cache/states",
    "sharing/one.txt",
    "sharing/k.txt:sharing/l.txt",
    "sharing/report.txt",
    "sharing/tool.txt",
}


class Recorded(Project):
    """A copy of the recorded project."""

    def run(self, *command):
        """Run a script of the project to its end; what ran, and what was taken from the shared cache."""
        ended = self.command(*command)
        assert ended.code == 0, ended.err
        told = json.loads(ended.out.splitlines()[-1])
        return set(told["ran"]), set(told["taken from the shared cache"])

    def python(self, script="pipeline.py"):
        """What ran under Python alone, but for what runs every time."""
        ran, _ = self.run(PYTHON, script)
        return ran - EVERY_RUN

    def edit(self, name, old, new):
        """Replace text in a file."""
        text = (self / name).read_text()
        assert text.count(old) == 1
        (self / name).write_text(text.replace(old, new))

    def forget(self, job_id):
        """Take the record of a job out of the store, and its files away."""
        with sqlite3.connect(self / STORES[0]) as store:
            removed = store.execute(
                "DELETE FROM records WHERE job = (SELECT id FROM jobs WHERE name = ?)", (job_id,)
            )
            assert removed.rowcount == 1
        store.close()
        for path in job_id.split(":"):
            (self / path).unlink()


@pytest.fixture
def recorded(tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(RECORDED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    set_times(folder)
    project = Recorded(folder)
    for name in ("PPG_SHARED_CACHE", "PPG_LOG_PORT"):
        project.environment.pop(name, None)
    yield project
    project.end_everything()


def outputs(folder):
    """The outputs, by name, with their content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in {".txt", ".pdf"}
        and path.relative_to(folder).parts[0] not in {"inputs", "shared", "logs"}
    }


@pytest.mark.parametrize("command", [(PYTHON,), (PPG, "run")], ids=["python", "ppg run"])
def test_nothing_but_what_runs_every_time_runs_in_a_project_that_an_earlier_ppg_has_run(recorded, command):
    ran, _ = recorded.run(*command, "pipeline.py")
    assert ran == EVERY_RUN
    assert recorded.run(*command, "pipeline.py")[0] == EVERY_RUN
    assert outputs(recorded.folder) == outputs(RECORDED)


def test_nothing_runs_because_the_version_of_ppg_was_raised(recorded, tmp_path):
    for name in PACKAGES:
        folder = tmp_path / "newer" / f"{name.replace('-', '_')}-9.8.7.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.8.7\n")
    recorded.environment["PYTHONPATH"] = str(tmp_path / "newer")
    asked = f"from importlib.metadata import version; print({{version(name) for name in {PACKAGES}}})"
    assert recorded.command(PYTHON, "-c", asked).out.strip() == "{'9.8.7'}"
    assert recorded.python() == set()
    assert recorded.python("internal.py") == set()
    assert recorded.ppg("verify", "--hash", "pipeline.py").code == 0


def test_ppg_verify_finds_everything_as_the_earlier_ppg_has_left_it(recorded):
    ended = recorded.ppg("verify", "--hash", "pipeline.py")
    lines = ended.out.splitlines()
    kinds = ("would run", "may run", "problem", "cannot run")
    told = {line[12:].partition(":")[0] for line in lines if line.startswith(kinds)}
    assert told == set(), ended.out
    assert [line for line in lines if line.endswith("is not declared any more")] == []
    assert (ended.code, lines[-1].partition(":")[0]) == (0, "verified")


def test_names_of_undocumented_modules_count_as_they_did(recorded):
    assert recorded.python("internal.py") == set()


def test_why_a_job_ran_under_the_earlier_ppg_is_still_shown(recorded):
    reasons = {
        "counted.txt": "because it was new, or had failed before",
        "load numbers": "because needed by generator",
        "generator": "because generators run every time",
    }
    for job_id, reason in reasons.items():
        ended = recorded.ppg("why", job_id)
        assert ended.code == 0, ended.err
        assert reason in ended.out


# -- changes are seen: with this very store, and no more than they should be ----------------------------------


def test_a_job_with_an_edited_helper_runs_and_nothing_else_if_its_result_stays(recorded):
    recorded.edit("helpers.py", "text.strip().lower()", "text.lower().strip()")
    assert recorded.python() == {"cleaned.txt"}
    assert recorded.python() == set()


def test_what_reads_the_result_of_an_edited_helper_runs_if_that_is_another_one(recorded):
    recorded.edit("helpers.py", "text.strip().lower()", "text.strip().upper()")
    readers = {
        "counted.txt",
        "joined.txt",
        "decorated/all.txt",
        "injected.txt",
        "sharing/one.txt",
        "sharing/tool.txt",
    }
    needed = {"decorated/scratch.txt", "decorated/1.txt:decorated/2.txt", "load largest", "load smallest"}
    assert recorded.python() == {"cleaned.txt"} | readers | needed


def test_a_captured_class_of_the_project_that_derives_from_one_of_ppg_is_compared(recorded):
    recorded.edit("helpers.py", 'title = "report"', 'title = "account"')
    ran = recorded.python()
    assert {"captured/class_of_the_project.txt", "parameters/classes.txt"} & ran == {
        "captured/class_of_the_project.txt"
    }
    assert not ran & {
        "captured/class.txt",
        "captured/jobs_of_the_project.txt",
        "captured/class_of_the_script.txt",
    }


# -- what the earlier ppg has kept is of use ------------------------------------------------------------------


def test_values_that_an_earlier_ppg_has_pickled_are_loaded_not_calculated(recorded):
    """In the pickles are classes, functions and members of enumerations by their names of then."""
    readers = {
        "from_cache/attribute.txt",
        "from_cache/entry.txt",
        "from_cache/data.txt",
        "generated/loaded.txt",
    }
    plots = {"plot.pdf", "another_plot.pdf"}
    for name in readers | plots:
        (recorded / name).unlink()
    loads = {"cache/things_load", "cache/error_load", "cache/states_load", "cache/generated_load"}
    assert recorded.python() == readers | plots | loads
    assert outputs(recorded.folder) == outputs(RECORDED)
    told = (recorded / "from_cache/attribute.txt").read_text().splitlines()
    assert len(told) > 20
    assert [line for line in told if ": True" not in line] == []


def test_a_job_without_its_record_and_files_takes_what_an_earlier_ppg_has_shared(recorded):
    for job_id in SHARING:
        recorded.forget(job_id)
    # The cache is only needed if somebody needs the value.
    (recorded / "from_cache/data.txt").unlink()
    before = {path.name for path in (recorded / "shared" / "v1").glob("??/*")}
    ran, taken = recorded.run(PYTHON, "pipeline.py")
    assert taken == SHARING
    assert ran - EVERY_RUN == SHARING | {
        "cache/states_load",
        "from_cache/data.txt",
        "load largest",
    }
    assert {path.name for path in (recorded / "shared" / "v1").glob("??/*")} == before
    assert outputs(recorded.folder) == outputs(RECORDED)


def test_all_outputs_are_made_again_as_they_were(recorded):
    before = outputs(RECORDED)
    assert len(before) > 100
    for name in before:
        (recorded / name).unlink()
    recorded.python()
    recorded.python("internal.py")
    assert outputs(recorded.folder) == before


# -- names ----------------------------------------------------------------------------------------------------


def test_every_public_class_and_function_of_then_is_found_under_its_public_name_and_under_its_full_one():
    for package, names in json.loads(NAMES.read_text())["public"].items():
        for name, full in names.items():
            value = getattr(importlib.import_module(package), name)
            assert is_named(value), name
            assert _found(full) is value, full


def test_the_recorded_project_captures_all_public_names_of_then():
    recorded = json.loads((RECORDED / "public_names.json").read_text())
    public = json.loads(NAMES.read_text())["public"]
    assert recorded == {package: list(public[package]) for package in recorded}


def _found(full):
    module, _, name = full.rpartition(".")
    return getattr(importlib.import_module(module), name)
