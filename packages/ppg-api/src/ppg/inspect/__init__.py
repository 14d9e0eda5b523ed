"""Inspect: previews, verification and explanations; runs nothing."""
