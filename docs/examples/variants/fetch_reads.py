"""Fetch the reads of this example: Debian's package bowtie2-examples, unpacked but not installed.

    python fetch_reads.py [FOLDER]

FOLDER is where the reads go, by default `reads` beside this script, where the pipeline finds them. Unpacking
rather than installing works without being root, and on images that leave documentation folders out on install.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reads import SAMPLES

__all__ = ["fetch_reads", "main"]

PACKAGE = "bowtie2-examples"


def fetch_reads(folder: Path) -> None:
    """Put the compressed FASTQ files of the package into `folder`.

    Raises FileNotFoundError if apt-get or dpkg-deb is missing, or if the package does not hold the reads;
    subprocess.CalledProcessError if one of the two fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        # apt-get downloads as a user of its own where it can, who must be let in.
        scratch.chmod(0o755)
        subprocess.run(["apt-get", "download", PACKAGE], cwd=scratch, check=True, stdout=sys.stderr)
        (package,) = scratch.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, scratch / "unpacked"], check=True)
        unpacked = scratch / "unpacked" / "usr/share/doc/bowtie2/examples/reads"
        folder.mkdir(parents=True, exist_ok=True)
        for files in SAMPLES.values():
            for name in files:
                shutil.copyfile(unpacked / name, folder / name)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=f"Fetch the reads of Debian's package {PACKAGE}.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent / "reads")
    folder: Path = parser.parse_args(arguments).folder
    try:
        fetch_reads(folder)
    except FileNotFoundError as error:
        print(f"{error}. This script needs Debian's apt-get and dpkg-deb.", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"{error}. Does 'apt-get update' help?", file=sys.stderr)
        return 1
    print(f"The reads are in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
