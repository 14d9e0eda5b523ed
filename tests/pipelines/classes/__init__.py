"""The pipelines with classes."""
