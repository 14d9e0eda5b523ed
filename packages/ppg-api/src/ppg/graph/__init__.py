"""Graph: the declared jobs and their dependencies."""
