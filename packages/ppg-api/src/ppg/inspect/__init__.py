"""Inspect: previews, verifies and explains runs, without running anything."""
