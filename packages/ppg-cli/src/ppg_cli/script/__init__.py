"""Script: runs a script and collects the graph that it declares."""
