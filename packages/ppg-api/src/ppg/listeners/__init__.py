"""Listeners to the events of a run: what is shown, and what is written to log files."""

__all__: list[str] = []
