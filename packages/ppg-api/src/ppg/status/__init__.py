"""Status: what the store remembers and what is observed now."""
