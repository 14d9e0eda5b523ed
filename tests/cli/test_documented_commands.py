"""Each command line of the documentation does what stands beside it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("packages/*/README.md")),
]
COMMAND = re.compile(
    r"ppg (?:run|debug|verify|accept|why|inputs|log|cache|doctor|graph|status|runs|diff|output|forget|clean|init|top|attach"
    r"|--version|--install-completion)\b[^`#]*"
)

NAMES = {
    "ppg run",
    "ppg run --on",
    "ppg debug",
    "ppg run --on slurm",
    "ppg verify",
    "ppg accept",
    "ppg why",
    "ppg inputs",
    "ppg log",
    "ppg doctor FOLDER",
    "ppg diff",
    "ppg output",
    "ppg top",
    "ppg attach",
    "ppg forget",
    "ppg clean",
    "ppg cache list",
    "ppg cache prune",
    "ppg graph dump",
}
"""Names of commands, which are no command lines."""

SCRIPT = """
cache = os.environ.get("PPG_SHARED_CACHE")
ppg.new_pipegraph(shared_cache=cache)
for name in ["a.txt", "b.txt", *sys.argv[1:]]:
    ppg.FileGeneratingJob(name, writes("text"), share=bool(cache))
ppg.run_pipegraph()
"""


def documented():
    found = set()
    for page in PAGES:
        text = page.read_text()
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
            lines = (line.partition("  #")[0].strip() for line in block.splitlines())
            found |= {line for line in lines if COMMAND.match(line)}
        spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL).replace("\n", " "))
        found |= {span for span in spans if COMMAND.fullmatch(span)}
    return {line for line in found if line not in NAMES} | examples()


def examples():
    """The examples of the commands' help."""
    sources = sorted((ROOT / "packages/ppg-cli/src/ppg_cli").glob("*/*.py"))
    return {
        line
        for source in sources
        for line in re.findall(r"^    Example: (ppg .*)$", source.read_text(), re.MULTILINE)
    }


def ran(ended, project):
    return (ended.code, ended.summary) == (0, (2, 0, 0, 0)) and (project / "a.txt").exists()


def nothing_ran(project):
    return not (project / "a.txt").exists()


def debugged(ended, project):
    # Without a terminal the debugger reads the end of its input, and is left.
    return ended.code == 130 and "'a.txt' runs alone" in ended.err and nothing_ran(project)


# For each line: what is typed, what is done before, and what must hold afterwards.
CHECKS = {
    "ppg run hello.py": ("run hello.py", "", ran),
    "ppg run script.py": ("run script.py", "", ran),
    "ppg run script.py --inline": ("run script.py --inline", "", ran),
    "ppg run script.py -- arguments": (
        "run script.py -- c.txt",
        "",
        lambda ended, project: ended.code == 0 and (project / "c.txt").exists(),
    ),
    "ppg run script.py a.txt b.txt": ("run script.py a.txt b.txt", "", ran),
    "ppg run script.py a.txt -j 4 -- --samples 3": (
        "run script.py a.txt -j 4 -- c.txt",
        "",
        lambda ended, project: ended.summary == (1, 0, 0, 0) and not (project / "c.txt").exists(),
    ),
    "ppg graph dump hello.py": (
        "graph dump hello.py",
        "",
        lambda ended, project: "the function of a.txt" in ended.out and nothing_ran(project),
    ),
    "ppg graph dump script.py": (
        "graph dump script.py",
        "",
        lambda ended, project: "the function of a.txt" in ended.out and nothing_ran(project),
    ),
    "ppg graph dump script.py -f dot": (
        "graph dump script.py -f dot",
        "",
        lambda ended, project: ended.out.startswith("digraph") and nothing_ran(project),
    ),
    "ppg doctor": (
        "doctor",
        "",
        lambda ended, project: ended.code == 0 and "Landlock" in ended.out and nothing_ran(project),
    ),
    "ppg verify script.py": ("verify script.py", "run script.py", lambda ended, _: ended.code == 0),
    "ppg verify script.py --hash": (
        "verify script.py --hash",
        "run script.py",
        lambda ended, _: ended.code == 0,
    ),
    "ppg inputs a.txt": ("inputs a.txt", "run script.py", lambda ended, _: ended.code == 0),
    "ppg verify --hash": ("verify --hash script.py", "run script.py", lambda ended, _: ended.code == 0),
    "ppg accept script.py": (
        "accept script.py",
        "make a.txt",
        lambda ended, _: ended.code == 0 and "accepted    a.txt" in ended.out,
    ),
    "ppg accept script.py a.txt": (
        "accept script.py a.txt",
        "make a.txt",
        lambda ended, _: ended.code == 0 and "accepted    a.txt" in ended.out,
    ),
    "ppg accept script.py JOB": (
        "accept script.py a.txt",
        "make a.txt",
        lambda ended, _: ended.code == 0 and "accepted    a.txt" in ended.out,
    ),
    "ppg accept script.py [jobs ...]": (
        "accept script.py a.txt",
        "make a.txt b.txt",
        lambda ended, _: "accepted    a.txt" in ended.out and "b.txt" not in ended.out,
    ),
    "ppg accept script.py a.txt b.txt": (
        "accept script.py a.txt b.txt",
        "make a.txt b.txt",
        lambda ended, _: ended.code == 0 and "accepted 2 jobs" in ended.out,
    ),
    "ppg accept script.py --dry-run": (
        "accept script.py --dry-run",
        "make a.txt",
        lambda ended, project: (
            "acceptable  a.txt" in ended.out and not list(project.folder.glob(".pypipegraph*"))
        ),
    ),
    "ppg accept script.py --changed": (
        "accept script.py --changed",
        "make a.txt",
        lambda ended, _: ended.code == 0 and "accepted    a.txt" in ended.out,
    ),
    "ppg accept script.py -- arguments": (
        "accept script.py -- arguments",
        "make arguments",
        lambda ended, _: ended.code == 0 and "accepted    arguments" in ended.out,
    ),
    "ppg inputs JOB": (
        "inputs a.txt",
        "run script.py",
        lambda ended, _: (
            ended.code == 0 and ended.out.startswith("a.txt depends on\n  the function of a.txt")
        ),
    ),
    "ppg run script.py --dry-run": (
        "run script.py --dry-run",
        "",
        lambda ended, project: "dry run: 2 jobs will run" in ended.out and nothing_ran(project),
    ),
    "ppg run script.py --until a.txt": ("run script.py --until a.txt", "", ran),
    "ppg run script.py --force a.txt": (
        "run script.py --force a.txt",
        "run script.py",
        lambda ended, _: ended.summary == (1, 1, 0, 0),
    ),
    "ppg run script.py --fail-fast": ("run script.py --fail-fast", "", ran),
    "ppg run --dry-run": ("run --dry-run script.py", "", lambda ended, project: nothing_ran(project)),
    "ppg run --until JOB": ("run --until a.txt script.py", "", ran),
    "ppg run --force JOB": ("run --force a.txt script.py", "", ran),
    "ppg run --fail-fast": ("run --fail-fast script.py", "", ran),
    "ppg run script.py --strict": ("run script.py --strict", "", ran),
    "ppg run --strict": ("run --strict script.py", "", ran),
    "ppg run script.py --detach": (
        "run script.py --detach",
        "",
        lambda ended, project: (
            ended.code == 0 and project.ppg("attach", "script.py").code == 0 and (project / "a.txt").exists()
        ),
    ),
    "ppg run --detach": (
        "run --detach script.py",
        "",
        lambda ended, project: project.ppg("attach").code == 0 and (project / "a.txt").exists(),
    ),
    "ppg attach script.py": ("attach script.py", "run script.py --detach", lambda ended, _: ended.code == 0),
    "ppg top script.py": (
        "top script.py",
        "run script.py",
        lambda ended, _: ended.code == 2 and "no run of yours goes on at 'script.py'" in ended.err,
    ),
    "ppg top --list": ("top --list", "run script.py", lambda ended, _: ended.code == 0),
    "ppg why a.txt": (
        "why a.txt",
        "run script.py",
        lambda ended, _: ended.code == 0 and "because it was new" in ended.out,
    ),
    "ppg why JOB": (
        "why a.txt",
        "run script.py",
        lambda ended, _: ended.code == 0 and "because it was new" in ended.out,
    ),
    "ppg why script.py JOB": (
        "why script.py a.txt",
        "run script.py",
        lambda ended, _: ended.code == 0 and "now: it would not run" in ended.out,
    ),
    "ppg why script.py a.txt": (
        "why script.py a.txt",
        "run script.py",
        lambda ended, _: ended.code == 0 and "now: it would not run" in ended.out,
    ),
    "ppg cache list [folder]": (
        "cache list shared",
        "share",
        lambda ended, _: ended.code == 0 and "2 entries" in ended.err,
    ),
    "ppg cache list /data/ppg-cache": (
        "cache list shared",
        "share",
        lambda ended, _: ended.code == 0 and "2 entries" in ended.err,
    ),
    "ppg cache prune --max-size 500GB": (
        "cache prune --max-size 500GB",
        "share",
        lambda ended, _: ended.code == 0 and "removed" in ended.err,
    ),
    "ppg cache prune --max-size 500GB /data/ppg-cache": (
        "cache prune --max-size 500GB shared",
        "share",
        lambda ended, _: ended.code == 0 and "removed" in ended.err,
    ),
    "ppg debug script.py JOB": ("debug script.py a.txt", "", debugged),
    "ppg debug script.py a.txt": ("debug script.py a.txt", "", debugged),
    "ppg status": (
        "status",
        "run script.py",
        lambda ended, _: ended.out.startswith("2 up to date\nnote: "),
    ),
    "ppg status script.py": (
        "status script.py",
        "run script.py",
        lambda ended, _: ended.out == "2 up to date\n",
    ),
    "ppg runs": ("runs", "run script.py", lambda ended, _: "done, 2 ran" in ended.out),
    "ppg runs --number 5": ("runs --number 5", "run script.py", lambda ended, _: "done, 2 ran" in ended.out),
    "ppg diff RUN1 RUN2": (
        "diff 1 1",
        "run script.py",
        lambda ended, _: ended.out.startswith("0 results differ"),
    ),
    "ppg diff 1 2": (
        "diff 1 2",
        "run script.py",
        lambda ended, _: ended.code == 2 and "there was no run 2" in ended.err,
    ),
    "ppg output JOB": (
        "output a.txt",
        "run script.py",
        lambda ended, _: "nothing is kept of 'a.txt'" in ended.err,
    ),
    "ppg output JOB -f": (
        "output a.txt -f",
        "run script.py",
        lambda ended, _: "nothing is kept of 'a.txt'" in ended.err,
    ),
    "ppg output a.txt -f": (
        "output a.txt",
        "run script.py",
        lambda ended, _: "nothing is kept of 'a.txt'" in ended.err,
    ),
    "ppg forget JOB": (
        "forget a.txt",
        "run script.py",
        lambda ended, project: (
            "a.txt is forgotten, and runs again" in ended.out and (project / "a.txt").exists()
        ),
    ),
    "ppg forget a.txt": ("forget a.txt", "run script.py", lambda ended, _: ended.code == 0),
    "ppg clean script.py": (
        "clean script.py",
        "run script.py",
        lambda ended, _: "nothing is left of jobs that are not declared" in ended.out,
    ),
    "ppg init": ("init", "", lambda ended, project: ended.code == 0 and (project / "pipeline.py").exists()),
    "ppg --version": ("--version", "", lambda ended, _: "ppg-cli" in ended.out),
}
OTHERWISE_TESTED = {
    "ppg log --listen": "tests/cli/test_log.py",
    "ppg log --listen --json": "tests/cli/test_log.py",
    "ppg run --on tcp://10.0.0.1:8786 script.py": "tests/end_to_end/test_dask_cluster.py",
    "ppg run --on slurm --machines 4 --cores-per-machine 16 --memory 64GB --walltime 4h script.py": "tests/cluster/test_slurm.py",
    "ppg run --profile cluster script.py": "tests/cluster/test_slurm.py",
    "ppg run --profile cluster --on local": "tests/cli/test_settings.py",
    "ppg run -j 4": "tests/cli/test_settings.py",
    "ppg run script.py --watch": "tests/cli/test_run_options.py",
    "ppg --install-completion": "tests/cli/test_records.py",
}


def test_each_command_line_of_the_documentation_has_a_check():
    lines = documented()
    assert lines == {*CHECKS, *OTHERWISE_TESTED}
    assert "ppg graph dump script.py -f dot" in lines
    for line, where in OTHERWISE_TESTED.items():
        assert line.split()[-1] in (ROOT / where).read_text()


@pytest.mark.parametrize("line", CHECKS)
def test_a_documented_command_line_does_what_is_said(project, line):
    typed, before, holds = CHECKS[line]
    project.script(SCRIPT)
    project.script(SCRIPT, "hello.py")
    if before == "share":
        project.environment["PPG_SHARED_CACHE"] = str(project / "shared")
        assert project.ppg("run", "script.py").code == 0
    elif before.startswith("make"):
        for name in before.split()[1:]:
            (project / name).write_text("text")
    elif before:
        assert project.ppg(*before.split()).code == 0
    ended = project.ppg(*typed.split())
    assert holds(ended, project), ended
