"""What a run of the benchmarks found, and its JSON file."""

import dataclasses
import enum
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.benchmarks.cases import Step
from tests.benchmarks.measuring import Sample

__all__ = ["Gap", "GapKind", "Key", "Machine", "PeerNote", "ProgramRun", "Report", "Spread", "load", "save"]

FORMAT = 1
UNKNOWN = "unknown"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What was measured."""

    workload: str
    shape: str
    step: str
    peer: str


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, median and largest of some values."""

    low: float
    median: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value."""
        return cls(min(values), statistics.median(values), max(values), len(values))

    def overlaps(self, other: "Spread") -> bool:
        """Whether the two might well be the same."""
        return self.low <= other.high and other.low <= self.high


class GapKind(enum.Enum):
    """Why there is no number, or not from every round."""

    LEFT_OUT = "left out"
    """Not tried: known to be impossible or to take too long."""
    FAILED = "failed"
    """A process crashed, took too long or made the wrong files."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A measurement that does not exist."""

    workload: str
    shape: str
    peer: str
    kind: GapKind
    reason: str


@dataclass(frozen=True, slots=True)
class PeerNote:
    """Who took part: a version, or why not."""

    version: str | None
    does_less: Sequence[str]
    unavailable: str | None = None


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """A benchmark that is a program of its own, with what it printed."""

    name: str
    exit_code: int
    seconds: float
    output: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured, and what."""

    cores: int
    processor: str
    kernel: str
    python: str
    memory: int
    load: float
    commit: str
    modified: bool
    when: str

    @classmethod
    def here(cls) -> Self:
        """This machine and the commit that is checked out."""
        return cls(
            cores=len(os.sched_getaffinity(0)),
            processor=_processor(),
            kernel=platform.release(),
            python=platform.python_version(),
            memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            load=round(os.getloadavg()[0], 2),
            commit=_git("rev-parse", "--short", "HEAD"),
            modified=_git("status", "--porcelain", "--", "packages") not in ("", UNKNOWN),
            when=time.strftime("%Y-%m-%d %H:%M:%S"),
        )


@dataclass(slots=True)
class Report:
    """Everything that one run found."""

    size: str
    machine: Machine
    peers: dict[str, PeerNote] = field(default_factory=dict)
    samples: dict[Key, list[Sample]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    programs: list[ProgramRun] = field(default_factory=list)

    def add(self, key: Key, sample: Sample) -> None:
        """Keep a measurement."""
        self.samples.setdefault(key, []).append(sample)

    def wall(self, key: Key) -> Spread | None:
        """Seconds, if it was measured."""
        samples = self.samples.get(key)
        return Spread.of([sample.wall for sample in samples]) if samples else None

    def peak_memory(self, key: Key) -> Spread | None:
        """Bytes, if it was measured."""
        samples = self.samples.get(key)
        return Spread.of([sample.peak_memory for sample in samples]) if samples else None

    def graphs(self) -> list[tuple[str, str]]:
        """Workload and shape of everything that was measured or left out, in order."""
        found = [(key.workload, key.shape) for key in self.samples]
        found += [(gap.workload, gap.shape) for gap in self.gaps]
        return sorted(dict.fromkeys(found), key=lambda graph: (graph[0], shape_order(graph[1])))

    def steps(self, workload: str, shape: str) -> list[str]:
        """The steps that were measured, in the order of `Step`."""
        measured = {key.step for key in self.samples if (key.workload, key.shape) == (workload, shape)}
        return [step.value for step in Step if step.value in measured]


def shape_order(shape: str) -> tuple[str, list[float]]:
    """Sorts shapes by kind, then by size."""
    kind, *numbers = shape.split()
    return kind, [float(number) for number in numbers]


def save(report: Report, path: Path) -> None:
    """Write the JSON file."""
    content = {
        "format": FORMAT,
        "size": report.size,
        "machine": dataclasses.asdict(report.machine),
        "peers": {name: dataclasses.asdict(note) for name, note in report.peers.items()},
        "measurements": [
            dataclasses.asdict(key) | {"samples": [dataclasses.asdict(sample) for sample in samples]}
            for key, samples in report.samples.items()
        ],
        "gaps": [dataclasses.asdict(gap) | {"kind": gap.kind.value} for gap in report.gaps],
        "programs": [dataclasses.asdict(program) for program in report.programs],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def load(path: Path) -> Report:
    """Read a kept report.

    Raises:
        ValueError: it is not one, or of another format.
    """
    content: Mapping[str, object] = json.loads(path.read_text())
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"'{path}' is not a benchmark report of format {FORMAT}; make it again")
    report = Report(content["size"], Machine(**content["machine"]))
    report.peers = {name: PeerNote(**note) for name, note in content["peers"].items()}
    for entry in content["measurements"]:
        samples = entry.pop("samples")
        report.samples[Key(**entry)] = [Sample(**sample) for sample in samples]
    report.gaps = [Gap(**(entry | {"kind": GapKind(entry["kind"])})) for entry in content["gaps"]]
    report.programs = [ProgramRun(**entry) for entry in content["programs"]]
    return report


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else UNKNOWN


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
