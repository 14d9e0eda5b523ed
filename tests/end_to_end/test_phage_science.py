"""The phage example's science, against what is known of bacteriophage lambda and of DNA in general."""

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples" / "phage"))

from codons import count_codons, relative_usage
from digest import ENZYMES, cut_positions, fragment_lengths
from kmers import canonical, count_kmers, expected_count, is_palindrome, palindromes
from orfs import FRAMES, coding_sequence, find_orfs, gene_of, strand_of
from sequence import GENETIC_CODE, gc_content, gc_skew, read_fasta, reverse_complement, translate
from tables import read_table, write_table
from windows import cumulative_skew, sliding_windows

DATA = Path(__file__).parents[2] / "docs" / "examples" / "phage" / "data"
DNA = st.text(alphabet="ACGT", min_size=1, max_size=400)
STARTS = ("ATG", "GTG")


@pytest.fixture(scope="module")
def genome():
    _, sequence = read_fasta(DATA / "lambda_virus.fa")
    return sequence


@pytest.fixture(scope="module")
def genes():
    return read_table(DATA / "genes.tsv")


@pytest.fixture(scope="module")
def orfs(genome):
    return [orf for frame in FRAMES for orf in find_orfs(genome, frame, STARTS, 50)]


# -- the genome


def test_the_genome_is_that_of_lambda(genome):
    assert len(genome) == 48_502
    assert f"{gc_content(genome):.3f}" == "0.499"
    assert genome.startswith("GGGCGGCGACCT"), "the cohesive end cosN"


def test_the_left_arm_is_rich_in_gc_and_the_middle_poor(genome):
    windows = list(sliding_windows(genome, 5000))
    left = [window.gc for window in windows if window.end <= 20_000]
    middle = [window.gc for window in windows if window.start >= 22_000 and window.end <= 30_000]
    assert min(left) > 0.53
    assert max(middle) < 0.45


def test_a_file_with_two_records_or_odd_letters_is_refused(tmp_path):
    fasta = tmp_path / "two.fa"
    for text in (">a\nACGT\n>b\nACGT\n", ">a\nACGN\n", ">a\n", "ACGT\n"):
        fasta.write_text(text)
        with pytest.raises(ValueError, match=r"two\.fa"):
            read_fasta(fasta)


# -- strands and codons


@given(DNA)
def test_the_reverse_complement_of_the_reverse_complement_is_the_sequence(sequence):
    assert reverse_complement(reverse_complement(sequence)) == sequence
    assert gc_content(reverse_complement(sequence)) == gc_content(sequence)
    assert gc_skew(reverse_complement(sequence)) == -gc_skew(sequence)


def test_the_genetic_code_has_three_stops_and_one_codon_each_for_methionine_and_tryptophan():
    per_amino_acid = Counter(GENETIC_CODE.values())
    assert sum(per_amino_acid.values()) == 64
    assert {codon for codon, amino in GENETIC_CODE.items() if amino == "*"} == {"TAA", "TAG", "TGA"}
    assert (per_amino_acid["M"], per_amino_acid["W"], per_amino_acid["L"]) == (1, 1, 6)


@given(st.lists(DNA, max_size=5))
def test_relative_usage_averages_to_one_within_each_amino_acid(sequences):
    usage = relative_usage(count_codons(sequences))
    assert len(usage) == 61
    for amino_acid in set(GENETIC_CODE.values()) - {"*"}:
        values = [usage[codon] for codon in usage if GENETIC_CODE[codon] == amino_acid]
        assert sum(values) == pytest.approx(len(values))


def test_genes_avoid_the_rare_leucine_codon_cta_and_prefer_ctg(genome, genes):
    forward = [
        coding_sequence(genome, 1, int(g["start"]), int(g["end"])) for g in genes if g["strand"] == "+"
    ]
    usage = relative_usage(count_codons(forward))
    leucine = sorted((usage[codon], codon) for codon in usage if GENETIC_CODE[codon] == "L")
    assert (leucine[0][1], leucine[-1][1]) == ("CTA", "CTG")


# -- open reading frames


@given(DNA, st.sampled_from(FRAMES))
def test_an_orf_runs_from_a_start_to_the_only_stop(sequence, frame):
    for orf in find_orfs(sequence, frame, STARTS, 0):
        bases = coding_sequence(sequence, orf.frame, orf.start, orf.end)
        assert bases[:3] in STARTS
        assert translate(bases).index("*") == orf.codons
        assert len(bases) == 3 * (orf.codons + 1)


@given(DNA)
def test_each_stop_codon_with_a_start_before_it_ends_exactly_one_orf(sequence):
    for frame in (1, 2, 3):
        codons = [sequence[i : i + 3] for i in range(frame - 1, len(sequence) - 2, 3)]
        expected, open_frame = 0, False
        for codon in codons:
            if GENETIC_CODE[codon] == "*":
                expected += open_frame
                open_frame = False
            elif codon in STARTS:
                open_frame = True
        assert len(list(find_orfs(sequence, frame, STARTS, 0))) == expected


@given(DNA, st.sampled_from((1, 2, 3)))
def test_the_orfs_of_the_other_strand_are_those_of_the_reverse_complement_mirrored(sequence, number):
    mirrored = [
        (len(sequence) - orf.end + 1, len(sequence) - orf.start + 1)
        for orf in find_orfs(reverse_complement(sequence), number, STARTS, 0)
    ]
    assert [(orf.start, orf.end) for orf in find_orfs(sequence, -number, STARTS, 0)] == mirrored


def test_every_annotated_gene_is_a_reading_frame_of_the_genome(genome, genes):
    for gene in genes:
        frame = 1 if gene["strand"] == "+" else -1
        protein = translate(coding_sequence(genome, frame, int(gene["start"]), int(gene["end"])))
        assert protein.index("*") == len(protein) - 1, gene["gene"]


def test_all_known_genes_are_found_among_the_orfs(orfs, genes):
    rows = [{"frame": str(orf.frame), "start": str(orf.start), "end": str(orf.end)} for orf in orfs]
    found = Counter(gene["gene"] for row in rows if (gene := gene_of(row, genes)))
    assert found == Counter(gene["gene"] for gene in genes)


def test_the_longest_orf_is_gene_j_which_codes_for_1132_amino_acids(orfs):
    longest = max(orfs, key=lambda orf: orf.codons)
    assert (longest.start, longest.end, longest.codons, strand_of(longest.frame)) == (
        15_505,
        18_903,
        1132,
        "+",
    )


@pytest.mark.parametrize(
    ("name", "protein"),
    [
        ("cro", "MEQRITLKDYAMRFGQTKTAKDLGVYQSAINKAIHAGRKIFLTINADGSVYAEEVKPFPSNKKTTA"),
        ("cI", "MSTKKKPLTQEQLEDARRLKAIYEKKKNELGLSQESVADKMGMGQSGVGALFNGINALNAYNAALLAKIL"),
    ],
)
def test_the_regulators_of_the_genetic_switch_are_translated_as_published(genome, genes, name, protein):
    gene = next(gene for gene in genes if gene["gene"] == name)
    frame = 1 if gene["strand"] == "+" else -1
    assert translate(coding_sequence(genome, frame, int(gene["start"]), int(gene["end"]))).startswith(protein)


# -- words


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_there_are_as_many_palindromes_as_half_words_and_none_of_odd_length(k):
    words = palindromes(k)
    assert len(words) == len(set(words)) == (0 if k % 2 else 4 ** (k // 2))
    assert all(is_palindrome(word) and canonical(word) == word for word in words)


def test_lambda_has_every_word_of_five_bases(genome):
    for k in (2, 3, 4, 5):
        own_complement = 4 ** (k // 2) if k % 2 == 0 else 0
        assert len(count_kmers(genome, k)) == (4**k + own_complement) // 2


@given(DNA, st.integers(1, 8))
def test_both_strands_have_the_same_words(sequence, k):
    counts = count_kmers(sequence, k)
    assert counts == count_kmers(reverse_complement(sequence), k)
    assert counts.total() == max(0, len(sequence) - k + 1)


def test_the_most_avoided_palindrome_of_four_bases_is_ctag(genome):
    counts = {k: count_kmers(genome, k) for k in (2, 3, 4)}
    ratios = {word: counts[4][word] / expected_count(word, counts[3], counts[2]) for word in palindromes(4)}
    assert min(ratios, key=ratios.__getitem__) == "CTAG"
    assert ratios["CTAG"] < 0.5


# -- restriction digests, against the fragments that suppliers list


@pytest.mark.parametrize(
    ("enzyme", "fragments"),
    [
        ("EcoRI", [21_226, 4878, 5643, 7421, 5804, 3530]),
        ("BamHI", [5505, 16_841, 5626, 6527, 7233, 6770]),
        # The well-known marker is of the mutant cI857, which has one more site: its 6557 and 125 are one here.
        ("HindIII", [23_130, 2027, 2322, 9416, 564, 6682, 4361]),
    ],
)
def test_digests_give_the_known_fragments(genome, enzyme, fragments):
    cutter = next(cutter for cutter in ENZYMES if cutter.name == enzyme)
    assert is_palindrome(cutter.site)
    assert fragment_lengths(len(genome), cut_positions(genome, cutter.site, cutter.offset)) == fragments


# -- windows and tables


@given(DNA, st.integers(2, 50))
def test_windows_overlap_by_half_and_stay_inside(sequence, size):
    windows = list(sliding_windows(sequence, size))
    assert all(window.end - window.start + 1 == size for window in windows)
    assert all(b.start - a.start == size // 2 for a, b in pairwise(windows))
    if windows:
        assert (windows[0].start, windows[-1].end <= len(sequence)) == (1, True)
        assert len(sequence) - windows[-1].end < size // 2


@given(DNA)
def test_the_cumulative_skew_ends_at_the_excess_of_g_over_c(sequence):
    *_, (position, excess) = cumulative_skew(sequence, 1)
    assert (position, excess) == (len(sequence), sequence.count("G") - sequence.count("C"))


def test_a_table_reads_back_as_it_was_written(tmp_path):
    write_table(tmp_path / "t.tsv", ["a", "b"], [(1, 0.5), ("x y", 2)])
    assert (tmp_path / "t.tsv").read_bytes() == b"a\tb\n1\t0.5000\nx y\t2\n"
    assert read_table(tmp_path / "t.tsv") == [{"a": "1", "b": "0.5000"}, {"a": "x y", "b": "2"}]
