"""Ctrl-C while ppg itself is busy, before any job has started."""

import signal
import subprocess
import sys

SCRIPT = """
import ppg
ppg.new_pipegraph()
ppg.FileGeneratingJob("a", lambda path: path.write_text("A")).depends_on_file("input")
print("declared", flush=True)
ppg.run_pipegraph()
"""


def test_the_hashing_of_a_huge_input_is_given_up(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    with open(tmp_path / "input", "wb") as file:
        file.truncate(1 << 42)  # sparse: 4 TiB, whose md5 takes more than an hour
    run = subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert run.stdout.readline() == "declared\n"
        while not (tmp_path / ".pypipegraph_status_robust").exists():
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=120)
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    assert run.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in said
    assert not (tmp_path / "a").exists()
