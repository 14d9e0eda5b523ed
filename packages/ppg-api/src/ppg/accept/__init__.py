"""Accept: records existing outputs without running their jobs."""
