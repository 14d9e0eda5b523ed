"""Reads: what jobs read without depending on it; recorded, and a reason to run."""
