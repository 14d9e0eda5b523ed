"""Jobs: the kinds of jobs, and their common base."""
