"""ppg_exec."""
