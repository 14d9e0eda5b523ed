"""Decide: the evaluator, which decides which jobs must run."""
