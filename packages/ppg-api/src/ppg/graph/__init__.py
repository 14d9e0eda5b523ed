"""Graph: what was declared."""
