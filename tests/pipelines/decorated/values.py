"""Values between steps, without files of one's own."""

from pathlib import Path

import ppg


def declare(numbers: list[int]) -> ppg.FileGeneratingJob:
    """Declare all jobs; return the last one."""

    @ppg.data("numbers")
    def loaded(numbers: list[int] = numbers) -> list[int]:
        return sorted(numbers)

    @ppg.data("squares")
    def squares(numbers: list[int] = ppg.upstream(loaded)) -> dict[int, int]:
        return {number: number**2 for number in numbers}

    @ppg.file("sum")
    def total(out: Path, squares: dict[int, int] = ppg.upstream(squares)) -> None:
        out.write_text(str(sum(squares.values())))

    @ppg.file("report")
    def report(
        out: Path,
        total: Path = ppg.upstream(total),
        values: list[list[int]] = ppg.upstream([loaded]),
    ) -> None:
        out.write_text(f"{values[0]}: {total.read_text()}")

    return report


if __name__ == "__main__":
    ppg.new_pipegraph()
    declare([3, 1, 2])
    ppg.run_pipegraph()
