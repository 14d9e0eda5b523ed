"""The figures. matplotlib is imported inside, so that only the jobs that draw pay for loading it.

A figure's bytes depend on its data and on the version of matplotlib only: the file's metadata, in which
matplotlib would note its own version, is left empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "label_positions",
    "new_figure",
    "plot_codon_usage",
    "plot_composition",
    "plot_gel",
    "plot_orf_map",
    "plot_palindromes",
    "plot_skew",
    "plot_spectra",
    "save_figure",
]

Table = Sequence[Mapping[str, str]]

# Colours that people who are colour-blind can tell apart (Okabe and Ito).
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#b5b5b5"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that needs no display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG file."""
    figure.savefig(path, dpi=110, metadata={"Software": None})


def label_positions(axes: Axes, table: Table) -> None:
    """Label the x axis as positions along the genome, in kb, up to the last `end` in the table."""
    axes.set_xlim(0, max(int(row["end"]) for row in table) / 1000)
    axes.set_xlabel("position on the genome (kb)")


def plot_composition(path: Path, windows: Mapping[int, Table]) -> None:
    """GC content along the genome, one panel per window size.

    windows: window size in bases → table with columns `start`, `end` and `gc`
    """
    figure = new_figure(9, 1.5 * len(windows) + 0.6)
    panels = figure.subplots(len(windows), sharex=True, sharey=True)
    for axes, (size, table) in zip(panels, sorted(windows.items()), strict=True):
        centres = [(int(row["start"]) + int(row["end"])) / 2000 for row in table]
        axes.plot(centres, [100 * float(row["gc"]) for row in table], color=BLUE, linewidth=1)
        axes.axhline(50, color=GREY, linewidth=0.8, zorder=0)
        axes.set_title(f"windows of {size:,} bases", loc="left", fontsize="small")
        axes.set_ylabel("GC (%)")
    label_positions(panels[-1], windows[min(windows)])
    save_figure(figure, path)


def plot_skew(path: Path, windows: Table, cumulative: Table) -> None:
    """GC skew in windows, and its running sum.

    windows: columns `start`, `end` and `skew`; cumulative: columns `position` and `excess`
    """
    figure = new_figure(9, 4.5)
    upper, lower = figure.subplots(2, sharex=True)
    centres = [(int(row["start"]) + int(row["end"])) / 2000 for row in windows]
    upper.plot(centres, [float(row["skew"]) for row in windows], color=BLUE, linewidth=1)
    upper.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    upper.set_ylabel("skew, (G - C) / (G + C)")
    positions = [int(row["position"]) / 1000 for row in cumulative]
    lower.plot(positions, [int(row["excess"]) for row in cumulative], color=ORANGE)
    lower.set_ylabel("G - C, up to here")
    label_positions(lower, windows)
    save_figure(figure, path)


def plot_orf_map(path: Path, orfs: Table) -> None:
    """The open reading frames of all six frames as bars; known genes in colour and with their names.

    orfs: columns `frame`, `start`, `end` and `gene`, which is empty for an unknown one
    """
    figure = new_figure(13, 4.5)
    axes = figure.subplots()
    rows = {frame: row for row, frame in enumerate((-3, -2, -1, 1, 2, 3))}
    for orf in orfs:
        frame, start, end = int(orf["frame"]), int(orf["start"]), int(orf["end"])
        colour = (BLUE if frame > 0 else ORANGE) if orf["gene"] else GREY
        axes.barh(rows[frame], (end - start) / 1000, left=start / 1000, height=0.55, color=colour)
        if orf["gene"]:
            middle = (start + end) / 2000
            axes.text(
                middle, rows[frame] + 0.3, orf["gene"], ha="center", va="bottom", fontsize=5, rotation=45
            )
    axes.set_yticks(list(rows.values()), [f"{frame:+d}" for frame in rows])
    axes.set_ylabel("frame")
    axes.set_title(
        "known genes forward (blue) and backward (orange), other open reading frames (grey)", loc="left"
    )
    label_positions(axes, orfs)
    save_figure(figure, path)


def plot_codon_usage(path: Path, usage: Table) -> None:
    """Relative synonymous codon usage, frames against codons.

    usage: columns `frame`, `codon`, `amino_acid` and `usage`
    """
    figure = new_figure(13, 3)
    axes = figure.subplots()
    frames = list(dict.fromkeys(row["frame"] for row in usage))
    codons = sorted({(row["amino_acid"], row["codon"]) for row in usage})
    values = {(row["frame"], row["codon"]): float(row["usage"]) for row in usage}
    matrix = [[values[frame, codon] for _, codon in codons] for frame in frames]
    image = axes.imshow(matrix, aspect="auto", cmap="viridis", vmin=0, vmax=4)
    axes.set_xticks(
        range(len(codons)), [f"{amino} {codon}" for amino, codon in codons], rotation=90, fontsize=7
    )
    axes.set_yticks(range(len(frames)), [f"{int(frame):+d}" for frame in frames])
    axes.set_ylabel("frame")
    figure.colorbar(image, label="relative usage")
    save_figure(figure, path)


def plot_spectra(path: Path, spectra: Table) -> None:
    """How many different words occur how often, one line per word length.

    spectra: columns `k`, `occurrences` and `words`
    """
    from matplotlib import colormaps

    figure = new_figure(6.5, 4.5)
    axes = figure.subplots()
    lengths = sorted({int(row["k"]) for row in spectra})
    for index, k in enumerate(lengths):
        rows = [row for row in spectra if int(row["k"]) == k]
        occurrences = [int(row["occurrences"]) for row in rows]
        colour = colormaps["viridis"](0.9 * index / max(1, len(lengths) - 1))
        axes.plot(
            occurrences,
            [int(row["words"]) for row in rows],
            ".-",
            color=colour,
            label=f"k = {k}",
            linewidth=0.8,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("occurrences of a word")
    axes.set_ylabel("different words")
    axes.legend(fontsize="small")
    save_figure(figure, path)


def plot_palindromes(path: Path, palindromes: Mapping[int, Table]) -> None:
    """Observed against expected counts of palindromic words, with the names of the rarest.

    palindromes: word length → table with columns `word`, `observed`, `expected` and `ratio`
    """
    figure = new_figure(5 * len(palindromes), 4.5)
    panels = figure.subplots(1, len(palindromes), squeeze=False)[0]
    for axes, (k, table) in zip(panels, sorted(palindromes.items()), strict=True):
        expected = [float(row["expected"]) for row in table]
        axes.scatter(expected, [int(row["observed"]) for row in table], s=14, color=BLUE)
        axes.axline((0, 0), slope=1, color=GREY, linewidth=0.8, zorder=0)
        often = [row for row in table if float(row["expected"]) >= max(expected) / 10]
        for row in sorted(often, key=lambda row: float(row["ratio"]))[:4]:
            axes.annotate(
                row["word"], (float(row["expected"]), int(row["observed"])), fontsize=7, color=ORANGE
            )
        axes.set_title(f"palindromic words of {k} bases", loc="left", fontsize="small")
        axes.set_xlabel("expected occurrences")
        axes.set_ylabel("occurrences")
    save_figure(figure, path)


def plot_gel(path: Path, lanes: Mapping[str, Table]) -> None:
    """A drawing of an agarose gel; the mass of DNA in a band is proportional to its length.

    lanes: enzyme → table with columns `length` in bases and `distance` in arbitrary units
    """
    figure = new_figure(1.2 * len(lanes) + 1.6, 5.5)
    axes = figure.subplots()
    axes.set_facecolor("#10131a")
    for lane, table in enumerate(lanes.values()):
        for row in table:
            strength = min(1.0, 0.35 + int(row["length"]) / 12000)
            axes.hlines(
                float(row["distance"]), lane - 0.35, lane + 0.35, color="#ffb074", alpha=strength, linewidth=3
            )
    axes.set_xticks(range(len(lanes)), list(lanes))
    axes.xaxis.tick_top()
    marks = {25_000: -4.398, 10_000: -4.0, 5_000: -3.699, 2_500: -3.398, 1_000: -3.0, 500: -2.699}
    axes.set_yticks(list(marks.values()), [f"{mark:,}" for mark in marks])
    axes.set_ylabel("length (bases)")
    axes.set_ylim(-2.4, -4.75)
    save_figure(figure, path)
