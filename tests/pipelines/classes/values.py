"""Values between steps, without files of one's own."""

from pathlib import Path

import ppg


class Numbers:
    """Numbers: gets its attributes in the compute node."""

    numbers: list[int]
    squares: dict[int, int]


def declare(numbers: list[int]) -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""
    data = Numbers()

    def squares() -> dict[int, int]:
        return {number: number**2 for number in data.numbers}

    def write_sum(out: Path) -> None:
        out.write_text(str(sum(data.squares.values())))

    def write_report(out: Path) -> None:
        out.write_text(f"{data.numbers}: {Path('sum').read_text()}")

    loaded = ppg.AttributeLoadingJob("numbers", data, "numbers", lambda: sorted(numbers))
    squared = ppg.AttributeLoadingJob("squares", data, "squares", squares).depends_on(loaded)
    total = ppg.FileGeneratingJob("sum", write_sum).depends_on(squared)
    return ppg.FileGeneratingJob("report", write_report).depends_on(total, loaded)


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare([3, 1, 2])
    ppg.run_pipegraph()
