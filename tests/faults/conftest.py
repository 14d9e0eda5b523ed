"""A project folder for every test; nothing that a test started outlives it."""

import pytest

from tests.cli.project import Project, Terminal


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    project.end_everything()


@pytest.fixture
def terminal(project):
    """Starts `ppg` in the foreground of a terminal."""
    opened = []

    def open_terminal(*arguments, **options):
        opened.append(Terminal(project, *arguments, **options))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()
