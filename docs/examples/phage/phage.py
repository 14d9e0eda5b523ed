"""The genome of bacteriophage lambda from end to end: composition, genes, codons, words, restriction maps.

Run it from anywhere with `ppg run phage.py`, or plainly with `python phage.py`; tables, figures and a report
appear in `results/phage` of the working directory. Run it again and nothing is done; change something, and
only what depends on it is.

How it is built: each step below is a function that declares one job and returns the path of the file that the
job will make, so that a step's output can be passed to the next as an input. What a job's result depends on is
stated: its input files, the functions that it calls (`functions`), and the values that its callback captures,
which ppg sees by itself, as it does the callback's own code.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import ppg

from codons import count_codons, relative_usage
from digest import ENZYMES, Enzyme, cut_positions, fragment_lengths, gel_position
from kmers import canonical, count_kmers, expected_count, is_palindrome, palindromes, spectrum
from orfs import FRAMES, coding_sequence, find_orfs, gene_of, strand_of
from plots import (
    label_positions,
    new_figure,
    plot_codon_usage,
    plot_composition,
    plot_gel,
    plot_orf_map,
    plot_palindromes,
    plot_skew,
    plot_spectra,
    save_figure,
)
from report import write_report
from sequence import GENETIC_CODE, gc_content, gc_skew, read_bases, read_fasta, reverse_complement, translate
from tables import read_table, write_table
from windows import cumulative_skew, sliding_windows

# Relative to the working directory, like the results: the project can be moved as a whole.
DATA = Path(os.path.relpath(Path(__file__).parent / "data"))
RESULTS = Path("results/phage")

WINDOW_SIZES = (200, 500, 1000, 2000, 5000)
WORD_LENGTHS = (2, 3, 4, 5, 6, 7, 8)
START_CODONS = ("ATG", "GTG")
MIN_CODONS = 50


def file_job(
    name: str,
    callback: Callable[[Path], None],
    inputs: Sequence[Path],
    functions: Sequence[Callable[..., object]],
) -> Path:
    """Declare the job that writes the file `name` below RESULTS from its input files; returns the file's path."""
    job = ppg.FileGeneratingJob(RESULTS / name, callback)
    for path in inputs:
        job.depends_on_file(path)
    for function in functions:
        job.depends_on_func(function)
    return RESULTS / name


# -- the genome, and its composition in windows


def bases(fasta: Path) -> Path:
    """The bare sequence: jobs that use it do not care how the FASTA file is wrapped or titled."""

    def write(output: Path) -> None:
        _, sequence = read_fasta(fasta)
        output.write_text(sequence + "\n", encoding="ascii")

    return file_job("genome.txt", write, [fasta], [read_fasta])


def composition(genome: Path, size: int) -> Path:
    """GC content and skew in windows of `size` bases."""

    def write(output: Path) -> None:
        windows = sliding_windows(read_bases(genome), size)
        write_table(output, ["start", "end", "gc", "skew"], ((w.start, w.end, w.gc, w.skew) for w in windows))

    used = (read_bases, sliding_windows, gc_content, gc_skew, write_table)
    return file_job(f"composition/windows_{size}.tsv", write, [genome], used)


def running_skew(genome: Path) -> Path:
    """The cumulative GC skew, every 100 bases."""

    def write(output: Path) -> None:
        write_table(output, ["position", "excess"], cumulative_skew(read_bases(genome), 100))

    return file_job(
        "composition/cumulative_skew.tsv", write, [genome], [read_bases, cumulative_skew, write_table]
    )


def composition_figure(windows: Mapping[int, Path]) -> Path:
    """GC content at all scales."""

    def draw(output: Path) -> None:
        plot_composition(output, {size: read_table(path) for size, path in windows.items()})

    used = (read_table, plot_composition, label_positions, new_figure, save_figure)
    return file_job("figures/composition.png", draw, [*windows.values()], used)


def skew_figure(windows: Path, cumulative: Path) -> Path:
    """GC skew, in windows and cumulative."""

    def draw(output: Path) -> None:
        plot_skew(output, read_table(windows), read_table(cumulative))

    used = (read_table, plot_skew, label_positions, new_figure, save_figure)
    return file_job("figures/skew.png", draw, [windows, cumulative], used)


# -- open reading frames, and what is known of them


def frame_orfs(genome: Path, frame: int) -> Path:
    """The open reading frames of one of the six frames."""
    starts, min_codons = START_CODONS, MIN_CODONS  # captured, so that a change of them is seen

    def write(output: Path) -> None:
        found = find_orfs(read_bases(genome), frame, starts, min_codons)
        write_table(
            output, ["frame", "start", "end", "codons"], ((o.frame, o.start, o.end, o.codons) for o in found)
        )

    used = (read_bases, find_orfs, reverse_complement, write_table)
    return file_job(f"orfs/frame{frame:+d}.tsv", write, [genome], used)


def annotated_orfs(orfs: Mapping[int, Path], genes: Path) -> Path:
    """All open reading frames in the order of their positions, with the known genes' names."""

    def write(output: Path) -> None:
        known = read_table(genes)
        rows = sorted(
            (row for path in orfs.values() for row in read_table(path)), key=lambda row: int(row["start"])
        )
        named = [(row, gene_of(row, known) or {"gene": "", "product": ""}) for row in rows]
        columns = ["frame", "start", "end", "codons", "gene", "product"]
        write_table(output, columns, ((*row.values(), gene["gene"], gene["product"]) for row, gene in named))

    return file_job(
        "orfs/annotated.tsv", write, [*orfs.values(), genes], [read_table, gene_of, strand_of, write_table]
    )


def proteins(genome: Path, orfs: Path) -> Path:
    """The proteins of all open reading frames, as FASTA."""

    def write(output: Path) -> None:
        sequence = read_bases(genome)
        with output.open("w", encoding="ascii") as file:
            for orf in read_table(orfs):
                frame, start, end = int(orf["frame"]), int(orf["start"]), int(orf["end"])
                protein = translate(coding_sequence(sequence, frame, start, end)).removesuffix("*")
                title = f">{orf['gene'] or 'orf'}_{start}_{end} frame {frame:+d}"
                file.write(
                    "\n".join([title, *(protein[i : i + 70] for i in range(0, len(protein), 70))]) + "\n"
                )

    used = (read_bases, read_table, coding_sequence, reverse_complement, translate)
    return file_job("orfs/proteins.fa", write, [genome, orfs], used)


def orf_figure(orfs: Path) -> Path:
    """A map of the genome's open reading frames."""

    def draw(output: Path) -> None:
        plot_orf_map(output, read_table(orfs))

    used = (read_table, plot_orf_map, label_positions, new_figure, save_figure)
    return file_job("figures/orf_map.png", draw, [orfs], used)


# -- codons


def codon_usage(genome: Path, orfs: Path, frame: int) -> Path:
    """How often the open reading frames of one frame use each codon."""

    def write(output: Path) -> None:
        sequence = read_bases(genome)
        coding = [coding_sequence(sequence, frame, int(o["start"]), int(o["end"])) for o in read_table(orfs)]
        counts = count_codons(coding)
        usage = relative_usage(counts)
        rows = ((frame, codon, GENETIC_CODE[codon], counts[codon], usage[codon]) for codon in usage)
        write_table(output, ["frame", "codon", "amino_acid", "count", "usage"], rows)

    used = (
        read_bases,
        read_table,
        coding_sequence,
        reverse_complement,
        count_codons,
        relative_usage,
        write_table,
    )
    return file_job(f"codons/frame{frame:+d}.tsv", write, [genome, orfs], used)


def codon_figure(usage: Mapping[int, Path]) -> Path:
    """Codon usage of the six frames, side by side."""

    def draw(output: Path) -> None:
        plot_codon_usage(output, [row for path in usage.values() for row in read_table(path)])

    used = (read_table, plot_codon_usage, new_figure, save_figure)
    return file_job("figures/codon_usage.png", draw, [*usage.values()], used)


# -- words


def word_counts(genome: Path, k: int) -> Path:
    """How often each word of k bases occurs on either strand."""

    def write(output: Path) -> None:
        counts = count_kmers(read_bases(genome), k)
        write_table(output, ["word", "count"], sorted(counts.items()))

    used = (read_bases, count_kmers, canonical, reverse_complement, write_table)
    return file_job(f"words/k{k}.tsv", write, [genome], used)


def word_spectra(counts: Mapping[int, Path]) -> Path:
    """For each length, how many different words occur how often."""

    def write(output: Path) -> None:
        rows = [
            (k, occurrences, words)
            for k, path in counts.items()
            for occurrences, words in sorted(spectrum(int(row["count"]) for row in read_table(path)).items())
        ]
        write_table(output, ["k", "occurrences", "words"], rows)

    return file_job("words/spectra.tsv", write, [*counts.values()], [read_table, spectrum, write_table])


def palindrome_table(counts: Mapping[int, Path], k: int) -> Path:
    """Palindromic words of k bases: how often they occur, and how often they should."""
    lengths = (k - 2, k - 1, k)
    paths = [counts[length] for length in lengths]

    def write(output: Path) -> None:
        inner, shorter, words = (
            {row["word"]: int(row["count"]) for row in read_table(path)} for path in paths
        )
        rows = []
        for word in palindromes(k):
            observed, expected = words.get(word, 0), expected_count(word, shorter, inner)
            rows.append((word, observed, expected, observed / expected if expected else 1.0))
        write_table(output, ["word", "observed", "expected", "ratio"], rows)

    used = (
        read_table,
        palindromes,
        expected_count,
        is_palindrome,
        canonical,
        reverse_complement,
        write_table,
    )
    return file_job(f"words/palindromes_{k}.tsv", write, paths, used)


def spectra_figure(spectra: Path) -> Path:
    """The word spectra."""

    def draw(output: Path) -> None:
        plot_spectra(output, read_table(spectra))

    return file_job(
        "figures/spectra.png", draw, [spectra], [read_table, plot_spectra, new_figure, save_figure]
    )


def palindrome_figure(tables: Mapping[int, Path]) -> Path:
    """Avoided palindromes."""

    def draw(output: Path) -> None:
        plot_palindromes(output, {k: read_table(path) for k, path in tables.items()})

    used = (read_table, plot_palindromes, new_figure, save_figure)
    return file_job("figures/palindromes.png", draw, [*tables.values()], used)


# -- restriction digests


def digest(genome: Path, enzyme: Enzyme) -> Path:
    """The fragments that a restriction enzyme leaves, longest first."""

    def write(output: Path) -> None:
        sequence = read_bases(genome)
        fragments = fragment_lengths(len(sequence), cut_positions(sequence, enzyme.site, enzyme.offset))
        rows = ((length, gel_position(length)) for length in sorted(fragments, reverse=True))
        write_table(output, ["length", "distance"], rows)

    used = (read_bases, cut_positions, fragment_lengths, gel_position, write_table)
    return file_job(f"digests/{enzyme.name}.tsv", write, [genome], used)


def gel_figure(digests: Mapping[str, Path]) -> Path:
    """What the digests would look like on a gel."""

    def draw(output: Path) -> None:
        plot_gel(output, {enzyme: read_table(path) for enzyme, path in digests.items()})

    used = (read_table, plot_gel, new_figure, save_figure)
    return file_job("figures/gel.png", draw, [*digests.values()], used)


# -- everything together


def fact_table(genome: Path, genes: Path, orfs: Path, words: Path, digests: Mapping[str, Path]) -> Path:
    """The main findings in numbers."""

    def write(output: Path) -> None:
        sequence, found, tetramers = read_bases(genome), read_table(orfs), read_table(words)
        named = [orf for orf in found if orf["gene"]]
        longest = max(found, key=lambda orf: int(orf["codons"]))
        rarest = min(tetramers, key=lambda row: float(row["ratio"]))
        per_strand = Counter(strand_of(int(orf["frame"])) for orf in named)
        facts = [
            ("length", f"{len(sequence):,} bases"),
            ("GC content", f"{100 * gc_content(sequence):.2f} %"),
            ("open reading frames", f"{len(found)}"),
            ("known genes among them", f"{len(named)} of {len(read_table(genes))}"),
            ("of these forward, backward", f"{per_strand['+']}, {per_strand['-']}"),
            ("longest open reading frame", f"{longest['codons']} amino acids, gene {longest['gene']}"),
            (
                "most avoided palindrome",
                f"{rarest['word']}, {rarest['observed']} for {rarest['expected']} expected",
            ),
        ]
        for enzyme, path in digests.items():
            facts.append((f"fragments of {enzyme}", ", ".join(row["length"] for row in read_table(path))))
        write_table(output, ["what", "value"], facts)

    inputs = [genome, genes, orfs, words, *digests.values()]
    return file_job("facts.tsv", write, inputs, [read_bases, read_table, strand_of, gc_content, write_table])


def report(facts: Path, figures: Sequence[Path]) -> Path:
    """A page with the findings and all figures."""

    def write(output: Path) -> None:
        write_report(output, "Bacteriophage lambda", read_table(facts), figures)

    return file_job("report.md", write, [facts, *figures], [read_table, write_report])


def declare_jobs() -> None:
    """The whole pipeline."""
    fasta, genes = DATA / "lambda_virus.fa", DATA / "genes.tsv"
    genome = bases(fasta)

    windows = {size: composition(genome, size) for size in WINDOW_SIZES}
    cumulative = running_skew(genome)

    frames = {frame: frame_orfs(genome, frame) for frame in FRAMES}
    orfs = annotated_orfs(frames, genes)
    proteins(genome, orfs)
    usage = {frame: codon_usage(genome, frames[frame], frame) for frame in FRAMES}

    counts = {k: word_counts(genome, k) for k in WORD_LENGTHS}
    spectra = word_spectra({k: path for k, path in counts.items() if k >= 5})
    avoided = {k: palindrome_table(counts, k) for k in (4, 6)}

    digests = {enzyme.name: digest(genome, enzyme) for enzyme in ENZYMES}

    figures = [
        composition_figure(windows),
        skew_figure(windows[1000], cumulative),
        orf_figure(orfs),
        codon_figure(usage),
        spectra_figure(spectra),
        palindrome_figure(avoided),
        gel_figure(digests),
    ]
    report(fact_table(genome, genes, orfs, avoided[4], digests), figures)


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare_jobs()
    ppg.run_pipegraph()
