"""Pickling: callbacks and results on their way between processes."""
