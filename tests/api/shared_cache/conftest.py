"""Two projects in folders of their own, and a cache that they have in common."""

import subprocess

import pytest

from tests.api.shared_cache.projects import Project
from tests.fakes import small_file_system


@pytest.fixture
def cache(tmp_path):
    """Where the cache is; nothing is there yet."""
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path, cache):
    """Makes a project; more than one of them are neither beside each other nor equally deep."""
    return lambda name, **options: Project(tmp_path / name, options.get("cache", cache))


@pytest.fixture
def one(project):
    return project("one")


@pytest.fixture
def two(project):
    return project("somewhere/else/two")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB, and a function that makes it read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_file_system(disk, "256k"):
        yield disk, lambda: subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
