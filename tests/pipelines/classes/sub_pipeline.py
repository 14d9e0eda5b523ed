"""A part of a pipeline that is used twice: a function that returns jobs."""

from dataclasses import dataclass
from pathlib import Path

import ppg


@dataclass(frozen=True)
class Quality:
    """Quality: the jobs of one use of the part."""

    length: ppg.FileGeneratingJob
    letters: ppg.FileGeneratingJob


def quality(name: str, data: ppg.FileGeneratingJob) -> Quality:
    """Declare the part for one file."""
    path = data.path

    def write_length(out: Path) -> None:
        out.write_text(str(len(path.read_text())))

    def write_letters(out: Path) -> None:
        out.write_text("".join(sorted(set(path.read_text()))))

    return Quality(
        length=ppg.FileGeneratingJob(f"{name}/length", write_length).depends_on(data),
        letters=ppg.FileGeneratingJob(f"{name}/letters", write_letters).depends_on(data),
    )


def declare(text: str) -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""

    def write_raw(out: Path) -> None:
        out.write_text(text)

    def write_clean(out: Path) -> None:
        out.write_text(Path("raw").read_text().replace(" ", ""))

    raw = ppg.FileGeneratingJob("raw", write_raw)
    clean = ppg.FileGeneratingJob("clean", write_clean).depends_on(raw)
    before, after = quality("before", raw), quality("after", clean)

    def write_report(out: Path) -> None:
        lengths = [Path(f"{name}/length").read_text() for name in ("before", "after")]
        out.write_text(f"{lengths} {Path('after/letters').read_text()}")

    return ppg.FileGeneratingJob("report", write_report).depends_on(
        before.length, after.length, after.letters
    )


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare("a b a")
    ppg.run_pipegraph()
