"""The `ppg` command: parse, call, render; nothing else."""

__all__: list[str] = []
