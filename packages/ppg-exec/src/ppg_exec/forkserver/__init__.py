"""Forkserver: a clean process that starts nodes and fresh jobs, and its guard."""
