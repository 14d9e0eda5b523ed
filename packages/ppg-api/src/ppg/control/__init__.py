"""Control: receives signals, reads the terminal, and executes the commands that users type."""
