"""Files of a run in its folder: what killed runs have left goes, and what others still hold stays."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ppg_exec.links.run_files import PREFIX, RunFile

HOLDER = """
import sys
from ppg_exec.links.run_files import RunFile
held = RunFile(sys.argv[1], "x"), RunFile(sys.argv[1], None)
(held[1].path / "key").write_text("secret")
print("held", flush=True)
sys.stdin.read()
"""


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_a_private_folder_are_there_until_they_are_closed(tmp_path: Path) -> None:
    file, folder = RunFile(tmp_path, "content"), RunFile(tmp_path, None)
    assert file.path.read_text() == "content"
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "key").write_text("secret")
    assert files(tmp_path) == sorted([file.path.name, folder.path.name])
    file.close()
    folder.close()
    assert files(tmp_path) == []


@pytest.mark.parametrize("ends", ["killed", "goes on"])
def test_what_a_killed_run_has_left_is_removed_and_what_a_run_holds_stays(tmp_path: Path, ends: str) -> None:
    other = f"{PREFIX}another-host-0123"
    (tmp_path / other).write_text("of a run elsewhere")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        held = set(files(tmp_path)) - {other}
        assert len(held) == 2
        if ends == "killed":
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        own = RunFile(tmp_path, "x")
        assert set(files(tmp_path)) - {other, own.path.name} == (set() if ends == "killed" else held)
        own.close()
    assert other in files(tmp_path)
