"""Lays out the variants example with reads that are made up: few of them, of a short genome."""

import gzip
import random
import shutil
from pathlib import Path

from tests.end_to_end.ppg_command import EXAMPLES

__all__ = ["lay_out_small", "read_records", "wrapped", "write_records"]

BASES = 13_000
COVERAGE = 10
READ = 100
LONG_READ = 300

_OTHERS = {"A": "CGT", "C": "AGT", "G": "ACT", "T": "ACG"}
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def lay_out_small(project: Path) -> None:
    """The example with fewer chunks, the beginning of its genome, and reads of two individuals."""
    shutil.copytree(
        EXAMPLES / "variants", project / "variants", ignore=shutil.ignore_patterns("__pycache__", "reads")
    )
    script = project / "variants/variants.py"
    source = script.read_text()
    assert source.count("type=int, default=4") == 1
    script.write_text(source.replace("type=int, default=4", "type=int, default=2"))
    header, *lines = (EXAMPLES / "phage/data/lambda_virus.fa").read_text().splitlines()
    bases = "".join(lines)[:BASES]
    (project / "phage/data").mkdir(parents=True)
    (project / "phage/data/lambda_virus.fa").write_text(f"{header}\n{wrapped(bases, 70)}")
    chance = random.Random(0)
    pairs = individual(bases, chance)
    (project / "variants/reads").mkdir()
    mates: tuple[list[str], list[str]] = ([], [])
    for number in range(BASES * COVERAGE // READ // 2):
        start = chance.randrange(len(pairs) - 3 * READ)
        fragment = pairs[start : start + 3 * READ]
        mates[0].append(record(number, fragment[:READ]))
        mates[1].append(record(number, fragment.translate(_COMPLEMENT)[::-1][:READ]))
    for mate, records in enumerate(mates, 1):
        write_records(project / f"variants/reads/reads_{mate}.fq.gz", records)
    other = individual(bases, chance)
    starts = [chance.randrange(len(other) - LONG_READ) for _ in range(BASES * COVERAGE // LONG_READ)]
    write_records(
        project / "variants/reads/longreads.fq.gz",
        [record(number, other[start : start + LONG_READ]) for number, start in enumerate(starts)],
    )


def wrapped(bases: str, width: int) -> str:
    """Bases in lines of some width."""
    return "".join(f"{bases[start : start + width]}\n" for start in range(0, len(bases), width))


def individual(bases: str, chance: random.Random) -> str:
    """A genome that differs from another one by substitutions."""
    changed = list(bases)
    for place in chance.sample(range(len(bases)), len(bases) // 300):
        changed[place] = chance.choice(_OTHERS[changed[place]])
    return "".join(changed)


def record(number: int, bases: str) -> str:
    """A read of good quality."""
    return f"@r{number}\n{bases}\n+\n{'I' * len(bases)}\n"


def read_records(file: Path) -> list[str]:
    """The reads of a file, each of four lines."""
    with gzip.open(file, "rt", encoding="ascii") as lines:
        found = list(lines)
    return ["".join(found[start : start + 4]) for start in range(0, len(found), 4)]


def write_records(file: Path, records: list[str]) -> None:
    """Write reads; the same reads are the same bytes."""
    file.write_bytes(gzip.compress("".join(records).encode("ascii"), mtime=0))
