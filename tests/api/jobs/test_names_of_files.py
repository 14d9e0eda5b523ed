"""Which of a job's files the function gets under which name, and in which order, is part of what it makes."""

import subprocess
import sys

import pytest

import ppg

SCRIPT = """
import sys
import ppg

ppg.new_pipegraph(quiet=True)

def make(files):
    for number, path in enumerate(files.values() if isinstance(files, dict) else files):
        path.write_text(str(number))

def without():
    for name in ("a", "b"):
        with open(name, "w") as file:
            file.write("x")

function = without if sys.argv[1] == "without" else make
ppg.MultiFileGeneratingJob({files}, function)
print(ppg.run().ran)
"""


def ran(folder, files, *, passes="with"):
    (folder / "script.py").write_text(SCRIPT.format(files=files))
    ended = subprocess.run(
        [sys.executable, "script.py", passes],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


CHANGES = [
    ({"x": "a", "y": "b"}, {"x": "b", "y": "a"}),
    ({"x": "a", "y": "b"}, {"y": "b", "x": "a"}),
    ({"x": "a", "y": "b"}, {"x": "a", "z": "b"}),
    (["a", "b"], ["b", "a"]),
    (["a", "b"], {"x": "a", "y": "b"}),
]


@pytest.mark.parametrize(("files", "others"), CHANGES, ids=["files", "order", "name", "list", "kind"])
def test_a_job_runs_again_if_its_function_gets_the_files_differently(tmp_path, files, others):
    assert ran(tmp_path, files) == "['a:b']"
    assert ran(tmp_path, files) == "[]"
    assert ran(tmp_path, others) == "['a:b']"
    assert ran(tmp_path, others) == "[]"


def test_the_order_does_not_count_if_the_function_gets_no_files(tmp_path):
    assert ran(tmp_path, ["a", "b"], passes="without") == "['a:b']"
    assert ran(tmp_path, ["b", "a"], passes="without") == "[]"
    assert ran(tmp_path, {"a", "b"}, passes="without") == "[]"


def test_the_reason_says_so(run):
    def make(files):
        for path in files:
            path.write_text("")

    run(lambda: ppg.MultiFileGeneratingJob(["a", "b"], make, empty_ok=True))
    again = run(lambda: ppg.MultiFileGeneratingJob(["b", "a"], make, empty_ok=True))
    assert again["a:b"].reasons == ("make() gets its files with other names, or in another order",)


@pytest.mark.parametrize("looks", [1, 2])
def test_a_store_without_names_of_files_reruns_nothing(run, monkeypatch, looks):
    def make(files):
        for path in files:
            path.write_text("")

    def declare(files):
        return run(lambda: ppg.MultiFileGeneratingJob(files, make, empty_ok=True))

    with monkeypatch.context() as former:
        former.setattr(ppg.MultiFileGeneratingJob, "_files_with_names", lambda job: ())
        declare(["a", "b"])
    for _ in range(looks):
        assert declare(["a", "b"]).ran == []
    assert declare(["b", "a"]).ran == ["a:b"]
    assert declare(["b", "a"]).ran == []
