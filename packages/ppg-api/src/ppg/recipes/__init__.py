"""Recipes: jobs that are made of other jobs."""
