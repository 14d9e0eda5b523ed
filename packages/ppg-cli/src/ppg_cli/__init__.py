"""ppg_cli."""
