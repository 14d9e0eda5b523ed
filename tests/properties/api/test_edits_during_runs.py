"""Random small graphs, and files that are edited at random moments of a run, some of them restored.

Whatever was edited, and whenever: when runs without edits have ended well, every output equals that of a run in an
empty folder with the same inputs, and `verify` finds nothing to do.
"""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

import ppg
from tests.fakes import RecordingFrontend

INPUTS = ("input 0", "input 1")


class Genome:
    letters = ""


class Plan:
    """A random graph: for each job its kind and what it reads, which are inputs and earlier jobs."""

    def __init__(self, random):
        self.jobs = {}
        for number in range(random.randint(2, 6)):
            known = [*INPUTS, *self.jobs]
            reads = random.sample(known, min(len(known), random.randint(1, 3)))
            self.jobs[f"job {number}"] = (random.choice(["output", "output", "temporary", "load"]), reads)
        self.genomes = {name: Genome() for name, (kind, _) in self.jobs.items() if kind == "load"}

    @property
    def files(self):
        return [*INPUTS, *(name for name, (kind, _) in self.jobs.items() if kind != "load")]

    def declare(self):
        declared = {}
        for name, (kind, reads) in self.jobs.items():
            if kind == "load":
                declared[name] = ppg.AttributeLoadingJob(
                    name, self.genomes[name], "letters", self.texts(name, reads)
                )
            else:
                makes = ppg.FileGeneratingJob if kind == "output" else ppg.TempFileGeneratingJob
                declared[name] = makes(name, self.writer(name, reads))
            for read in reads:
                if read in INPUTS:
                    declared[name].depends_on_file(read)
                else:
                    declared[name].depends_on(declared[read])

    def texts(self, name, reads):
        genomes = {read: self.genomes[read] for read in reads if read in self.genomes}

        def joined():
            texts = [
                genomes[read].letters if read in genomes else Path(read).read_text(errors="replace")
                for read in reads
            ]
            return f"({name}: {' '.join(texts)})"

        return joined

    def writer(self, name, reads):
        joined = self.texts(name, reads)
        return lambda path: path.write_text(joined())

    def outputs(self):
        return {
            name: Path(name).read_text()
            for name, (kind, _) in self.jobs.items()
            if kind == "output" and Path(name).exists()
        }


class Meddler:
    """Edits files when random events come, and restores some of them when later events come.

    It leaves the output of a job alone from the job's submission to its end: what another program writes there in that
    time is what the job has made, as far as its process can see.
    """

    def __init__(self, random, files):
        self._random = random
        self._files = files
        self._edits = random.randint(1, 3)
        self._edited = {}
        self._in_work = set()

    def __call__(self, event):
        if not isinstance(event, (ppg.JobStarted, ppg.JobFinished, ppg.JobQueued)):
            return
        if isinstance(event, ppg.JobFinished):
            self._in_work.discard(event.job_id)
        else:
            self._in_work.add(event.job_id)
        if self._edited and self._random.random() < 0.4:
            self._restore()
        elif self._edits and self._random.random() < 0.5:
            self._edits -= 1
            self._edit()

    def _edit(self):
        file = self._random.choice(self._files)
        if file in self._edited or file in self._in_work or not Path(file).exists():
            return
        data, found = Path(file).read_bytes(), os.stat(file)
        self._edited[file] = (data, found)
        changed = bytes(byte ^ 1 for byte in data) if self._random.random() < 0.7 else data + b"!"
        Path(file).write_bytes(changed)
        if self._random.random() < 0.2:
            os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))

    def _restore(self):
        file = self._random.choice(list(self._edited))
        data, found = self._edited.pop(file)
        if file in self._in_work or not Path(file).exists():
            return
        if self._random.random() < 0.7:
            Path(file).write_bytes(data)
        else:
            Path("other").write_bytes(data)
            Path("other").rename(file)
        if self._random.random() < 0.7:
            os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def ran(plan, *listeners, cores=2):
    graph = ppg.new_pipegraph(ppg.LocalSystem(max_cores_to_use=cores), quiet=True)
    plan.declare()
    try:
        graph.run(frontend=RecordingFrontend(*listeners))
    except ppg.RuntimeError:
        return False
    return True


@contextmanager
def folder_of_its_own():
    """Makes a folder, and is there for a while."""
    before = os.getcwd()
    folder = tempfile.mkdtemp(prefix="edits_")
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        shutil.rmtree(folder)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_no_edit_in_the_middle_of_a_run_is_recorded_as_what_was_read(seed):
    random = Random(seed)
    plan = Plan(random)
    with folder_of_its_own():
        for name in INPUTS:
            Path(name).write_text(f"{name} is good")
        for _ in range(random.randint(1, 2)):
            if random.random() < 0.4:
                ran(plan)
                Path(random.choice(INPUTS)).write_text(f"{random.random()}")
            ran(plan, Meddler(random, plan.files), cores=random.randint(1, 3))
        assert ran(plan), "no file is edited any more"
        graph = ppg.new_pipegraph(quiet=True)
        plan.declare()
        assert graph.verify(rehash=True).holds
        found = plan.outputs()
        inputs = {name: Path(name).read_bytes() for name in INPUTS}
    with folder_of_its_own():
        for name, data in inputs.items():
            Path(name).write_bytes(data)
        assert ran(plan)
        assert found == plan.outputs()
