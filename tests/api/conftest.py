"""A folder of its own for every test, and pipelines that keep account of which callbacks ran."""

import pytest

import ppg
from tests.api.gates import Gates
from tests.fakes import RecordingFrontend


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory of the test: where its pipegraphs live."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def graph(folder):
    """A new pipegraph, in which jobs are declared."""
    return ppg.new_pipegraph(quiet=True)


class Account:
    """Which callbacks ran, kept in a file, because they run in other processes."""

    def __init__(self, path):
        self.path = path

    def ran(self, name):
        """Called by callbacks."""
        with self.path.open("a") as file:
            file.write(name + "\n")

    def taken(self):
        """The names since the last call, sorted."""
        names = sorted(self.path.read_text().split()) if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return names


@pytest.fixture
def account(tmp_path_factory):
    return Account(tmp_path_factory.mktemp("account") / "ran.txt")


@pytest.fixture
def writer(account):
    """Makes callbacks that write a text, and enter their job into the account."""

    def make(text):
        def write(path):
            account.ran(path.name)
            path.write_text(text)

        return write

    return make


@pytest.fixture
def run(folder):
    """Declares jobs with a function in a new pipegraph, runs it, and gives the result."""

    def run_declared(declare, **options):
        graph = ppg.new_pipegraph(quiet=True, **options)
        declare()
        return graph.run()

    return run_declared


@pytest.fixture
def failing_run(folder):
    """The same for graphs whose jobs fail; gives the error and the pipegraph."""

    def run_declared(declare, **options):
        graph = ppg.new_pipegraph(quiet=True, **options)
        declare()
        with pytest.raises(ppg.RuntimeError) as caught:
            graph.run()
        return caught.value, graph

    return run_declared


@pytest.fixture
def accept(folder):
    """Declares jobs in a new pipegraph, and accepts outputs; nothing may run for it."""

    def accept_declared(declare, *arguments, **options):
        graph = ppg.new_pipegraph(quiet=True)
        declare()
        return graph.accept(*arguments, **options)

    return accept_declared


@pytest.fixture
def made(folder):
    """Makes files that no run of ppg has made."""

    def make(**files):
        for name, text in files.items():
            (folder / name).write_text(text)

    return make


@pytest.fixture
def gates(folder):
    gates = Gates()
    yield gates
    gates.close()


@pytest.fixture
def run_with(gates):
    """Declares jobs, runs them with the gates, and gives the errors by job id."""

    def run(declare, coordinator=None, **options):
        graph = ppg.new_pipegraph(coordinator, quiet=True, **options)
        declare()
        try:
            graph.run(frontend=RecordingFrontend(gates))
        except ppg.RuntimeError as error:
            return {job_id: str(one) for job_id, one in error.exceptions.items()}
        return {}

    return run
