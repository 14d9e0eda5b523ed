"""What the tools found, per sample: mapped reads, depth, and variants."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Variant", "mapped_reads", "plot_depth", "read_depth", "read_variants", "write_summary"]

WINDOW = 100


@dataclass(frozen=True, slots=True)
class Variant:
    """A place where at least one sample differs from the reference.

    `position` is that of the first base of `reference`, counted from 1; `samples` have the alternative allele.
    """

    position: int
    reference: str
    alternative: str
    samples: frozenset[str]

    @property
    def is_substitution(self) -> bool:
        """Whether single bases are exchanged, rather than inserted or deleted."""
        return all(len(allele) == len(self.reference) for allele in self.alternative.split(","))


def read_variants(vcf: Path) -> list[Variant]:
    """The records of an uncompressed VCF file of haploid genotypes."""
    samples: list[str] = []
    variants = []
    for line in vcf.read_text(encoding="utf-8").splitlines():
        if line.startswith("##"):
            continue
        fields = line.split("\t")
        if line.startswith("#"):
            samples = fields[9:]
            continue
        genotypes = zip(samples, fields[9:], strict=True)
        carriers = frozenset(name for name, genotype in genotypes if genotype.split(":")[0] not in ("0", "."))
        variants.append(Variant(int(fields[1]), fields[3], fields[4], carriers))
    return variants


def read_depth(table: Path) -> list[int]:
    """The number of reads over each base, from a table of `samtools depth -a`."""
    with table.open(encoding="ascii", newline="") as file:
        return [int(depth) for _, _, depth in csv.reader(file, delimiter="\t")]


def mapped_reads(flagstat: Path) -> tuple[int, int]:
    """How many reads there are, and how many are mapped, from a table of `samtools flagstat -O tsv`."""
    with flagstat.open(encoding="ascii", newline="") as file:
        counts = {what: passed for passed, _, what in csv.reader(file, delimiter="\t")}
    return int(counts["primary"]), int(counts["primary mapped"])


def write_summary(
    output: Path, flagstats: Mapping[str, Path], depths: Mapping[str, Path], variants: Sequence[Variant]
) -> None:
    """One row per sample, tab-separated."""
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["sample", "reads", "mapped", "mean_depth", "substitutions", "indels"])
        for sample, flagstat in flagstats.items():
            reads, mapped = mapped_reads(flagstat)
            depth = read_depth(depths[sample])
            own = [variant for variant in variants if sample in variant.samples]
            substitutions = sum(variant.is_substitution for variant in own)
            mean = f"{sum(depth) / len(depth):.1f}"
            writer.writerow([sample, reads, mapped, mean, substitutions, len(own) - substitutions])


def plot_depth(output: Path, depths: Mapping[str, Path], variants: Sequence[Variant]) -> None:
    """Mean depth in windows of 100 bases, a panel per sample, with a tick for each of its variants."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.4 * len(depths) + 0.4), layout="constrained")
    panels = figure.subplots(len(depths), sharex=True, squeeze=False)[:, 0]
    length = 0
    for axes, (sample, table) in zip(panels, depths.items(), strict=True):
        depth = read_depth(table)
        length = len(depth)
        starts = range(0, len(depth) - WINDOW + 1, WINDOW)
        means = [sum(depth[start : start + WINDOW]) / WINDOW for start in starts]
        centres = [(start + WINDOW / 2) / 1000 for start in starts]
        axes.fill_between(centres, means, color="#0072b2", alpha=0.6, linewidth=0)
        ticks = [variant.position / 1000 for variant in variants if sample in variant.samples]
        axes.plot(ticks, [0] * len(ticks), "|", color="#d55e00", markersize=9, clip_on=False)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("reads over a base")
        axes.set_title(f"{sample}: {len(ticks)} variants", loc="left", fontsize="small")
    panels[-1].set_xlim(0, length / 1000)
    panels[-1].set_xlabel("position on the genome (kb)")
    # Without metadata the bytes depend on the data and on the version of matplotlib only.
    figure.savefig(output, dpi=110, metadata={"Software": None})
