"""From reads to variants with bowtie2, samtools and bcftools: index, align in chunks, sort, merge, call.

    ppg run variants.py -- [--reads FOLDER] [--reference FASTA] [--chunks N]

Results appear in `results/variants` of the working directory: `variants.vcf`, `summary.tsv`, `depth.png`.

Each function below declares the job of one step and returns the files that the job will make. A step that only
calls programs is a list of command lines: `command_job` captures them, so a change of any argument makes that
step, and what really changes after it, run again. Command lines that would get into a file (the @PG lines of a
BAM file, the history of a VCF file) are left out where that is possible, so that equal results are equal files.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import ppg

from reads import SAMPLES, installed_reads, rename_reference, sequence_length, split_reads
from summary import Variant, mapped_reads, plot_depth, read_depth, read_variants, write_summary
from tools import ALL_CORES, TOOLS, Command, missing_tools, run_pipe

# Relative to the working directory, like the results: the project can be moved as a whole.
HERE = Path(os.path.relpath(Path(__file__).parent))
RESULTS = Path("results/variants")

CONTIG = "lambda"
REGION_SIZE = 12_500
MIN_QUALITY = 20
INDEX_SUFFIXES = ("1", "2", "3", "4", "rev.1", "rev.2")


def declare(
    job: ppg.FileGeneratingJob | ppg.MultiFileGeneratingJob,
    inputs: Sequence[Path],
    functions: Sequence[Callable[..., object]],
) -> None:
    """State what a job depends on: the files that it reads and the functions that it calls."""
    for path in inputs:
        job.depends_on_file(path)
    for function in functions:
        job.depends_on_func(function)


def command_job(
    output: Path,
    inputs: Sequence[Path],
    *commands: Sequence[str | Path],
    redirect: bool = False,
    cores: int = 1,
) -> Path:
    """A job that makes one file by running programs in a pipe.

    redirect: the last program writes the file to its standard output
    cores: how many the programs use, -1 for all
    """
    stdout = output if redirect else None

    def run() -> None:
        run_pipe(commands, stdout)

    job = ppg.FileGeneratingJob(output, run).use_cores(cores)
    declare(job, inputs, [run_pipe])
    return output


# -- the reference


def reference(fasta: Path) -> Path:
    """The reference under a plain name."""
    output = RESULTS / "reference" / "lambda.fa"
    name = CONTIG

    def write(output: Path) -> None:
        rename_reference(fasta, output, name)

    declare(ppg.FileGeneratingJob(output, write), [fasta], [rename_reference])
    return output


def faidx(fasta: Path) -> Path:
    """The index that samtools and bcftools use."""
    return command_job(Path(f"{fasta}.fai"), [fasta], ["samtools", "faidx", fasta])


def aligner_index(fasta: Path) -> list[Path]:
    """The index that bowtie2 uses: six files, in one job."""
    files = [fasta.with_suffix(f".{suffix}.bt2") for suffix in INDEX_SUFFIXES]
    command: Command = ["bowtie2-build", "--quiet", fasta, fasta.with_suffix("")]

    def build() -> None:
        run_pipe([command])

    declare(ppg.MultiFileGeneratingJob(files, build), [fasta], [run_pipe])
    return files


# -- from reads to one sorted file of alignments per sample


def chunks(sample: str, source: Path, mate: int, count: int) -> list[Path]:
    """Deal a file of reads out to `count` files, so that they can be aligned side by side."""
    files = [RESULTS / sample / f"chunk{number}_{mate}.fq" for number in range(1, count + 1)]

    def split(outputs: list[Path]) -> None:
        split_reads(source, outputs)

    declare(ppg.MultiFileGeneratingJob(files, split), [source], [split_reads])
    return files


def align(sample: str, number: int, mates: Sequence[Path], index: Sequence[Path]) -> Path:
    """Align one chunk of a sample; `mates` are its one or two files."""
    output = RESULTS / sample / f"chunk{number}.bam"
    prefix = index[0].with_suffix("").with_suffix("")
    reads: Command = ["-1", mates[0], "-2", mates[1]] if len(mates) == 2 else ["-U", mates[0]]
    bowtie2: Command = ["bowtie2", "-x", prefix, *reads, "--rg-id", sample, "--rg", f"SM:{sample}"]
    return command_job(
        output, [*mates, *index], bowtie2, ["samtools", "view", "--no-PG", "-b", "-o", output, "-"]
    )


def sort(alignments: Path) -> Path:
    """Sort alignments by their positions."""
    output = alignments.with_suffix(".sorted.bam")
    return command_job(output, [alignments], ["samtools", "sort", "--no-PG", "-o", output, alignments])


def merge(sample: str, parts: Sequence[Path]) -> Path:
    """One file of alignments per sample."""
    output = RESULTS / sample / "merged.bam"
    command: Command = [
        "samtools",
        "merge",
        "--no-PG",
        "-c",
        "-p",
        "-f",
        "--threads",
        ALL_CORES,
        "-o",
        output,
        *parts,
    ]
    return command_job(output, parts, command, cores=-1)


def bam_index(alignments: Path) -> Path:
    """The index by position of a sorted file."""
    output = Path(f"{alignments}.bai")
    return command_job(output, [alignments], ["samtools", "index", alignments, output])


def flagstat(sample: str, alignments: Path) -> Path:
    """How many reads there are, mapped, paired and so on."""
    command: Command = ["samtools", "flagstat", "-O", "tsv", alignments]
    return command_job(RESULTS / sample / "flagstat.tsv", [alignments], command, redirect=True)


def depth(sample: str, alignments: Path) -> Path:
    """How many reads lie over each base, also where there are none."""
    output = RESULTS / sample / "depth.tsv"
    return command_job(output, [alignments], ["samtools", "depth", "-a", "-o", output, alignments])


# -- variants


def call(fasta: Path, fai: Path, alignments: Mapping[Path, Path], start: int, end: int) -> Path:
    """Variants of all samples in the bases from start to end, called together.

    alignments: sorted files → their indices
    """
    output = RESULTS / "calls" / f"{start:05}-{end:05}.vcf"
    pileup: Command = [
        "bcftools",
        "mpileup",
        "--no-version",
        "-O",
        "u",
        "-f",
        fasta,
        "-r",
        f"{CONTIG}:{start}-{end}",
    ]
    genotypes: Command = ["bcftools", "call", "--no-version", "--ploidy", "1", "-m", "-v", "-o", output]
    inputs = [fasta, fai, *alignments, *alignments.values()]
    return command_job(output, inputs, [*pileup, *alignments], genotypes)


def all_variants(fasta: Path, fai: Path, calls: Sequence[Path]) -> Path:
    """The calls of all regions, indels shifted to the left, those of low quality left out."""
    output = RESULTS / "variants.vcf"
    return command_job(
        output,
        [fasta, fai, *calls],
        ["bcftools", "concat", "--no-version", *calls],
        ["bcftools", "norm", "--no-version", "-f", fasta, "-"],
        ["bcftools", "view", "--no-version", "-i", f"QUAL>={MIN_QUALITY}", "-o", output, "-"],
    )


def variant_statistics(vcf: Path) -> Path:
    """Numbers of substitutions and indels, by kind, length and quality."""
    command: Command = ["bcftools", "stats", "-s", "-", vcf]
    return command_job(RESULTS / "variants.stats.txt", [vcf], command, redirect=True)


# -- what comes out


def summary(flagstats: Mapping[str, Path], depths: Mapping[str, Path], vcf: Path) -> Path:
    """One row per sample: reads, depth, variants."""
    output = RESULTS / "summary.tsv"

    def write(output: Path) -> None:
        write_summary(output, flagstats, depths, read_variants(vcf))

    used = (write_summary, mapped_reads, read_depth, read_variants, Variant)
    declare(ppg.FileGeneratingJob(output, write), [*flagstats.values(), *depths.values(), vcf], used)
    return output


def depth_figure(depths: Mapping[str, Path], vcf: Path) -> Path:
    """Depth along the genome, with the variants."""
    output = RESULTS / "depth.png"

    def draw(output: Path) -> None:
        plot_depth(output, depths, read_variants(vcf))

    declare(
        ppg.FileGeneratingJob(output, draw), [*depths.values(), vcf], [plot_depth, read_depth, read_variants]
    )
    return output


def declare_jobs(reads: Path, fasta: Path, chunk_count: int) -> None:
    """The whole pipeline."""
    genome = reference(fasta)
    fai = faidx(genome)
    index = aligner_index(genome)

    merged: dict[str, Path] = {}
    for sample, files in SAMPLES.items():
        mates = [chunks(sample, reads / file, mate, chunk_count) for mate, file in enumerate(files, start=1)]
        aligned = [
            align(sample, number, chunk, index) for number, chunk in enumerate(zip(*mates, strict=True), 1)
        ]
        merged[sample] = merge(sample, [sort(alignments) for alignments in aligned])

    indexed = {alignments: bam_index(alignments) for alignments in merged.values()}
    length = sequence_length(fasta)
    starts = range(1, length + 1, REGION_SIZE)
    calls = [call(genome, fai, indexed, start, min(start + REGION_SIZE - 1, length)) for start in starts]
    vcf = all_variants(genome, fai, calls)
    variant_statistics(vcf)

    depths = {sample: depth(sample, alignments) for sample, alignments in merged.items()}
    summary({sample: flagstat(sample, alignments) for sample, alignments in merged.items()}, depths, vcf)
    depth_figure(depths, vcf)


def main() -> None:
    """The script: checks that everything that it needs is there, then declares and runs the jobs."""
    parser = argparse.ArgumentParser(description="Call variants in reads of bacteriophage lambda.")
    parser.add_argument(
        "--reads", type=Path, help="the folder with the reads (default: where they are usually)"
    )
    parser.add_argument("--reference", type=Path, default=HERE.parent / "phage" / "data" / "lambda_virus.fa")
    parser.add_argument("--chunks", type=int, default=4, help="files to split the reads of a sample into")
    options = parser.parse_args()

    if missing := missing_tools():
        packages = " ".join(sorted({TOOLS[tool] for tool in missing}))
        parser.error(
            f"{', '.join(missing)} not found; on Debian, `apt-get install --no-install-recommends {packages}` "
            "installs them"
        )
    beside = HERE / "reads"
    reads = options.reads or (beside if beside.is_dir() else installed_reads() or beside)
    absent = [file for files in SAMPLES.values() for file in files if not (reads / file).is_file()]
    if absent:
        parser.error(
            f"{', '.join(absent)} not found in {reads}; `python {HERE / 'fetch_reads.py'}` fetches them, "
            "and --reads tells where else they are"
        )
    if not options.reference.is_file():
        parser.error(f"{options.reference} not found; --reference tells where the genome is")
    if options.chunks < 1:
        parser.error("--chunks must be at least 1")

    ppg.new_pipegraph()
    declare_jobs(reads, options.reference, options.chunks)
    ppg.run_pipegraph()


if __name__ == "__main__":
    main()
