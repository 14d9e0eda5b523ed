"""Model: what a graph and its records are."""
