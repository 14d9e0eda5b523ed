"""ppg_cli: parses the command line of `ppg`, calls `ppg`, and renders the answer."""

__all__: list[str] = []
