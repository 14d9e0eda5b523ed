"""Run: the run loop."""
