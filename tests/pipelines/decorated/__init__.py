"""The pipelines with decorators."""
