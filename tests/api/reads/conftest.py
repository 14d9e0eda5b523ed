"""Jobs that read what they do not declare."""

import pytest

import ppg
from tests.fakes import RecordingFrontend


class Project:
    """A project whose jobs are declared anew for each run; says which ran and what was warned of."""

    def __init__(self, folder, account):
        self.folder = folder
        self.account = account
        self.warnings = []
        self.errors = {}

    def copying(self, *sources):
        """A callback that writes the texts of these files, or `-` for one that is not there."""
        ran, names = self.account.ran, [str(source) for source in sources]

        def copy(path):
            ran(path.name)
            texts = []
            for name in names:
                try:
                    with open(name) as file:
                        texts.append(file.read())
                except FileNotFoundError:
                    texts.append("-")
            path.write_text(" ".join(texts) or "nothing read")

        return copy

    def run(self, declare, **options):
        """Run, and give the names of the callbacks that ran."""
        graph = ppg.new_pipegraph(quiet=True, **options)
        declare()
        frontend = RecordingFrontend()
        self.errors = {}
        try:
            graph.run(frontend=frontend)
        except ppg.RuntimeError as error:
            self.errors = {job_id: str(one) for job_id, one in error.exceptions.items()}
        self.warnings = frontend.warnings
        return self.account.taken()

    def reasons(self, declare, job_id, **options):
        """Why a run would start a job; None if it would not."""
        graph = ppg.new_pipegraph(quiet=True, **options)
        declare()
        verified = graph.verify().will_run.get(job_id)
        graph = ppg.new_pipegraph(quiet=True, **options)
        declare()
        previewed = graph.preview().will_run.get(job_id)
        assert (previewed is None) == (verified is None)
        if previewed is not None and verified is not None:
            # `verify` adds the sizes of files.
            assert len(previewed) == len(verified)
            assert all(map(str.startswith, verified, previewed)), (previewed, verified)
        return previewed

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def text(self, name):
        return (self.folder / name).read_text()


@pytest.fixture
def project(folder, account):
    return Project(folder, account)


@pytest.fixture
def ran(account):
    """Notes that a callback ran; a callback that refers to the project itself changes with its warnings."""
    return account.ran
