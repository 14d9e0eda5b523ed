"""Settings: of `ppg run`, from the command line and from `ppg.toml` or `[tool.ppg]` in `pyproject.toml`."""
