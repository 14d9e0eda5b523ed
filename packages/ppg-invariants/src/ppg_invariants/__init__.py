"""ppg_invariants."""
