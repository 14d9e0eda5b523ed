"""Debug: calls one job in the process of the script, and leads what it writes into a scratch copy."""
