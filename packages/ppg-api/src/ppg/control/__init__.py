"""Control: signals, the terminal and the commands that users type."""
