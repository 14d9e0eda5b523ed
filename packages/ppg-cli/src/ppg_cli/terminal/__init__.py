"""Terminal: the display and the streams."""
