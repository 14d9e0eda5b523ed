"""Warnings: turns Python warnings of ppg's packages into messages of `ppg`, without a line of source."""

import warnings
from typing import TextIO

from ppg_cli.terminal.streams import complain

__all__ = ["show_own_warnings_as_messages"]

REMEDY = {
    "StoreDamagedWarning": "If outputs without a record are known to be right, `ppg accept SCRIPT` takes them over instead"
}
"""The remedy for the user, by the class of the warning."""


def show_own_warnings_as_messages() -> None:
    """Show warnings of ppg's classes as messages, and leave all others to Python."""
    as_before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        package, _, _ = category.__module__.partition(".")
        if package == "ppg" or package.startswith("ppg_"):
            remedy = REMEDY.get(category.__name__)
            complain(f"warning: {message}" + ("" if remedy is None else f". {remedy}"))
        else:
            as_before(message, category, filename, lineno, file, line)

    warnings.showwarning = show
