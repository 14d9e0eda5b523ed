"""stats: knows what a file was at a moment, and of which files one can know it later."""
