"""Zygote: a process that has imported ppg, and forks a process for each run of a project. Run as a program.

    python -m tests.properties.api.watched.zygote

Reads the folder of a project from each line of its input, runs `script.py` there as a user would, and answers with the
exit status in a line. What the run prints is in the file `printed`. A first line can name a part of ppg to weaken.
"""

import importlib.util
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["Zygote"]

ROOT = Path(__file__).parents[4]
LONGEST = 120
"""Seconds after which a run counts as one that does not end."""


class Zygote:
    """Zygote: the client of such a process.

    Parameters:
        python: the interpreter.
        hash_seed: its PYTHONHASHSEED.
        weakened: the name of a fault of ppg that is made on purpose; see `weakened`.
    """

    def __init__(self, python, hash_seed, weakened=""):
        packages = sorted(str(folder) for folder in (ROOT / "packages").glob("*/src"))
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *packages])}
        variables |= {
            "PYTHONHASHSEED": str(hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
        }
        self._process = subprocess.Popen(
            [python, "-m", "tests.properties.api.watched.zygote", weakened],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.libraries = self._process.stdout.readline().split()

    def run(self, folder):
        """Run the project in a folder; return the exit status, negative if the run did not end."""
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _run(folder):
    os.setsid()
    with (Path(folder) / "printed").open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    sys.argv = ["script.py"]
    sys.path[0] = folder
    code = 1
    try:
        runpy.run_path("script.py", run_name="__main__")
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main():
    """Fork until the input ends."""
    # The forks have all of ppg already, and what the projects import.
    for package in ("ppg", "ppg_exec", "ppg_invariants", "ppg_graph"):
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        for module in found:
            # Only the main process of a run on a cluster needs Dask, which not every interpreter here has.
            if not module.name.endswith("__main__") and not module.name.startswith("ppg_exec.dask."):
                importlib.import_module(module.name)
    libraries = [name for name in ("numpy", "pandas") if importlib.util.find_spec(name)]
    for name in (*libraries, "statistics", "tomllib", "configparser", "csv", "uuid", "ipaddress"):
        importlib.import_module(name)
    if sys.argv[1]:
        from tests.properties.api.watched.weakened import weaken

        weaken(sys.argv[1])
    if threading.active_count() > 1:
        sys.exit("a thread of a library would be missing in the forks")
    print(*libraries, flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(line.strip())
        timer = threading.Timer(LONGEST, _kill, [child])
        timer.start()
        _, status = os.waitpid(child, 0)
        timer.cancel()
        timer.join()
        print(os.waitstatus_to_exitcode(status), flush=True)


def _kill(group):
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
