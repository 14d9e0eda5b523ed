"""The variants example: real programs on real reads, killed and resumed.

Needs bowtie2, samtools, bcftools and the reads. Where these are missing the tests are skipped, or fail if
PPG_REQUIRE_TOOLS=1 says that they must be there.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from ppg_invariants import StatusStore
from tests.end_to_end.ppg_command import (
    EXAMPLES,
    LOG,
    PPG,
    SOME_OR_ALL_SEEDS,
    Run,
    done_jobs,
    environment,
    made_once,
    run_command,
    run_with_other_hash_seeds,
    wait_until_gone,
)

JOBS = 38
SCRIPT = "variants/variants.py"
TOOLS = ("bowtie2", "bowtie2-build", "samtools", "bcftools")
INSTALL = "needs the programs of `apt-get install --no-install-recommends bowtie2 samtools bcftools`"
FETCH = "needs the reads that `python docs/examples/variants/fetch_reads.py` fetches"
READS = (EXAMPLES / "variants" / "reads", Path("/usr/share/doc/bowtie2/examples/reads"))


@pytest.fixture(scope="session")
def reads():
    """The folder with the reads; skips where they or the programs are missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    folder = next((folder for folder in READS if (folder / "longreads.fq.gz").is_file()), None)
    if not missing and folder is not None:
        return folder
    message = INSTALL if missing else FETCH
    if os.environ.get("PPG_REQUIRE_TOOLS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def lay_out(project: Path, reads: Path | None) -> None:
    """The example with its reads, and the genome that it takes from its neighbour."""
    ignored = shutil.ignore_patterns("__pycache__", "reads")
    shutil.copytree(EXAMPLES / "variants", project / "variants", ignore=ignored)
    if reads is not None:
        shutil.copytree(reads, project / "variants/reads")
    (project / "phage/data").mkdir(parents=True)
    shutil.copy(EXAMPLES / "phage/data/lambda_virus.fa", project / "phage/data")


def run_variants(project: Path) -> Run:
    return run_command([PPG, "run", SCRIPT], project)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, reads):
    """A project whose pipeline has run."""

    def make(project: Path) -> None:
        lay_out(project, reads)
        first = run_variants(project)
        assert (first.code, first.counts) == (0, (JOBS, 0, 0, 0)), first.said

    return made_once(tmp_path_factory, "variants", make)


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project."""
    return Path(shutil.copytree(finished, tmp_path / "project"))


def results(project: Path) -> dict[str, bytes]:
    folder = project / "results/variants"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.tools
def test_variants_are_called_in_both_individuals(finished):
    records = [
        line.split("\t")
        for line in (finished / "results/variants/variants.vcf").read_text().splitlines()
        if not line.startswith("#")
    ]
    fasta = (finished / "phage/data/lambda_virus.fa").read_text()
    genome = "".join(fasta.splitlines()[1:])
    assert len(records) > 100
    assert all(genome[int(r[1]) - 1 :].startswith(r[3]) and r[3] != r[4] for r in records)
    assert all(float(r[5]) >= 20 for r in records)
    for sample in (9, 10):
        assert sum(r[sample].startswith("1") for r in records) > 50
    summary = (finished / "results/variants/summary.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in summary[1:]] == [["pairs", "20000"], ["long", "6000"]]
    assert (finished / "results/variants/depth.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.tools
def test_running_again_starts_no_program(project):
    again = run_variants(project)
    assert (again.code, again.counts) == (0, (0, JOBS, 0, 0)), again.said


@pytest.mark.tools
def test_one_lost_chunk_is_aligned_again_and_nothing_else(project):
    before = results(project)
    (project / "results/variants/long/chunk2.bam").unlink()
    again = run_variants(project)
    assert (again.code, again.ran) == (0, {"results/variants/long/chunk2.bam"}), again.said
    assert results(project) == before


@pytest.mark.tools
def test_another_quality_threshold_filters_again_and_aligns_nothing(project):
    script = project / SCRIPT
    script.write_text(script.read_text().replace("MIN_QUALITY = 20", "MIN_QUALITY = 100"))
    again = run_variants(project)
    expected = {"variants.vcf", "variants.stats.txt", "summary.tsv", "depth.png"}
    assert (again.code, again.ran) == (0, {f"results/variants/{name}" for name in expected}), again.said


def kill_when_done(project: Path, done_before: int) -> str:
    """Run the pipeline, and kill ppg when so many jobs are done; what its log had by then."""
    marker = f"PPG_TEST_MARKER={uuid.uuid4()}"
    env = environment(PPG_TEST_MARKER=marker.partition("=")[2])
    log = project / LOG
    log.parent.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    logged = ""
    with subprocess.Popen([PPG, "run", SCRIPT], cwd=project, env=env) as process:
        while len(done_jobs(logged)) < done_before:
            has_ended = process.poll() is not None
            logged = log.read_text() if log.exists() else ""
            assert not has_ended or len(done_jobs(logged)) >= done_before, f"it ended too early:\n{logged}"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    wait_until_gone(marker)
    return logged


def recorded_outputs(project: Path) -> set[str]:
    """The jobs that have a record."""
    with StatusStore.open(project / ".pypipegraph_status_robust", read_only=True) as store:
        return {job for job in store.records() if job.startswith("results/")}


@pytest.mark.tools
def test_a_run_killed_twice_leaves_nothing_running_and_is_resumed_without_redoing(finished, reads, tmp_path):
    project = tmp_path / "project"
    lay_out(project, reads)
    recorded: set[str] = set()
    for done_before in (6, 14):
        said = done_jobs(kill_when_done(project, done_before))
        assert not recorded & set(said)
        recorded = recorded_outputs(project)
        assert said[0] in recorded
        assert len(recorded) < JOBS

    last = run_variants(project)
    assert last.code == 0, last.said
    assert not last.ran & recorded
    assert len(last.ran) + len(recorded) == JOBS
    assert results(project) == results(finished)


def test_missing_programs_are_named_with_the_packages_to_install(tmp_path):
    lay_out(tmp_path, None)
    (tmp_path / "bin").mkdir()
    env = environment(PATH=str(tmp_path / "bin"))
    attempt = run_command([PPG, "run", SCRIPT], tmp_path, env)
    assert attempt.code == 2
    assert "bowtie2, bowtie2-build, samtools, bcftools not found" in attempt.said
    assert "apt-get install --no-install-recommends bcftools bowtie2 samtools" in attempt.said


@pytest.mark.tools
@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=INSTALL)
def test_missing_reads_are_named_with_the_way_to_get_them(tmp_path):
    lay_out(tmp_path, None)
    for command in ([PPG, "run"], [sys.executable]):
        attempt = run_command([*command, SCRIPT, "--reads", tmp_path], tmp_path)
        assert attempt.code == 2
        assert "longreads.fq.gz not found" in attempt.said
        assert "fetch_reads.py" in attempt.said


@SOME_OR_ALL_SEEDS
def test_the_seed_of_hashes_makes_no_difference(project, runs):
    for again in run_with_other_hash_seeds(SCRIPT, project, runs):
        assert (again.code, again.counts) == (0, (0, JOBS, 0, 0)), again.said
