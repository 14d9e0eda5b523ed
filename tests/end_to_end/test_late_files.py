"""A machine that sees files late, as by the caches of network file systems: bindfs stands in, which remembers names for 4 s."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from tests.end_to_end.ppg_command import PPG, run_command
from tests.exec.dask.clusters import running_cluster

SCRIPT = """
import os
from pathlib import Path

import ppg

ppg.new_pipegraph(track="python")


def first(path):
    path.write_text("first\\n" * int(Path("size.txt").read_text()))


def look(path):
    # A name that is looked up too early is known as that of no file.
    path.write_text(str([os.path.exists(f"made/{number}.txt") for number in range(4)]))


size = ppg.FileInvariant("size.txt")
Path("made").mkdir(exist_ok=True)
looks = [ppg.FileGeneratingJob(f"looks/{number}.txt", look) for number in range(4)]
for job in looks:
    job.depends_on(size)
for number in range(4):
    made = ppg.FileGeneratingJob(f"made/{number}.txt", first)
    made.depends_on(size, *looks)
    for copy in range(3):

        def read(path, source=f"made/{number}.txt"):
            path.write_text(Path(source).read_text())

        ppg.FileGeneratingJob(f"copies/{number}-{copy}.txt", read).depends_on(made)
ppg.run()
"""


CACHES = "attr_timeout=4,entry_timeout=4,negative_timeout=4"


def late_view(folder: Path) -> list[str]:
    """The words before a command that make it see a folder late; it gets namespaces of its own."""
    script = (
        f"(bindfs -f -o {CACHES} {folder} {folder} &) && "
        f'while ! mountpoint -q {folder}; do sleep 0.05; done; cd {folder}; exec "$@"'
    )
    own = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return ["unshare", *own, "sh", "-c", script, "sh"]


def why_not() -> str:
    if shutil.which("bindfs") is None or not os.access("/dev/fuse", os.W_OK):
        return "needs bindfs (apt-get install bindfs) and /dev/fuse"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "needs the right to have namespaces"
    return ""


def copies(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.glob("copies/*")}


@pytest.mark.parametrize("late", ["machine", "script"])
def test_jobs_read_what_other_machines_have_made_although_they_see_it_late(tmp_path: Path, late: str) -> None:
    if reason := why_not():
        pytest.skip(reason)
    folder, logs = tmp_path / "project", tmp_path / "logs"
    for each in (folder, logs, folder / "logs"):
        each.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    with running_cluster(logs, 0, 1, ["prompt"]) as cluster:
        view = late_view(folder)
        cluster.start_worker(1, "--no-nanny", machine="other", before=view if late == "machine" else ())
        command = [*(view if late == "script" else ()), PPG, "run", "--on", cluster.address, "script.py"]
        cluster.wait_for_workers(2)
        for size in (1, 40_000, 2):
            (folder / "size.txt").write_text(str(size))
            ran = run_command(command, folder)
            assert (ran.code, ran.counts) == (0, (20, 0, 0, 0)), ran.said
            assert copies(folder) == {
                f"{number}-{copy}.txt": "first\n" * size for number in range(4) for copy in range(3)
            }
            log = (folder / "logs" / "ppg_run.txt").read_text()
            places = dict(re.findall(r"started: (.*) \(pid \d+, on (\w+)\)", log))
            assert set(places.values()) == {"prompt", "other"}
        again = run_command(command, folder)
        assert (again.code, again.counts) == (0, (0, 20, 0, 0)), again.said
