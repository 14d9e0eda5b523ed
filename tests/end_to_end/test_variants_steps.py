"""The steps of the variants example that are Python: running programs, splitting reads, reading results."""

import gzip
import sys
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples" / "variants"))

from reads import rename_reference, sequence_length, split_reads
from summary import mapped_reads, read_depth, read_variants, write_summary
from tools import ALL_CORES, ToolError, run_pipe

VCF = """\
##fileformat=VCFv4.2
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tpairs\tlong
lambda\t267\t.\tG\tC\t165\t.\t.\tGT:PL\t0:0,120\t1:201,0
lambda\t353\t.\tGCT\tG\t120\t.\t.\tGT:PL\t1:156,0\t1:99,0
lambda\t900\t.\tA\tC,T\t120\t.\t.\tGT:PL\t1:156,0\t2:99,0
lambda\t990\t.\tA\tAT\t120\t.\t.\tGT:PL\t.:0,0\t1:99,0
"""


# -- programs


def test_programs_in_a_pipe_read_what_the_one_before_them_writes(tmp_path):
    output = tmp_path / "sorted"
    run_pipe([["printf", "b\\na\\nb\\n"], ["sort"], ["uniq", "-c"]], output)
    assert output.read_text().split() == ["1", "a", "2", "b"]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_program_that_fails_is_named_wherever_it_stands(position):
    commands = [["cat"], ["cat"], ["cat"]]
    commands[position] = ["sh", "-c", "exit 4"]
    with pytest.raises(ToolError, match="sh -c 'exit 4' ended with exit code 4"):
        run_pipe(commands)


def test_a_writer_with_a_failed_reader_ends_and_the_reader_is_named():
    with pytest.raises(ToolError, match="false ended with exit code 1"):
        run_pipe([["yes"], ["false"]])


def test_a_missing_program_does_not_leave_the_one_before_it_waiting():
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        run_pipe([["yes"], ["no-such-program"]])


def test_the_number_of_cores_is_filled_in_when_the_program_runs(tmp_path):
    run_pipe([["echo", ALL_CORES]], tmp_path / "cores")
    assert int((tmp_path / "cores").read_text()) >= 1


# -- reads


@given(reads=st.integers(0, 30), count=st.integers(1, 5))
def test_split_reads_are_all_there_in_turn(tmp_path_factory, reads, count):
    folder = tmp_path_factory.mktemp("reads")
    records = [f"@r{number}\nACGT\n+\nIIII\n" for number in range(reads)]
    with gzip.open(folder / "all.fq.gz", "wt") as file:
        file.writelines(records)
    chunks = [folder / f"{number}.fq" for number in range(count)]
    split_reads(folder / "all.fq.gz", chunks)
    parts = [chunk.read_text().splitlines(keepends=True) for chunk in chunks]
    grouped = [["".join(lines[i : i + 4]) for i in range(0, len(lines), 4)] for lines in parts]
    dealt = [record for turn in zip_longest(*grouped, fillvalue="") for record in turn]
    assert "".join(dealt) == "".join(records)


def test_a_file_that_ends_within_a_read_is_refused(tmp_path):
    with gzip.open(tmp_path / "cut.fq.gz", "wt") as file:
        file.write("@r1\nACGT\n+\nIIII\n@r2\nACGT\n")
    with pytest.raises(ValueError, match=r"cut\.fq\.gz ends in the middle of read 2"):
        split_reads(tmp_path / "cut.fq.gz", [tmp_path / "1.fq"])


def test_a_renamed_reference_has_the_same_bases(tmp_path):
    (tmp_path / "a.fa").write_text(">gi|1|long name\nACGT\nAC\n")
    rename_reference(tmp_path / "a.fa", tmp_path / "b.fa", "lambda")
    assert (tmp_path / "b.fa").read_text() == ">lambda\nACGT\nAC\n"
    assert sequence_length(tmp_path / "b.fa") == 6


# -- results


def test_variants_know_which_samples_carry_them_and_what_kind_they_are(tmp_path):
    (tmp_path / "v.vcf").write_text(VCF)
    variants = read_variants(tmp_path / "v.vcf")
    assert [variant.position for variant in variants] == [267, 353, 900, 990]
    assert [sorted(variant.samples) for variant in variants] == [
        ["long"],
        ["long", "pairs"],
        ["long", "pairs"],
        ["long"],
    ]
    assert [variant.is_substitution for variant in variants] == [True, False, True, False]


def test_the_summary_has_a_row_per_sample(tmp_path):
    (tmp_path / "v.vcf").write_text(VCF)
    (tmp_path / "flagstat").write_text("90\t0\ttotal\n80\t0\tprimary\n60\t0\tprimary mapped\n")
    (tmp_path / "depth").write_text("lambda\t1\t3\nlambda\t2\t4\n")
    assert mapped_reads(tmp_path / "flagstat") == (80, 60)
    assert read_depth(tmp_path / "depth") == [3, 4]
    write_summary(
        tmp_path / "s.tsv",
        {"long": tmp_path / "flagstat"},
        {"long": tmp_path / "depth"},
        read_variants(tmp_path / "v.vcf"),
    )
    assert (tmp_path / "s.tsv").read_text().splitlines()[1].split("\t") == [
        "long",
        "80",
        "60",
        "3.5",
        "2",
        "2",
    ]
