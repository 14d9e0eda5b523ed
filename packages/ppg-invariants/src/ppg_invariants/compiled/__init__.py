"""Compiled: fingerprints code objects, and finds their sources and their origin."""
