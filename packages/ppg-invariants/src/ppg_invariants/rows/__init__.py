"""Rows: the room for what the store keeps, as values and as rows that are sound or not."""
