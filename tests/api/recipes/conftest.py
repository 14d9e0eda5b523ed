"""Cached attributes with the files that are made of them, and programs that jobs run."""

import os
import textwrap

import pytest

import ppg
from tests.api.recipes.genomes import Genome, calculated


@pytest.fixture
def declare(account):
    """Declares a cached attribute and files that are made of it."""

    def declare_jobs(names, value=17, *, upstreams=(), calc=None, **options):
        genome = Genome()
        cached = ppg.CachedAttributeLoadingJob(
            "cache/value", genome, "value", calc or calculated(account, value), **options
        )
        cached.depends_on(upstreams)
        for name in names:

            def write(path, genome=genome):
                account.ran(path.name)
                path.write_text(str(genome.value))

            ppg.FileGeneratingJob(name, write).depends_on(cached)
        return cached

    return declare_jobs


@pytest.fixture
def tool(folder):
    """Puts a program of our own into a folder `bin`, which is first in PATH."""

    def make(name, script, interpreter="/bin/sh"):
        path = folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{interpreter}\n{textwrap.dedent(script)}")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def in_path(folder, monkeypatch):
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
