"""Session: the room for what the script is in the midst of: its current pipegraph and its namespace."""
