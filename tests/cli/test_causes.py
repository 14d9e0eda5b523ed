"""Root causes: four common events, each shown in less than 15 lines, the cause first, and nothing that is folded is lost."""

import re
import sys

import pytest

MOST_LINES = 14

SAMPLES = """
ppg.new_pipegraph()
def counts(reads):
    if "corrupt" in reads:
        raise ValueError("bad header")
    return str(len(reads))
for number in range({samples}):
    def make(path, number=number):
        print("reading sample", number)
        path.write_text(counts(Path(f"in/{{number}}.fq").read_text()))
    (
        ppg.FileGeneratingJob(f"out/{{number}}.txt", make)
        .depends_on_params({{"minq": {minq}}})
        .depends_on(ppg.FileInvariant(f"in/{{number}}.fq"))
    )
def total(path):
    path.write_text(str(sum(int(Path(f"out/{{number}}.txt").read_text()) for number in range({samples}))))
ppg.FileGeneratingJob("total.txt", total).depends_on([f"out/{{number}}.txt" for number in range({samples})])
ppg.run_pipegraph()
"""


@pytest.fixture
def samples(project):
    """A pipeline with samples, and its inputs."""

    def write(count=16, minq=20, corrupt=()):
        (project / "in").mkdir(exist_ok=True)
        for number in range(count):
            (project / f"in/{number}.fq").write_text("corrupt" if number in corrupt else "ACGT" * number)
        project.script(SAMPLES.format(samples=count, minq=minq))

    return write


def lines_of(ended):
    """All lines, but those on progress, of which a slow machine has more: also starts for reasons that were told before."""
    lines, told = [], set()
    for line in ended.err.splitlines():
        started = re.fullmatch(r"ppg: start   \S+: (.*)", line)
        is_progress = re.search(r"\d of [\d,]+ jobs, ", line) or (started and started[1] in told)
        if not is_progress:
            lines.append(line)
        if line.startswith("ppg: start"):
            told.add(line.partition(": ")[2].partition(": ")[2])
    return lines


def test_a_changed_parameter_is_one_line_with_its_values_and_their_number(project, samples):
    samples()
    assert project.ppg("run", "script.py").code == 0
    samples(minq=29)
    ended = project.ppg("run", "script.py")
    lines = lines_of(ended)
    assert len(lines) <= MOST_LINES
    assert re.fullmatch(r"ppg: start   out/\d+.txt, and 15 more jobs: minq: 20 → 29", lines[0])
    assert lines[1] == "ppg: why     minq: 20 → 29: 16 jobs (out/0.txt, out/1.txt, out/2.txt, …)"
    assert "minq: 20 → 29" in project.ppg("why", "out/15.txt").out


@pytest.mark.parametrize(
    "declared",
    [
        "ppg.file(name)(call, sample=number, minq=minq)",
        "ppg.file(name)(lambda path, number=number, minq=minq: call(path, number, minq))",
        "ppg.file(name)(lambda path, number=number: call(path, number, minq))",
        "ppg.ExternalJob(name, ['echo', minq], stdout=name)",
    ],
)
def test_one_change_of_many_jobs_is_one_line_however_they_get_the_value(project, declared):
    script = f"""
        minq = int(sys.argv[1])
        def call(path, sample, minq):
            path.write_text(f"{{sample}} {{minq}}")
        ppg.new_pipegraph()
        for number in range(300):
            name = f"calls/{{number}}.vcf"
            {declared}
    """
    project.script(script)
    assert project.ppg("run", "script.py", "--", "20").code == 0
    planned = project.ppg("run", "script.py", "--dry-run", "--", "29").out.splitlines()
    assert len(planned) == 2
    assert re.search("20'? → '?29", planned[0])
    (standing,) = project.ppg("status", "script.py", "--", "29").out.splitlines()[:-1]
    assert "300 jobs" in standing
    lines = lines_of(project.ppg("run", "script.py", "--", "29"))
    assert len(lines) == 3
    assert "299 more jobs: " in lines[0]
    assert re.search("20'? → '?29", lines[0])
    assert lines[1].startswith("ppg: why ")
    assert re.search("20'? → '?29", lines[1])
    assert ": 300 jobs (" in lines[1]


def test_a_change_is_shown_with_what_it_led_to_downstream(project, samples):
    samples()
    assert project.ppg("run", "script.py").code == 0
    (project / "in/3.fq").write_text("ACGTA")
    said = project.ppg("run", "script.py").err
    assert "ppg: why     in/3.fq changed: 1 job (out/3.txt); after that 1 job (total.txt)\n" in said


@pytest.mark.parametrize("command", ["ppg", "python"])
def test_many_equal_failures_are_one_report_and_one_line(project, samples, command):
    samples(count=300, corrupt=range(300))
    if command == "ppg":
        ended = project.ppg("run", "script.py")
    else:
        ended = project.command(sys.executable, "script.py")
    lines = lines_of(ended)
    if command == "python":
        lines = lines[: lines.index("Traceback (most recent call last):")]  # that of the script itself
    assert len(lines) <= MOST_LINES
    (first,) = [line for line in lines if line.startswith("ppg: FAILED")]
    assert first.endswith(": ValueError: bad header")
    assert lines.index(first) <= 1
    assert (
        "ppg: failed  ValueError: bad header (counts(), script.py:20): 300 jobs "
        "(out/0.txt, out/1.txt, out/2.txt, …); blocked: 1 job (total.txt)" in lines
    )
    for number in (0, 150, 299):
        why = project.ppg("why", f"out/{number}.txt").out
        assert "ValueError: bad header" in why
        assert 'raise ValueError("bad header")' in why
        assert f"reading sample {number}\n" in why


def test_one_failing_sample_is_shown_with_its_place_and_its_output(project, samples):
    samples(corrupt=[7])
    ended = project.ppg("run", "script.py")
    lines = lines_of(ended)
    assert len(lines) <= MOST_LINES
    assert lines[1] == "ppg: FAILED 'out/7.txt': ValueError: bad header"
    assert '    File "' in lines[3]
    assert "    reading sample 7" in lines
    assert (
        "ppg: failed  ValueError: bad header (counts(), script.py:20): 1 job (out/7.txt); blocked: 1 job (total.txt)"
        in lines
    )


def test_a_missing_input_is_shown_with_the_jobs_that_it_blocks(project, samples):
    samples()
    (project / "in/5.fq").unlink()
    lines = lines_of(project.ppg("run", "script.py"))
    assert len(lines) <= MOST_LINES
    failed = next(line for line in lines if "FAILED" in line)
    assert failed.startswith("ppg: FAILED 'in/5.fq'")
    assert failed.endswith(" does not exist; put it right, or correct its name in the script")
    assert lines.index(failed) <= 1
    (line,) = [line for line in lines if line.startswith("ppg: failed")]
    assert line.endswith(": 1 job (in/5.fq); blocked: 2 jobs (out/5.txt, total.txt)")


def test_many_missing_inputs_are_few_lines_for_every_command(project):
    project.script("""
        ppg.new_pipegraph()
        for number in range(300):
            ppg.FileGeneratingJob(f"out/{number}.txt", writes("x")).depends_on(f"raw/{number}.fq")
    """)
    for command in (["run"], ["run", "--dry-run"], ["status"], ["verify"]):
        ended = project.ppg(*command, "script.py")
        lines = (ended.err if command == ["run"] else ended.out).splitlines()
        assert len(lines) <= 5
        assert "does not exist; put it right, or correct its name in the script" in lines[0]


def test_the_log_names_every_job_that_the_lines_fold(project, samples):
    (project / "logs").mkdir()
    samples(count=30, corrupt=range(10))
    project.ppg("run", "script.py")
    log = (project / "logs/ppg_run.txt").read_text()
    errors = (project / "logs/ppg_errors.txt").read_text()
    for number in range(30):
        assert f"has to run: out/{number}.txt (new: never built)" in log
    for number in range(10):
        assert f"failed: out/{number}.txt (ValueError)" in log
        assert f"FAILED 'out/{number}.txt'\n" in errors
    assert "blocked: total.txt" in log


def test_different_failures_are_different_lines(project):
    project.script("""
        ppg.new_pipegraph()
        def fails(path):
            if path.name < "s5":
                raise ValueError(f"no reads in {path.name}")
            return 1 / 0
        for number in range(10):
            ppg.FileGeneratingJob(f"s{number}", fails)
    """)
    said = project.ppg("run", "script.py").err
    assert said.count("ppg: FAILED") == 2
    assert re.search(r"ppg: failed  ValueError: no reads in s\d \(fails\(\), script.py:20\): 5 jobs", said)
    assert re.search(r"ppg: failed  ZeroDivisionError: division by zero \(.*script.py:21\): 5 jobs", said)


def test_the_error_of_a_run_folds_equal_failures_as_well(project):
    project.script("""
        ppg.new_pipegraph()
        for number in range(40):
            ppg.FileGeneratingJob(f"s{number}", lambda path: 1 / 0)
        try:
            ppg.run_pipegraph()
        except ppg.RunFailed as error:
            print(error)
            print(len(error.exceptions))
    """)
    said = project.command(sys.executable, "script.py").out.splitlines()
    assert said[0] == "40 jobs failed"
    assert re.fullmatch(r"  's\d+', 's\d+', 's\d+' and 37 more: ZeroDivisionError: division by zero", said[1])
    assert said[-1] == "40"
    assert len(said) == 4
