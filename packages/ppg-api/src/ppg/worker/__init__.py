"""Worker: lean code for job processes."""
