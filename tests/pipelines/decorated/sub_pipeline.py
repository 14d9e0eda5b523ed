"""A part of a pipeline that is used twice: a function that returns jobs."""

from dataclasses import dataclass
from pathlib import Path

import ppg


@dataclass(frozen=True)
class Quality:
    """Quality: the jobs of one use of the part."""

    length: ppg.FileGeneratingJob
    letters: ppg.FileGeneratingJob


def write_length(out: Path, data: Path) -> None:
    """Write the number of letters."""
    out.write_text(str(len(data.read_text())))


def write_letters(out: Path, data: Path) -> None:
    """Write the different letters."""
    out.write_text("".join(sorted(set(data.read_text()))))


def quality(name: str, data: ppg.FileGeneratingJob) -> Quality:
    """Declare the part for one file."""
    return Quality(
        length=ppg.file(f"{name}/length")(write_length, data=data),
        letters=ppg.file(f"{name}/letters")(write_letters, data=data),
    )


def declare(text: str) -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""

    @ppg.file("raw")
    def raw(out: Path, text: str = text) -> None:
        out.write_text(text)

    @ppg.file("clean")
    def clean(out: Path, raw: Path = ppg.upstream(raw)) -> None:
        out.write_text(raw.read_text().replace(" ", ""))

    before, after = quality("before", raw), quality("after", clean)

    @ppg.file("report")
    def report(
        out: Path,
        lengths: list[Path] = ppg.upstream([before.length, after.length]),
        letters: dict[str, Path] = ppg.upstream({"before": before.letters, "after": after.letters}),
    ) -> None:
        out.write_text(f"{[path.read_text() for path in lengths]} {letters['after'].read_text()}")

    return report


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare("a b a")
    ppg.run_pipegraph()
