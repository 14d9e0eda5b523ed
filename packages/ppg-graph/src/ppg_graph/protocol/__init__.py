"""Protocol: what is said to the evaluator and by it."""
