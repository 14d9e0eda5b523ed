"""A run that is killed while a job fills its folder: the next run empties it, and nothing else."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

SCRIPT = textwrap.dedent(
    """
    import os
    import signal
    import sys
    import ppg

    main = os.getpid()
    dies = sys.argv[1:] == ["die"]
    ppg.unwatched("dies")
    ppg.unwatched("main")

    def fill(folder):
        found = sorted(os.listdir(folder))
        (folder / "half").write_text("h")
        if dies:
            os.kill(main, signal.SIGKILL)
            signal.pause()
        (folder / "half").unlink()
        (folder / "whole").write_text(f"found {found}")

    ppg.new_pipegraph(quiet=True)
    ppg.DirectoryGeneratingJob("parts", fill)
    ppg.run_pipegraph()
    """
)


@pytest.fixture
def run_script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "script.py", *arguments],
            cwd=tmp_path,
            timeout=60,
            check=False,
            capture_output=True,
        ).returncode

    return run


@pytest.mark.parametrize("before", [0, 1])
def test_a_killed_job_leaves_a_folder_that_the_next_run_empties(run_script, tmp_path, before):
    for _ in range(before):
        assert run_script() == 0
        (tmp_path / "parts/whole").write_text("by hand")
    assert run_script("die") == -signal.SIGKILL
    assert os.listdir(tmp_path / "parts") == ["half"]
    assert run_script() == 0
    assert (tmp_path / "parts/whole").read_text() == "found []"
    assert os.listdir(tmp_path / "parts") == ["whole"]
