"""What folders cost: made by a job, unchanged since, and as an input; beside bare loops over the same files.

    python -m tests.benchmarks.bench_folders [files ...]

Each folder has files of 40 bytes, 1,000 in each folder in it. Each step is a process, which measures itself:

    make     run a job that fills the folder; beside a loop that writes the same files, and reads and hashes them
    idle     run again, with nothing to do; beside a loop that stats the same files
    change   run after one file was changed by hand, so that the folder is emptied and filled again; beside the first
             loop, and one that removes the files
    parts    run 100 jobs that depend on one file each, for the first time; beside a loop that stats the same files
    input    observe the folder as an input, for the first time; beside a loop that reads and hashes the same files
    seen     observe it again; beside a loop that stats the same files

Printed are seconds from the declaration to the end of the run, without the imports. Behind them is the ratio to the loop,
after the same run of a folder with one file was subtracted. The loops run in the same process right after the run, and
find their files in memory. Of idle runs and of loops the fastest of three counts, other than of loops that make files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SIZES = (1_000, 10_000, 100_000)
STEPS = ("make", "idle", "change", "parts", "input", "seen")
PARTS = 100


def write_files(folder: Path, count: int) -> None:
    """What the job makes."""
    for number in range(count):
        if number % 1000 == 0:
            os.mkdir(f"{folder}/{number // 1000}")
        descriptor = os.open(f"{folder}/{number // 1000}/{number}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, f"{number:040d}".encode())
        os.close(descriptor)


def files_of(folder: str) -> Iterator[str]:
    """The files in a folder, without ppg."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from files_of(entry.path)
            else:
                yield entry.path


def stat_files(folder: Path) -> None:
    """Bare loop: stat every file."""
    for path in files_of(str(folder)):
        os.lstat(path)


def hash_files(folder: Path) -> None:
    """Bare loop: read and hash every file."""
    import xxhash

    for path in files_of(str(folder)):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        xxhash.xxh3_128_digest(os.read(descriptor, 1 << 16))
        os.close(descriptor)


def make_files(folder: Path, count: int) -> None:
    """Bare loop: write every file, then read and hash it."""
    folder.mkdir()
    write_files(folder, count)
    hash_files(folder)


def remake_files(folder: Path, count: int) -> None:
    """Bare loop: make a folder whose files are there already."""
    for path in files_of(str(folder)):
        os.unlink(path)
    shutil.rmtree(folder)
    make_files(folder, count)


def seconds(act: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def work(step: str, count: int) -> None:
    """What a measured process does; prints the seconds of ppg, and those of the bare loop."""
    import ppg

    def run() -> None:
        graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=2), quiet=True)
        if step in {"input", "seen"}:
            user = ppg.FileGeneratingJob("user", lambda path: path.write_text("x"))
            user.depends_on(ppg.FolderInvariant("folder"))
        else:
            made = ppg.DirectoryGeneratingJob("folder", lambda folder: write_files(folder, count))
            ppg.FileGeneratingJob("user of all", lambda path: path.write_text("x")).depends_on(made)
            for number in range(PARTS if step == "parts" else 0):
                user = ppg.FileGeneratingJob(f"user{number}", lambda path: path.write_text("x"))
                user.depends_on(made[f"{number * count // PARTS // 1000}/{number * count // PARTS}"])
        result = graph.run()
        assert ("folder" in result.ran) == (step in {"make", "change"})

    folder = Path("folder")
    if step == "change":
        (folder / "0/0").write_text("changed")
    again = 3 if step in {"idle", "seen"} else 1
    taken = min(seconds(run) for _ in range(again))
    bare = {
        "make": lambda: make_files(Path("bare"), count),
        "change": lambda: remake_files(Path("bare"), count),
        "input": lambda: hash_files(folder),
    }.get(step, lambda: stat_files(folder))
    print(taken, min(seconds(bare) for _ in range(1 if step in {"make", "change"} else 3)))


def measure(step: str, count: int, directory: str) -> tuple[float, float]:
    """The seconds that `work` prints."""
    from tests.benchmarks.environments import measurable_variables

    command = [sys.executable, __file__, "--step", step, str(count)]
    done = subprocess.run(
        command, cwd=directory, env=measurable_variables(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{step} of {count:,} files ended with {done.returncode}:\n{done.stderr}")
    taken, bare = map(float, done.stdout.split()[-2:])
    return taken, bare


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=int, default=SIZES)
    parser.add_argument("--step", nargs=2, metavar=("STEP", "FILES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step, count = options.step
        work(step, int(count))
        return
    print(f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    print("| files | " + " | ".join(STEPS) + " |")
    print("| ---: " * (len(STEPS) + 1) + "|")
    base: dict[str, float] = {}
    for count in (1, *options.files):
        cells = []
        with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as observed:
            write_input = Path(observed, "folder")
            write_input.mkdir()
            write_files(write_input, count)
            for step in STEPS:
                taken, bare = measure(step, count, observed if step in {"input", "seen"} else made)
                if count == 1:
                    base[step] = taken
                    cells.append(f"{taken:.2f} s")
                    continue
                ratio = (taken - base[step]) / bare
                cells.append(f"{taken:.2f} s; {ratio:.1f} ×")
        print(f"| {count:,} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
