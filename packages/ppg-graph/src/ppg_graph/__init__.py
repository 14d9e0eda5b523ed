"""ppg_graph."""
