"""Files that other machines have made: a task waits until they are here, for a limited time, before its function begins."""

import os
import threading
from pathlib import Path

import pytest

from ppg_exec.node.arrived_files import AfterArrival, StaleFileError, wait_for_files


def described(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns


def test_the_function_begins_when_the_file_has_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("new content")
    expected = described(path)
    path.write_text("old")

    def arrive() -> None:
        path.write_text("new content")
        assert not begun, "the time is still another one"
        os.utime(path, ns=(expected[2], expected[2]))

    begun: list[str] = []
    later = threading.Timer(0.1, arrive)
    later.start()
    AfterArrival(lambda: begun.append(path.read_text()), [expected])()
    later.join()
    assert begun == ["new content"]


def test_a_file_that_never_comes_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(StaleFileError, match="No such file or directory; look whether this machine sees"):
        wait_for_files([(str(tmp_path / "a.txt"), 1, 2)], patience=0.0)
    (tmp_path / "a.txt").write_text("abc")
    with pytest.raises(StaleFileError, match="it has 3 bytes instead of 1"):
        wait_for_files([(str(tmp_path / "a.txt"), 1, 2)], patience=0.0)


def test_a_file_that_changes_while_the_function_runs_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    with pytest.raises(StaleFileError, match=r"a.txt' changed while the job ran; run again"):
        AfterArrival(lambda: path.write_text("bc"), [described(path)])()
