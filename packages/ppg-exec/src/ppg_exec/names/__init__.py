"""Names: what names of modules stand for, compared and set in the compute node."""
