"""Decide: the evaluator, which decides what jobs must run."""
