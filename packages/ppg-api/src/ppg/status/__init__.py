"""Status: reads and writes the history in the store, and observes the jobs of this run."""
