"""Main: runs the subcommand of `ppg` that the command line names."""

from ppg_cli.imports import kept_for_good

__all__ = ["main"]


def main() -> None:
    """Run the command, and exit with 0, 1 (jobs failed), 2 (usage or script error) or 130 (interrupted)."""
    with kept_for_good():
        from ppg_cli.app import app  # noqa: PLC0415
        from ppg_cli.terminal.streams import occupy_closed_descriptors  # noqa: PLC0415
        from ppg_cli.terminal.warnings import show_own_warnings_as_messages  # noqa: PLC0415
    occupy_closed_descriptors()
    show_own_warnings_as_messages()
    app()
