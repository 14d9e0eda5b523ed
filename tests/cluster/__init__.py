"""Cluster: tests with several machines, which are namespaces of this one; `python -m tests.cluster` starts a real Slurm."""
