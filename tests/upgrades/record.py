"""Records a status store, with all that belongs to it: what later versions of ppg must find their way in.

    python -m tests.upgrades.record TARGET

runs the scripts of `recorded/` with the ppg of now, and leaves them in TARGET with the status stores, outputs, caches and
the shared cache that the runs made. TARGET may be `tests/upgrades/recorded` itself only before anything was recorded
there: `recorded/` is worth something because it stays as the code of its day has left it. A version of ppg that
stores something in another way gets a folder of its own, beside it.

With `--names` it writes instead, to TARGET, how all classes and functions of ppg are called now (`names.json`).

The scripts run where nothing is to be seen of the machine that records: in a mount name space in which /mnt is an
empty file system, under a host name that says nothing. That takes Linux's `unshare` (util-linux) and the right to use it.
No path of this machine is in what is recorded; that is checked.
"""

import importlib
import json
import os
import pkgutil
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["MODIFIED", "NAMES", "PACKAGES", "RECORDED", "SCRIPTS", "SOURCES", "STORES", "set_times"]

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
NAMES = HERE / "names.json"
SCRIPTS = ("pipeline.py", "internal.py")
SOURCES = (*SCRIPTS, "helpers.py", "tool.sh", "inputs")
"""What somebody has written; everything else in the folder was made by recording."""
STORES = (".pypipegraph_status_robust", ".internal_status")
MODIFIED = {"inputs/timed.txt": 1_000_000_000 * 10**9}
"""Times of modification that count, in nanoseconds: a checkout does not keep them."""
PACKAGES = ("ppg", "ppg_graph", "ppg_invariants", "ppg_exec")
PLACE = Path("/mnt/project")


def set_times(folder):
    """Give files the times of modification that were recorded."""
    for name, when in MODIFIED.items():
        os.utime(folder / name, ns=(when, when))


# -- names --------------------------------------------------------------------------------------------------


def is_named(value):
    """Whether it is a class or a function: what pickles and fingerprints know by its name."""
    return isinstance(value, type) or (callable(value) and hasattr(value, "__code__")) or _is_cached(value)


def _is_cached(value):
    return hasattr(value, "__wrapped__") and hasattr(value, "cache_info")


def full_name(value):
    """Module and qualified name."""
    return f"{value.__module__}.{value.__qualname__}"


def public_names(package):
    """Of a package's public names those of classes and functions, with what they are called in full."""
    module = importlib.import_module(package)
    found = {name: getattr(module, name) for name in module.__all__}
    return {name: full_name(value) for name, value in sorted(found.items()) if is_named(value)}


def all_names():
    """Every class and function that a module of the packages defines, classes within classes included."""
    found = set()
    for package in PACKAGES:
        top = importlib.import_module(package)
        modules = [top]
        for info in pkgutil.walk_packages(top.__path__, f"{package}."):
            if not info.name.endswith("__main__"):
                modules.append(importlib.import_module(info.name))
        for module in modules:
            found.update(_defined_in(module.__name__, vars(module).values()))
    return sorted(found)


def _defined_in(module, values):
    for value in list(values):
        if is_named(value) and value.__module__ == module and "<" not in value.__qualname__:
            yield full_name(value)
            if isinstance(value, type):
                within = [member for member in vars(value).values() if isinstance(member, type)]
                yield from _defined_in(
                    module, (one for one in within if one.__qualname__.startswith(f"{value.__qualname__}."))
                )


def write_names(target):
    """Write what all classes and functions are called."""
    names = {
        "public": {package: public_names(package) for package in (*PACKAGES, "ppg_cli")},
        "all": all_names(),
    }
    target.write_text(json.dumps(names, indent=1) + "\n")


# -- recording ----------------------------------------------------------------------------------------------


def record(target):
    """Run the scripts in a name space of their own, and put what they leave into `target`."""
    recorded = [name for name in STORES if (target / name).exists()]
    if recorded:
        sys.exit(f"{target} has been recorded already ({', '.join(recorded)}); record into another folder")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "made")
        unshared = ["unshare", "--mount", "--uts", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        subprocess.run([*unshared, sys.executable, __file__, "--inside", made], check=True)
        check(made, [str(HERE.parents[1]), sys.prefix, str(Path.home()), scratch, socket.gethostname()])
        shutil.copytree(made, target, dirs_exist_ok=True)


def run_inside(made):
    """In the name space: copy the scripts to where nothing else is, run them twice, and bring all of it out."""
    socket.sethostname("recorder")
    subprocess.run(["mount", "-t", "tmpfs", "none", PLACE.parent], check=True)
    PLACE.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (RECORDED / name).is_dir() else shutil.copy2
        copy(RECORDED / name, PLACE / name)
    public = {package: list(public_names(package)) for package in PACKAGES}
    (PLACE / "public_names.json").write_text(json.dumps(public, indent=1) + "\n")
    set_times(PLACE)
    environment = {
        "HOME": str(PLACE.parent),
        "LANG": "C.UTF-8",
        "LOGNAME": "user",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for script in SCRIPTS * 2:
        subprocess.run([sys.executable, script], cwd=PLACE, env=environment, check=True)
    shutil.copytree(PLACE, made, ignore=shutil.ignore_patterns("logs"))


def check(made, forbidden):
    """Refuse what says where it was recorded, or was left by a run that goes on."""
    unfit = [
        f"{path.relative_to(made)} has {text!r} in it"
        for path in made.rglob("*")
        if path.is_file()
        for text in forbidden
        if text != "/" and text.encode() in path.read_bytes()
    ]
    unfit += [f"{path.name} is left" for path in made.iterdir() if path.name.endswith(("-wal", "-shm"))]
    if unfit:
        sys.exit("\n".join(unfit))


def main(arguments):
    """As the text above says."""
    match arguments:
        case ["--inside", made]:
            run_inside(Path(made))
        case ["--names", target]:
            write_names(Path(target))
        case [target] if not target.startswith("-"):
            record(Path(target).absolute())
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
