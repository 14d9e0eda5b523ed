"""Libraries with thread pools, each used in a way that needs its threads. The compute node imports this module."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["build_openmp", "use_blas", "use_openmp", "use_polars"]

SOURCE = """
#include <omp.h>
int threads_used(void) {
    int used = 0;
    #pragma omp parallel reduction(+:used)
    used += 1;
    return used;
}
"""


def build_openmp(folder: Path) -> str:
    """A small library with a parallel region, as a file; skips the test if there is no compiler."""
    import pytest  # not in the compute node

    if shutil.which("gcc") is None:
        if os.environ.get("PPG_REQUIRE_TOOLS") == "1":
            pytest.fail("gcc is not there, and PPG_REQUIRE_TOOLS=1 says that it must be")
        pytest.skip("gcc is not there")
    source, library = folder / "threads.c", folder / "threads.so"
    source.write_text(SOURCE)
    subprocess.run(["gcc", "-fopenmp", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


def use_openmp(library: str) -> bool:
    """Whether a parallel region gave the right result."""
    used: int = ctypes.CDLL(library).threads_used()
    return used == int(os.environ["OMP_NUM_THREADS"])


def use_polars(_library: str) -> bool:
    """The same for a query that polars spreads over its threads."""
    import polars

    table = polars.LazyFrame({"group": [n % 7 for n in range(70_000)], "value": range(70_000)})
    return table.group_by("group").agg(polars.col("value").max()).collect().height == 7


def use_blas(_library: str) -> bool:
    """The same for a product of matrices that is large enough for more than one thread."""
    import numpy

    ones = numpy.ones((500, 500))
    return bool((ones @ ones == 500).all())
