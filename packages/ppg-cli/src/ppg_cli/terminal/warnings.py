"""What ppg's packages warn of in Python's way becomes a message of `ppg`, without a line of our source."""

import warnings
from typing import TextIO

from ppg_cli.terminal.streams import complain

__all__ = ["show_own_warnings_as_messages"]

REMEDY = {
    "StoreDamagedWarning": "If outputs without a record are known to be right, `ppg accept SCRIPT` takes them over instead"
}
"""What the user can do, by the class of the warning."""


def show_own_warnings_as_messages() -> None:
    """Show warnings of our classes as messages; those of others stay what they are."""
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
