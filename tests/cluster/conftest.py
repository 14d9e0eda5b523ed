"""Sites for the tests of this folder; where namespaces or Slurm are not possible, the tests are skipped with the reason."""

import os

import pytest

from tests.cluster.machines import MISSING
from tests.cluster.slurm import MISSING_SLURM

# In CI a missing package is a failure. That a container allows no namespaces is none.
_REQUIRED = bool(os.environ.get("PPG_REQUIRE_TOOLS"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        missing = MISSING_SLURM if item.get_closest_marker("slurm") else MISSING
        if "tests/cluster/" in str(item.path) and missing and not (_REQUIRED and "is not here" in missing):
            item.add_marker(pytest.mark.skip(reason=missing))
