"""The phage example through the real command: what runs, and above all what does not."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.end_to_end.ppg_command import (
    EXAMPLES,
    PPG,
    SOME_OR_ALL_SEEDS,
    Run,
    made_once,
    run_command,
    run_with_other_hash_seeds,
)
from tests.end_to_end.project_files import contents, edit

JOBS = 45
CODON_TABLES = {f"results/phage/codons/frame{frame:+d}.tsv" for frame in (1, 2, 3, -1, -2, -3)}
ORF_TABLES = {f"results/phage/orfs/frame{frame:+d}.tsv" for frame in (1, 2, 3, -1, -2, -3)}


def run_phage(project: Path) -> Run:
    return run_command([PPG, "run", "phage/phage.py"], project)


def make_finished(project: Path) -> None:
    shutil.copytree(EXAMPLES / "phage", project / "phage", ignore=shutil.ignore_patterns("__pycache__"))
    first = run_phage(project)
    assert (first.code, first.counts) == (0, (JOBS, 0, 0, 0)), first.said


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose pipeline has run."""
    return made_once(tmp_path_factory, "phage", make_finished)


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project: as if the whole folder had been moved, with its status file."""
    return Path(shutil.copytree(finished, tmp_path / "project"))


def test_a_fresh_run_makes_all_tables_figures_and_the_report(finished):
    assert len(contents(finished)) == JOBS
    figures = list((finished / "results/phage/figures").glob("*.png"))
    assert len(figures) == 7
    assert all(figure.read_bytes().startswith(b"\x89PNG\r\n") for figure in figures)
    facts = dict(line.split("\t") for line in (finished / "results/phage/facts.tsv").read_text().splitlines())
    assert facts["length"] == "48,502 bases"
    assert facts["GC content"] == "49.86 %"
    assert facts["known genes among them"] == "61 of 61"
    assert facts["longest open reading frame"] == "1132 amino acids, gene J"
    assert facts["fragments of EcoRI"] == "21226, 7421, 5804, 5643, 4878, 3530"


def test_running_again_finds_everything_up_to_date(project):
    again = run_phage(project)
    assert (again.code, again.counts) == (0, (0, JOBS, 0, 0)), again.said


def test_plain_python_is_the_same_run(project):
    again = run_command([sys.executable, "phage/phage.py"], project)
    assert (again.code, again.counts) == (0, (0, JOBS, 0, 0)), again.said


def test_a_changed_function_reruns_the_jobs_that_use_it_and_what_really_changed_downstream(project):
    edit(
        project / "phage/codons.py",
        "counts[codon] * len(synonyms[amino_acid]) / total if total",
        "counts[codon] / total if total",
    )
    after = run_phage(project)
    assert after.code == 0, after.said
    assert after.ran == CODON_TABLES | {"results/phage/figures/codon_usage.png", "results/phage/report.md"}


def test_a_changed_function_with_unchanged_results_reruns_only_the_jobs_that_use_it(project):
    edit(project / "phage/codons.py", "if total else 1.0", "if total > 0 else 1.0")
    before = contents(project)
    after = run_phage(project)
    assert after.code == 0, after.said
    assert after.ran == CODON_TABLES
    assert contents(project) == before


def test_comments_docstrings_and_formatting_rerun_nothing(project):
    for module in (project / "phage").glob("*.py"):
        source = module.read_text()
        source = re.sub(r"^( *)(def |return |for )", r"\n\1# a comment\n\1\2", source, flags=re.MULTILINE)
        source = re.sub(r'^( +""")(\w.*""")$', r"\1In other words: \2", source, flags=re.MULTILINE)
        module.write_text(source)
    after = run_phage(project)
    assert (after.code, after.ran) == (0, frozenset()), after.said


@pytest.mark.parametrize(
    "output", ["genome.txt", "words/k4.tsv", "orfs/annotated.tsv", "figures/gel.png", "report.md"]
)
def test_a_deleted_output_is_rebuilt_and_its_unchanged_bytes_stop_there(project, output):
    before = contents(project)
    (project / "results/phage" / output).unlink()
    after = run_phage(project)
    assert (after.code, after.ran) == (0, {f"results/phage/{output}"}), after.said
    assert contents(project) == before


def test_a_retitled_genome_stops_at_its_bases(project):
    fasta = project / "phage/data/lambda_virus.fa"
    header, bases = fasta.read_text().split("\n", maxsplit=1)
    fasta.write_text(f"{header}, retitled\n{bases}")
    after = run_phage(project)
    assert (after.code, after.ran) == (0, {"results/phage/genome.txt"}), after.said


def test_a_mutated_base_reaches_what_it_changes_and_nothing_else(project):
    fasta = project / "phage/data/lambda_virus.fa"
    source = fasta.read_text()
    assert source.count("GAATTC") > 1
    # One site of EcoRI that is not split over two lines becomes another word of the same composition.
    fasta.write_text(source.replace("GAATTC", "GATATC", 1))
    before = contents(project)
    after = run_phage(project)
    assert after.code == 0, after.said
    changed = {path for path, digest in contents(project).items() if before[path] != digest}
    assert {
        "results/phage/genome.txt",
        "results/phage/digests/EcoRI.tsv",
        "results/phage/facts.tsv",
    } <= changed
    assert changed <= after.ran
    assert "results/phage/digests/BamHI.tsv" in after.ran - changed, "it has the same fragments"
    assert "results/phage/figures/composition.png" not in after.ran, "no window has another composition"


def test_a_changed_setting_reruns_what_captures_it_and_what_changed_downstream(project):
    edit(project / "phage/phage.py", "MIN_CODONS = 50", "MIN_CODONS = 100")
    after = run_phage(project)
    assert after.code == 0, after.said
    rest = {"orfs/annotated.tsv", "orfs/proteins.fa", "figures/orf_map.png", "figures/codon_usage.png"}
    rest |= {"facts.tsv", "report.md"}
    assert after.ran == ORF_TABLES | CODON_TABLES | {f"results/phage/{name}" for name in rest}


def test_a_dump_of_the_graph_names_every_job_and_makes_nothing(finished, tmp_path):
    shutil.copytree(finished / "phage", tmp_path / "phage")
    dump = run_command([PPG, "graph", "dump", "phage/phage.py"], tmp_path)
    assert dump.code == 0, dump.said
    assert all(job in dump.said for job in contents(finished))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "phage"]


@SOME_OR_ALL_SEEDS
def test_the_seed_of_hashes_makes_no_difference(project, runs):
    for again in run_with_other_hash_seeds("phage/phage.py", project, runs):
        assert (again.code, again.counts) == (0, (0, JOBS, 0, 0)), again.said
