"""A configuration object: each job depends on the part that it gets."""

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


def trim(out: Path, words: Path, trimming: Trimming) -> None:
    """Cut each word."""
    out.write_text(" ".join(word[: trimming.length] for word in words.read_text().split()))


def declare(config: Config) -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""

    def write_words(out: Path, text: str) -> None:
        out.write_text(text)

    def write_report(out: Path, trimmed: Path, title: str) -> None:
        out.write_text(f"{title}: {trimmed.read_text()}")

    words = ppg.file("words")(write_words, text=config.text)
    trimmed = ppg.file("trimmed")(trim, words=words, trimming=config.trimming)
    return ppg.file("report")(write_report, trimmed=trimmed, title=config.title)


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare(Config())
    ppg.run_pipegraph()
