"""Records: has the commands that show what the store remembers, and that tidy up."""
