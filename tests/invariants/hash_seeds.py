"""Runs a program under several seeds of Python's hashes."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["printed_under_hash_seeds"]


def printed_under_hash_seeds(program: str, folder: Path) -> set[bytes]:
    """What the program prints under four seeds; modules are found in the folder."""
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in (0, 1, 2, 3)
    }
