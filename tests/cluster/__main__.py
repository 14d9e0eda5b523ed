"""`python -m tests.cluster ACTION`: a real Slurm on this machine, by hand; needs root, and Debian's packages for Slurm.

    up [COUNT]          start a head and so many machines (2) with Slurm on them
    in NAME COMMAND...  run a command on the head or a machine: in head sinfo
    cut NAME | mend NAME      take the link of a machine down, and up again
    crash NAME | revive NAME  end all processes of a machine at once, and start it again
    down                end all of it

A command in a folder below /tmp finds it only if that folder was named: up 2 /tmp/project.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.slurm import MISSING_SLURM, SlurmSite

FOLDER = Path(os.environ.get("PPG_SITE") or f"{tempfile.gettempdir()}/ppg-site")


def main(words: list[str]) -> int:
    """Do what the words say."""
    match words:
        case ["up", *rest]:
            return up(int(rest[0]) if rest else 2, [Path(each).resolve() for each in rest[1:]])
        case ["in", name, *command] if command:
            site = SlurmSite.load(FOLDER)
            return subprocess.run(
                site.command(name, command, Path.cwd()), env=site.environment(), check=False
            ).returncode
        case ["cut" | "mend" | "crash" | "revive" as action, name]:
            site = SlurmSite.load(FOLDER)
            getattr(site, action)(name)
            site.save()
        case ["down"]:
            SlurmSite.load(FOLDER).close()
            shutil.rmtree(FOLDER)
        case _:
            print(__doc__)
            return 2
    return 0


def up(count: int, shared: list[Path]) -> int:
    """Start everything."""
    if MISSING_SLURM:
        print(MISSING_SLURM)
        return 1
    FOLDER.mkdir(mode=0o755)
    site = SlurmSite(FOLDER, count, shared=shared, lasts=True)
    try:
        site.start()
        site.save()
    except BaseException:
        site.close()
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
