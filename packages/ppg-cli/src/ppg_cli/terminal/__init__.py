"""Terminal: holds the progress display, the standard streams, and the warnings."""
