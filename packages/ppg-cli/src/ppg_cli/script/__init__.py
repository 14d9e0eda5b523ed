"""Script: runs the user's script, or stops it where it would run its graph."""
