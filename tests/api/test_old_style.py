"""A script in the style of pypipegraph: jobs made in loops and classes, loaded attributes, generated jobs."""

from pathlib import Path

import ppg as pypipegraph


class Genome:
    """A class that makes its own jobs, as pypipegraph's users write them."""

    def __init__(self, name, sequence):
        self.name = name
        self.sequence_to_write = sequence

    def fasta(self):
        # What counts has to be captured by name: `self` does not count as a change.
        name, sequence = self.name, self.sequence_to_write

        def write(path):
            path.write_text(f">{name}\n{sequence}\n")

        return pypipegraph.FileGeneratingJob(f"{self.name}/genome.fa", write)

    def load(self):
        name = self.name

        def read():
            with open(f"{name}/genome.fa") as file:
                return file.read().splitlines()[1]

        return pypipegraph.AttributeLoadingJob(f"load_{self.name}", self, "sequence", read).depends_on(
            self.fasta()
        )


def declare(genomes, word_length):
    def words(sequence):
        return sorted({sequence[i : i + word_length] for i in range(len(sequence) - word_length + 1)})

    tables = []
    for genome in genomes:
        index = pypipegraph.TempFileGeneratingJob(
            f"{genome.name}/index",
            lambda path, genome=genome: path.write_text("\n".join(words(genome.sequence))),
        ).depends_on(genome.load())

        def count(path, name=genome.name):
            path.write_text(f"{name}\t{len(Path(f'{name}/index').read_text().split())}\n")

        tables.append(pypipegraph.FileGeneratingJob(f"{genome.name}/count", count).depends_on(index))

        def generate(genome=genome):
            for base in sorted(set(genome.sequence)):
                pypipegraph.FileGeneratingJob(
                    f"{genome.name}/{base}",
                    lambda path, base=base: path.write_text(str(genome.sequence.count(base))),
                ).depends_on(genome.load())

        pypipegraph.JobGeneratingJob(f"{genome.name}_bases", generate).depends_on(genome.load())

    def summarise(path):
        path.write_text("".join(Path(table.job_id).read_text() for table in tables))

    pypipegraph.FileGeneratingJob("summary", summarise).depends_on(tables)


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def make(*sequences):
    return [Genome(name, sequence) for name, sequence in zip("xyz", sequences, strict=False)]


def test_an_old_style_script_runs_and_is_idle_on_the_second_run(run, folder):
    run(lambda: declare(make("ACGTACGA", "GGGTTT"), 2))
    assert content(folder) == {
        "summary": "x\t5\ny\t3\n",
        "x/genome.fa": ">x\nACGTACGA\n",
        "x/count": "x\t5\n",
        "x/A": "3",
        "x/C": "2",
        "x/G": "2",
        "x/T": "1",
        "y/genome.fa": ">y\nGGGTTT\n",
        "y/count": "y\t3\n",
        "y/G": "3",
        "y/T": "3",
    }
    again = run(lambda: declare(make("ACGTACGA", "GGGTTT"), 2))
    # Generators run every time, and need what they use.
    assert set(again.ran) == {"x_bases", "y_bases", "load_x", "load_y"}


def test_after_an_edit_an_old_style_script_makes_what_a_fresh_one_makes(
    run, folder, tmp_path_factory, monkeypatch
):
    run(lambda: declare(make("ACGTACGA", "GGGTTT"), 2))
    edited = run(lambda: declare(make("ACGTACGA", "GGGTTA"), 2))
    assert "x/count" not in edited.ran
    assert "y/count" in edited.ran
    after_edit = content(folder)
    fresh = tmp_path_factory.mktemp("fresh")
    monkeypatch.chdir(fresh)
    run(lambda: declare(make("ACGTACGA", "GGGTTA"), 2))
    assert after_edit == content(fresh)


def test_the_original_thirty_second_example_works(run, folder):
    def declare_example():
        def write():
            with open("output_filename.txt", "w") as op:
                op.write("hello world")

        job = pypipegraph.FileGeneratingJob("output_filename.txt", write)
        job.depends_on(pypipegraph.ParameterInvariant("parameter", (1, "two")))

    run(declare_example)
    assert (folder / "output_filename.txt").read_text() == "hello world"
