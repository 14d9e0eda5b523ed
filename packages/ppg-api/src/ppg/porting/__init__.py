"""Porting: the names of pypipegraph and pypipegraph2 that ppg does not have, and the errors that name the remedy."""
