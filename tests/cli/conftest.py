"""A project folder for every test; nothing that a test started outlives it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.project import Project, Terminal
from tests.cli.tmux import Tmux, require_tmux


@contextmanager
def opening(make: Callable[..., Terminal | Tmux]) -> Iterator[Callable[..., Terminal | Tmux]]:
    """Give a function that opens terminals, and close all that it has opened."""
    opened: list[Terminal | Tmux] = []

    def open_one(*arguments, **options):
        opened.append(make(*arguments, **options))
        return opened[-1]

    try:
        yield open_one
    finally:
        for each in opened:
            each.close()


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    project.end_everything()


@pytest.fixture
def terminal(project):
    """Starts `ppg` in the foreground of a terminal."""
    with opening(lambda *arguments, **options: Terminal(project, *arguments, **options)) as open_one:
        yield open_one


@pytest.fixture
def tmux(project):
    """Opens a terminal emulator with a shell in it."""
    require_tmux()
    with opening(lambda *size, **environment: Tmux(project, *size, **environment)) as open_one:
        yield open_one
