"""Files that a load leaves open: their position is shared by all forks, which the outcome says."""

import fcntl
import logging
import mmap
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ppg_exec import LocalExecutor, RunsIn, Succeeded, Task
from tests.exec.holder import Holder


def load(key: str, function: Any) -> Task:
    return Task(key, function, place=RunsIn.NODE)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.txt"
    path.write_text("".join(f"{number}\n" for number in range(100)))
    return path


@pytest.fixture(params=["forkserver", "fork"])
def executor(request: Any) -> Any:
    with LocalExecutor(cores=2, start_method=request.param) as executor:
        yield executor


def test_a_load_that_leaves_a_file_open_is_named_with_the_file_and_a_remedy(
    executor: LocalExecutor, run: Any, table: Path
) -> None:
    shared = Holder()

    def leave_open() -> None:
        shared.file = table.open()

    outcome = run(executor, load("load", leave_open))["load"]
    assert outcome.end == Succeeded(None)
    (warning,) = outcome.warnings
    assert f"the load has left 1 file(s) open in the compute node: {table}." in warning
    assert "Close the files when the load is done" in warning
    # Why there are warnings: each job goes on where the one before has stopped.
    read = [run(executor, Task(name, lambda: os.read(shared.file.fileno(), 2)))[name].end for name in "ab"]
    assert read == [Succeeded(b"0\n"), Succeeded(b"1\n")]


def test_each_load_is_named_for_its_own_files_only(executor: LocalExecutor, run: Any, table: Path) -> None:
    shared = Holder()
    other = table.with_name("other.txt")

    def leave_open() -> None:
        shared.file = table.open()
        shared.again = os.dup(shared.file.fileno())

    def replace_it() -> None:
        shared.file.close()
        os.close(shared.again)
        shared.file = other.open("w+")
        shared.many = [table.open() for _ in range(2)]

    def leave_many() -> None:
        shared.more = [table.with_name(f"{number}").open("w") for number in range(7)]

    warnings = [
        run(executor, load(function.__name__, function))[function.__name__].warnings
        for function in (leave_open, lambda: None, replace_it, leave_many)
    ]
    names = [[warning.partition("node: ")[2].partition(". All")[0] for warning in some] for some in warnings]
    many = ", ".join(str(table.with_name(f"{number}")) for number in range(5))
    assert names == [[str(table)], [], [f"{other}, {table}"], [f"{many} and 2 more"]]


def test_what_has_no_position_that_forks_share_is_not_named(
    executor: LocalExecutor, run: Any, table: Path, tmp_path: Path
) -> None:
    shared = Holder()

    def leave_others_open() -> None:
        with table.open("r+b") as file:
            shared.mapped = mmap.mmap(file.fileno(), 0)
        shared.closed = file
        shared.log = logging.FileHandler(tmp_path / "log")
        shared.appends = open(tmp_path / "appends", "a")  # noqa: SIM115 - it stays open
        shared.pipe = os.pipe()
        shared.sockets = socket.socketpair()
        shared.folder = os.open(tmp_path, os.O_RDONLY)
        shared.place = os.open(table, os.O_PATH)
        shared.device = open("/dev/null")  # noqa: SIM115
        print("a load's own output goes to a file, too")

    assert run(executor, load("load", leave_others_open))["load"].warnings == ()
    assert run(executor, Task("job", lambda: shared.mapped[:2]))["job"].end == Succeeded(b"0\n")


def test_a_file_that_a_module_leaves_open_when_it_is_imported_is_named(
    run: Any, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opens_a_file.py").write_text(f"FILE = open({str(table)!r})\ndef work():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import opens_a_file  # type: ignore[import-not-found]

    with LocalExecutor(cores=1) as executor:
        (warning,) = run(executor, Task("job", opens_a_file.work))["job"].warnings
    opens_a_file.FILE.close()
    assert f"importing its modules has left 1 file(s) open in the compute node: {table}." in warning


def test_files_that_the_script_has_open_are_not_those_of_a_load(run: Any, table: Path) -> None:
    with table.open() as file, LocalExecutor(cores=1, start_method="fork") as executor:
        os.set_inheritable(file.fileno(), True)
        outcome = run(executor, load("load", lambda: len(os.listdir("/proc/self/fd")) > 3))["load"]
        assert (outcome.end, outcome.warnings) == (Succeeded(True), ())
        assert fcntl.fcntl(file.fileno(), fcntl.F_GETFD) == 0
