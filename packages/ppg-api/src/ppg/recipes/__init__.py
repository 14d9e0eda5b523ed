"""Recipes: jobs that are built from other jobs."""
