"""Kinds: the room for what every kind of job has: hooks, options, a callback, and a graph."""
