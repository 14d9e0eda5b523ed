"""Journal: keeps on disk what happened in runs: the events for other programs, and the output of jobs."""
