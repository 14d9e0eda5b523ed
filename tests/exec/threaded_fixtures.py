"""Fixtures for tests of libraries with thread pools, which `threaded` uses; a `conftest.py` imports them."""

import pytest

from tests.exec.threaded import build_openmp

__all__ = ["library", "three_threads"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_openmp(tmp_path_factory.mktemp("openmp"))


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user wants three threads in every process; otherwise each task has one thread per core of its own."""
    for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "3")
