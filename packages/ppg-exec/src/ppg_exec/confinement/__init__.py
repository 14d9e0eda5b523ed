"""Confinement: has what lets a job process read and write only what its task names, by the kernel's Landlock."""
