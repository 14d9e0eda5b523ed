"""The harness itself: what it lets pass, what it says, and what it keeps."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.cases import Case, Session, Size, Step, Workload, sessions
from tests.benchmarks.checking import WrongResult, affected, check, write_input
from tests.benchmarks.compare import compare
from tests.benchmarks.environments import NOT_PASSED_ON, Environment, compile_bytecode, measurable_variables
from tests.benchmarks.goals import assess
from tests.benchmarks.measuring import Crash, Sample, measure
from tests.benchmarks.peers import PEERS, Peer, Work
from tests.benchmarks.peers.bare import Bare
from tests.benchmarks.programs import PROGRAMS
from tests.benchmarks.report import ROOT, Gap, GapKind, Key, Machine, PeerNote, Report, load, save
from tests.benchmarks.runner import Runner, rotated
from tests.benchmarks.scripts.shapes import jobs, produce
from tests.benchmarks.table import aligned, render
from tests.benchmarks.workloads import WORKLOADS

SHAPE = "layers 3 4"
MACHINE = Machine(2, "a processor", "6.18", "3.11.7", 1 << 34, 0.1, "abc1234", False, "2026-01-01 00:00:00")


class InPlace(Bare):
    """The limit, under this process's interpreter, so that nothing is installed."""

    script: ClassVar[str] = ""

    def environment(self) -> Environment:
        return Environment(Path(sys.prefix))

    def command(self, environment: Environment, work: Work, step: Step) -> Sequence[str]:
        command = [*super().command(environment, work, step)]
        return [sys.executable, "-S", "-c", self.script, work.shape] if self.script else command


class Overwriting(InPlace):
    """Does everything again, every time."""

    name: ClassVar[str] = "overwriting"
    script: ClassVar[str] = (
        "import sys; from shapes import *; [produce(name, source) for name, _, source in jobs(sys.argv[1])]"
    )


class Forgetful(InPlace):
    """Leaves out everything but the first job."""

    name: ClassVar[str] = "forgetful"
    script: ClassVar[str] = "from shapes import *; produce('out/0_0', INPUT)"


class Crashing(InPlace):
    """Says something and dies."""

    name: ClassVar[str] = "crashing"
    script: ClassVar[str] = "import sys; sys.exit('out of luck')"


class Bystander(InPlace):
    """Cannot do what is asked."""

    name: ClassVar[str] = "bystander"
    most_jobs: ClassVar[int | None] = 3


def made(directory: Path, shape: str = SHAPE) -> Path:
    """A directory in which the graph has run."""
    Path(directory, "out").mkdir()
    write_input(directory, 0)
    remake(directory, shape)
    return directory


def remake(directory: Path, shape: str) -> None:
    """Run the graph."""
    previous = Path.cwd()
    os.chdir(directory)
    try:
        for name, _, source in jobs(shape):
            produce(name, source)
    finally:
        os.chdir(previous)


def run(session: Session, scratch: Path, *peers: Peer, repetitions: int = 1) -> Runner:
    """Measure without trying out first, so that the first failure is in the report's gaps."""
    runner = Runner(
        Report("quick", MACHINE),
        {peer.name: peer for peer in peers},
        cores=2,
        repetitions=repetitions,
        limit=60,
        scratch=scratch,
    )
    runner.environments = {peer.name: peer.environment() for peer in peers}
    runner.run(session)
    return runner


def report_of(wall: Sequence[float], *, peer: str = "ppg") -> Report:
    """A report of one step."""
    report = Report("full", MACHINE, peers={peer: PeerNote("1.0", ())})
    for seconds in wall:
        report.add(Key("P1", "wide 10000", "fresh", peer), Sample(seconds, seconds, 1 << 24))
    return report


# -- results are checked ---------------------------------------------------------------------------------


def test_right_files_pass(tmp_path: Path) -> None:
    stamps = check(made(tmp_path), SHAPE, Step.FRESH, 0, {})
    assert len(stamps) == 12
    assert check(tmp_path, SHAPE, Step.NOOP, 0, stamps) == stamps


def test_a_missing_file_is_a_wrong_result(tmp_path: Path) -> None:
    (made(tmp_path) / "out/1_2").unlink()
    with pytest.raises(WrongResult, match="out/1_2 was not made"):
        check(tmp_path, SHAPE, Step.FRESH, 0, {})


def test_wrong_content_is_a_wrong_result(tmp_path: Path) -> None:
    (made(tmp_path) / "out/1_2").write_text("out/1_2 7\n")
    with pytest.raises(WrongResult, match="out/1_2 contains"):
        check(tmp_path, SHAPE, Step.FRESH, 0, {})


def test_a_file_too_many_is_a_wrong_result(tmp_path: Path) -> None:
    (made(tmp_path) / "out/extra").touch()
    with pytest.raises(WrongResult, match="1 files more"):
        check(tmp_path, SHAPE, Step.FRESH, 0, {})


def test_a_file_made_in_vain_is_a_wrong_result(tmp_path: Path) -> None:
    stamps = check(made(tmp_path), SHAPE, Step.FRESH, 0, {})
    content = (tmp_path / "out/1_2").read_text()
    (tmp_path / "out/1_2").unlink()
    (tmp_path / "out/1_2").write_text(content)
    os.utime(tmp_path / "out/1_2", ns=(1, 1))
    with pytest.raises(WrongResult, match="1 files were made instead of 0"):
        check(tmp_path, SHAPE, Step.NOOP, 0, stamps)


def test_a_change_reaches_all_that_is_downstream_and_nothing_else(tmp_path: Path) -> None:
    assert affected(SHAPE) == {name for name, _, _ in jobs(SHAPE)} - {"out/0_1", "out/0_2", "out/0_3"}
    assert len(affected("layers 20 50")) == 951
    assert affected("wide 5") == {"out/0"}
    assert len(affected("chain 5")) == 5


def test_files_made_by_declaring_are_a_wrong_result(tmp_path: Path) -> None:
    with pytest.raises(WrongResult, match="nothing was to be run"):
        check(made(tmp_path), SHAPE, Step.DECLARE, 0, {})


# -- processes are measured ------------------------------------------------------------------------------


def test_a_process_is_measured_by_itself(tmp_path: Path) -> None:
    ballast = bytearray(256 << 20)
    ballast[:: 1 << 12] = b"x" * (1 << 16)
    sample = measure([sys.executable, "-S", "-c", "pass"], directory=tmp_path, variables={}, limit=60)
    assert 1 << 20 < sample.peak_memory < 128 << 20, "the harness's own memory must not count"
    assert sample.cpu > 0
    assert sample.wall > 0


def test_a_crash_has_the_exit_code_and_the_last_output(tmp_path: Path) -> None:
    with pytest.raises(Crash, match="exit code 1\nout of luck"):
        measure([sys.executable, "-c", Crashing.script], directory=tmp_path, variables={}, limit=60)


def test_a_process_that_does_not_end_is_killed(tmp_path: Path) -> None:
    forever = "import signal; signal.pause()"
    with pytest.raises(Crash, match="killed after 1 s"):
        measure([sys.executable, "-S", "-c", forever], directory=tmp_path, variables={}, limit=1)


def test_a_program_that_does_not_exist_is_a_crash(tmp_path: Path) -> None:
    with pytest.raises(Crash, match="cannot be started"):
        measure([str(tmp_path / "none")], directory=tmp_path, variables={}, limit=60)


# -- what is measured starts fast --------------------------------------------------------------------------


@pytest.fixture
def slowing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All variables are set that no measured process gets; none of them lets what is started here fail."""
    for name in NOT_PASSED_ON:
        monkeypatch.setenv(name, "1")


@pytest.mark.usefixtures("slowing")
def test_variables_that_slow_a_start_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPG_BENCHMARK_TEST", "stays")
    variables = measurable_variables()
    assert "PYTHONDONTWRITEBYTECODE" in NOT_PASSED_ON
    assert not variables.keys() & set(NOT_PASSED_ON)
    assert variables["PPG_BENCHMARK_TEST"] == "stays"


@pytest.mark.usefixtures("slowing")
def test_bytecode_is_there_before_anything_is_imported(tmp_path: Path) -> None:
    module = tmp_path / "package" / "module.py"
    module.parent.mkdir()
    module.write_text("value = 1\n")
    compile_bytecode(tmp_path)
    [compiled] = (module.parent / "__pycache__").iterdir()
    assert compiled.suffix == ".pyc"


def test_a_module_of_ours_that_cannot_be_compiled_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("value =\n")
    with pytest.raises(subprocess.CalledProcessError):
        compile_bytecode(tmp_path)
    compile_bytecode(tmp_path, check=False)


@pytest.mark.usefixtures("slowing")
def test_a_benchmark_starts_itself_again_without_these_variables_and_with_its_arguments() -> None:
    program = (
        "import os, sys\n"
        "from tests.benchmarks.environments import NOT_PASSED_ON, restart_measurable\n"
        "restart_measurable()\n"
        "print(sys.dont_write_bytecode, set(NOT_PASSED_ON) & set(os.environ), sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", program, "jobs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False set() ['jobs', '2']\n"


# -- sessions ----------------------------------------------------------------------------------------------

ALL_STEPS = Session(SHAPE, (("P3", Step.FRESH), ("P3", Step.NOOP), ("P3", Step.CHANGE)), repeat=True)


def test_every_step_is_measured_in_every_round(tmp_path: Path) -> None:
    runner = run(ALL_STEPS, tmp_path, InPlace(), repetitions=2)
    assert not runner.failed, runner.report.gaps
    counts = {key.step: len(samples) for key, samples in runner.report.samples.items()}
    assert counts == {"fresh": 2, "noop": 2, "change": 2}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (Overwriting(), "noop: 12 files were made instead of 0"),
        (Forgetful(), "fresh: out/0_1 was not made"),
        (Crashing(), "fresh: exit code 1\nout of luck"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_goes_wrong_is_a_gap_and_ends_the_round_of_that_peer_alone(
    tmp_path: Path, peer: Peer, reason: str
) -> None:
    runner = run(ALL_STEPS, tmp_path, peer, InPlace())
    [gap] = runner.report.gaps
    assert (gap.peer, gap.kind) == (peer.name, GapKind.FAILED)
    assert gap.reason.startswith(reason)
    assert not runner.failed, "what others do wrong is a finding"
    assert Key("P3", SHAPE, "change", InPlace.name) in runner.report.samples
    assert Key("P3", SHAPE, "change", peer.name) not in runner.report.samples


def test_what_is_ours_must_not_go_wrong(tmp_path: Path) -> None:
    class OursCrashing(Crashing):
        name: ClassVar[str] = "ppg"

    assert run(ALL_STEPS, tmp_path, OursCrashing()).failed


def test_a_peer_that_cannot_do_a_graph_is_reported(tmp_path: Path) -> None:
    runner = run(ALL_STEPS, tmp_path, Bystander())
    [gap] = runner.report.gaps
    assert (gap.peer, gap.kind) == ("bystander", GapKind.LEFT_OUT)
    assert "more than 3 jobs" in gap.reason


def test_a_peer_that_does_not_run_here_is_reported(tmp_path: Path) -> None:
    runner = Runner(
        Report("quick", MACHINE), {"crashing": Crashing()}, cores=2, repetitions=1, limit=60, scratch=tmp_path
    )
    runner.set_up()
    assert "out of luck" in (runner.report.peers["crashing"].unavailable or "")
    assert "does not take part" in render(runner.report)


def test_everyone_comes_first_in_turn() -> None:
    names = ["a", "b", "c"]
    assert [rotated(names, turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert sorted(rotated(names, 2)) == names


def test_cases_of_one_prepared_graph_share_its_directory() -> None:
    first = Workload("X", "", lambda size: [Case("wide 5", (Step.FRESH, Step.NOOP), repeat=False)])
    second = Workload("Y", "", lambda size: [Case("wide 5", (Step.FRESH, Step.CHANGE), repeat=False)])
    assert sessions([first, second], Size.QUICK) == [
        Session("wide 5", (("X", Step.FRESH), ("X", Step.NOOP), ("Y", Step.CHANGE)), repeat=False)
    ]


@pytest.mark.parametrize("size", Size)
def test_every_goal_has_a_workload_or_a_program(size: Size) -> None:
    assert sorted([*WORKLOADS, *PROGRAMS]) == [f"P{number}" for number in range(1, 10)]
    for session in sessions(WORKLOADS.values(), size):
        assert next(iter(jobs(session.shape)))[0].startswith("out/")


# -- reports -----------------------------------------------------------------------------------------------


def test_a_kept_report_says_the_same(tmp_path: Path) -> None:
    report = report_of([1.0, 2.0, 3.0])
    report.gaps.append(Gap("P1", "wide 10000", "doit", GapKind.LEFT_OUT, "it is late"))
    save(report, tmp_path / "new" / "report.json")
    assert render(load(tmp_path / "new" / "report.json")) == render(report)


def test_the_table_has_the_median_the_range_and_the_missing_peers() -> None:
    report = report_of([1.0, 4.0, 3.0])
    report.gaps.append(Gap("P1", "wide 10000", "doit", GapKind.LEFT_OUT, "it is late"))
    text = render(report)
    [row] = [line.split() for line in text.splitlines() if line.startswith("ppg   ")]
    assert row == ["ppg", "3.00", "(1.00", "to", "4.00)", "1.00", "16"]
    assert "doit: left out: it is late" in text


def test_columns_are_aligned() -> None:
    assert aligned([["name", "s"], ["a", "10.5"]]) == "name     s\na     10.5"


def test_a_goal_is_assessed_if_both_sides_were_measured() -> None:
    report = report_of([2.0])
    assert assess(report) == []
    report.add(Key("P1", "wide 10000", "fresh", "ninja"), Sample(1.0, 1.0, 1 << 20))
    assert assess(report)[1:] == [["P1 fresh, ppg / ninja", "wide 10000", "2.00", "1.00", "missed"]]


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ([2.0, 2.1, 2.2], "slower"),
        ([0.5, 0.6, 0.7], "faster"),
        ([0.9, 1.3, 1.4], "same"),
        ([2.0], "too few runs"),
    ],
)
def test_a_comparison_distinguishes_change_from_noise(new: Sequence[float], verdict: str) -> None:
    text = compare(report_of([1.0, 1.1, 1.2]), report_of(new))
    assert text.splitlines()[-1].endswith(verdict)


def test_reports_of_different_graphs_cannot_be_compared() -> None:
    assert "nothing in common" in compare(report_of([1.0]), Report("full", MACHINE))


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="not a benchmark report"):
        load(path)


@pytest.mark.parametrize("option", ["--peers=make", "--workloads=P0"])
def test_unknown_names_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option])
    assert "there is no" in capsys.readouterr().err


def test_every_peer_says_what_it_installs() -> None:
    for name, peer in PEERS.items():
        assert name == peer.name
        assert peer.install or name == Bare.name
