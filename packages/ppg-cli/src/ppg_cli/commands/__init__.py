"""Commands: holds one module per command."""
