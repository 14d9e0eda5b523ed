"""Reports as text."""

from collections.abc import Sequence

from tests.benchmarks.goals import assess
from tests.benchmarks.peers.ppg import Ppg
from tests.benchmarks.report import Key, Report, Spread
from tests.benchmarks.workloads import WORKLOADS

__all__ = ["aligned", "render"]

MIB = 1 << 20


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns: the first on the left, the others on the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def render(report: Report) -> str:
    """Everything for people to read."""
    parts = [_machine(report), _peers(report)]
    parts += [_graph(report, workload, shape) for workload, shape in report.graphs()]
    parts += [
        f"{program.name} (exit code {program.exit_code})\n{program.output.rstrip()}"
        for program in report.programs
    ]
    goals = assess(report)
    if goals:
        parts.append("Goals, as far as this run says something about them\n" + aligned(goals))
    return "\n\n".join(parts) + "\n"


def seconds(value: float) -> str:
    """Three digits, more or less."""
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _machine(report: Report) -> str:
    machine = report.machine
    modified = " with changes" if machine.modified else ""
    busy = f"; others kept it busy (load {machine.load} at the start)" if machine.load > 0.5 else ""
    return (
        f"Commit {machine.commit}{modified}, {machine.when}, sizes: {report.size}. {machine.cores} cores "
        f"({machine.processor}), Linux {machine.kernel}, Python {machine.python}{busy}.\n"
        "Whole processes, from exec to exit: median in seconds (smallest to largest) and × what ppg takes; peak memory "
        "in MiB of the largest process, at least a bare Python's. Only ratios within one run mean anything."
    )


def _peers(report: Report) -> str:
    rows = []
    for name, note in report.peers.items():
        state = ", ".join(note.does_less)
        if note.unavailable:
            state = f"does not take part: {_indented(note.unavailable)}"
        rows.append(f"  {name} {note.version or ''}{': ' + state if state else ''}")
    return "\n".join(rows)


def _graph(report: Report, workload: str, shape: str) -> str:
    steps = report.steps(workload, shape)
    rows = [["", *(heading for step in steps for heading in (step, "", "× ppg", "MiB"))]]
    for peer in report.peers:
        keys = [Key(workload, shape, step, peer) for step in steps]
        if any(key in report.samples for key in keys):
            rows.append([peer, *(cell for key in keys for cell in _cells(report, key))])
    lines = [f"{workload} {shape}: {WORKLOADS[workload].title}"]
    if len(rows) > 1:
        lines.append(aligned(rows))
    lines += [
        f"{gap.peer}: {gap.kind.value}: {_indented(gap.reason)}"
        for gap in report.gaps
        if (gap.workload, gap.shape) == (workload, shape)
    ]
    return "\n".join(lines)


def _cells(report: Report, key: Key) -> list[str]:
    wall = report.wall(key)
    memory = report.peak_memory(key)
    if wall is None or memory is None:
        return ["–", "", "", ""]
    ours = report.wall(Key(key.workload, key.shape, key.step, Ppg.name))
    ratio = f"{wall.median / ours.median:.2f}" if ours else ""
    return [seconds(wall.median), _range(wall), ratio, f"{memory.median / MIB:.0f}"]


def _range(spread: Spread) -> str:
    return f"({seconds(spread.low)} to {seconds(spread.high)})" if spread.count > 1 else "(one run)"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
