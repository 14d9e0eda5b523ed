"""Model: defines the graph and its records, without any decision."""
