"""Accept: takes existing outputs over without running their jobs."""
