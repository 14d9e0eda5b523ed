"""A library with a thread pool."""

from tests.exec.threaded_fixtures import library, three_threads

__all__ = ["library", "three_threads"]
