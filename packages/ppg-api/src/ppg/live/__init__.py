"""Live: draws the state of a run on a terminal, as one block below everything else."""
