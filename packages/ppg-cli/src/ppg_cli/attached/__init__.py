"""Attached: starts runs without a terminal, and shows runs of other terminals."""
