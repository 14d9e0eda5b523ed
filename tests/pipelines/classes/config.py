"""A configuration object: each job depends on the part that it uses."""

from dataclasses import dataclass, field
from pathlib import Path

import ppg


@dataclass(frozen=True)
class Trimming:
    """Trimming: how the words are cut."""

    length: int = 3


@dataclass(frozen=True)
class Config:
    """Config: what the pipeline is to do."""

    text: str = "one seventeen three"
    trimming: Trimming = field(default_factory=Trimming)
    title: str = "words"


def declare(config: Config) -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""
    text, trimming, title = config.text, config.trimming, config.title

    def write_words(out: Path) -> None:
        out.write_text(text)

    def trim(out: Path) -> None:
        out.write_text(" ".join(word[: trimming.length] for word in Path("words").read_text().split()))

    def write_report(out: Path) -> None:
        out.write_text(f"{title}: {Path('trimmed').read_text()}")

    words = ppg.FileGeneratingJob("words", write_words)
    trimmed = ppg.FileGeneratingJob("trimmed", trim).depends_on(words)
    return ppg.FileGeneratingJob("report", write_report).depends_on(trimmed)


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare(Config())
    ppg.run_pipegraph()
