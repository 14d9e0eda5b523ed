"""Examine: puts the findings in their order."""

from collections.abc import Iterator
from pathlib import Path

from ppg.doctor.finding import Finding
from ppg.doctor.folders import folder_findings
from ppg.doctor.machine import machine_findings
from ppg.doctor.surroundings import surrounding_findings

__all__ = ["examine"]


def examine(project: Path) -> Iterator[Finding]:
    """Yield what ppg finds of a project's folder, the machine and the environment; changes nothing.

    Parameters:
        project: an existing folder.
    """
    yield from folder_findings(project.absolute())
    yield from machine_findings()
    yield from surrounding_findings()
