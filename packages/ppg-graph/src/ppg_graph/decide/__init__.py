"""Decide: the evaluator."""
