"""The phage example with half of its declared inputs left out: what the jobs read is known after the first runs.

From then on every edit of an input file reruns what it must, at once, and nothing else runs.
"""

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.ppg_command import EXAMPLES, PPG, Run, run_command
from tests.end_to_end.test_phage import JOBS, contents, edit

DECLARED = "        job.depends_on_file(path)\n"


def run_phage(project: Path) -> Run:
    return run_command([PPG, "run", "phage/phage.py"], project)


def copy_of_phage(project: Path) -> Path:
    shutil.copytree(EXAMPLES / "phage", project / "phage", ignore=shutil.ignore_patterns("__pycache__"))
    return project


def leave_out_half(project: Path, seed: int) -> None:
    """Let the script declare a random half of the pairs of a job and its input."""
    edit(
        project / "phage/phage.py",
        DECLARED,
        "        if f'{name} {path}' not in LEFT_OUT:\n    " + DECLARED,
    )
    edit(project / "phage/phage.py", "WINDOW_SIZES = ", "LEFT_OUT: set[str] = set()\nWINDOW_SIZES = ")
    # The script itself says which pairs there are.
    spy = project / "phage/spy.py"
    spy.write_text(
        "import phage, ppg\n"
        "class Pairs(set):\n"
        "    def __contains__(self, pair):\n"
        "        print('pair', pair)\n"
        "        return True\n"
        "phage.LEFT_OUT = Pairs()\n"
        "ppg.new_pipegraph()\n"
        "phage.declare_jobs()\n"
    )
    said = run_command([sys.executable, "phage/spy.py"], project).said
    spy.unlink()
    pairs = sorted({line.removeprefix("pair ") for line in said.splitlines() if line.startswith("pair ")})
    assert len(pairs) > 60, said
    left_out = random.Random(seed).sample(pairs, len(pairs) // 2)
    edit(project / "phage/phage.py", "LEFT_OUT: set[str] = set()", f"LEFT_OUT = {set(left_out)!r}")


def mutate(project: Path, seed: int) -> None:
    """Replace some bases of the genome."""
    fasta = project / "phage/data/lambda_virus.fa"
    chance = random.Random(seed)
    header, *lines = fasta.read_text().splitlines()
    for number in chance.sample(range(len(lines)), 5):
        line = lines[number]
        lines[number] = line[::-1] if line != line[::-1] else line
    fasta.write_text("\n".join([header, *lines]) + "\n")


def retitle(project: Path, seed: int) -> None:
    """Another title of the genome: nothing but its bases follows from it."""
    fasta = project / "phage/data/lambda_virus.fa"
    header, rest = fasta.read_text().split("\n", maxsplit=1)
    fasta.write_text(f"{header}, title {seed}\n{rest}")


def rename_gene(project: Path, seed: int) -> None:
    """Another name of one gene."""
    genes = project / "phage/data/genes.tsv"
    header, *rows = genes.read_text().splitlines()
    place = header.split("\t").index("gene")
    number = random.Random(seed).randrange(len(rows))
    cells = rows[number].split("\t")
    cells[place] += "x"
    rows[number] = "\t".join(cells)
    genes.write_text("\n".join([header, *rows]) + "\n")


EDITS: tuple[Callable[[Path, int], None], ...] = (mutate, rename_gene, retitle)


def made_from_scratch(project: Path, folder: Path) -> dict[str, str]:
    """The results of the whole example with the inputs of a project."""
    copy_of_phage(folder)
    for data in (project / "phage/data").iterdir():
        shutil.copy(data, folder / "phage/data")
    fresh = run_phage(folder)
    assert (fresh.code, fresh.counts) == (0, (JOBS, 0, 0, 0)), fresh.said
    return contents(folder)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 8))]
)
def test_half_of_the_declarations_are_enough_from_the_third_run_on(tmp_path, seed):
    project = copy_of_phage(tmp_path / "project")
    leave_out_half(project, seed)
    for _ in range(2):
        run_phage(project)
    third = run_phage(project)
    assert third.code == 0, third.said
    for _ in range(2):
        idle = run_phage(project)
        assert (idle.code, idle.counts) == (0, (0, JOBS, 0, 0)), idle.said
    for number, change in enumerate(EDITS):
        change(project, seed)
        after = run_phage(project)
        assert after.code == 0, after.said
        assert after.ran
        assert contents(project) == made_from_scratch(project, tmp_path / f"scratch {number}"), (
            change.__name__
        )
        idle = run_phage(project)
        assert (idle.code, idle.counts) == (0, (0, JOBS, 0, 0)), idle.said
